import os
import shutil
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_medkd.core.errors import RunProblem
from napari_medkd.core.events import EpochDone, Noticed, RunContinued, RunEnded, RunPaused, StepDone
from napari_medkd.core.run_layout import EVENTS, LOG
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.status import RunStatus, status_of
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat, reserve
from napari_medkd.runs.pulse import Beat, read_beat, write_beat
from napari_medkd.runs.watch import Watcher


def status_now(run: RunFolder) -> RunStatus:
    watcher = Watcher(run.path)
    watcher.poll()
    return watcher.status


def test_new_events_are_told_once(run_folder):
    watcher = Watcher(run_folder.path)
    before = watcher.poll()
    again = watcher.poll()

    run_folder.append(RunPaused(at=1.0))

    assert before == run_folder.events()[:-1]
    assert again == []
    assert watcher.poll() == [RunPaused(at=1.0)]


def test_status_and_curves_are_those_of_the_events(run_folder):
    watcher = Watcher(run_folder.path)

    with Heartbeat(run_folder.path, 1):
        write_beat(run_folder.path, replace(read_beat(run_folder.path), events_bytes=0))
        watcher.poll()

    assert watcher.status == status_of(run_folder.events())
    assert watcher.curves.losses["teacher", "dice"].steps == list(range(1, 11))
    assert watcher.curves.metrics["student", "score"].values == [0.5]


def test_a_folder_in_which_nothing_has_happened_is_queued(tmp_path):
    run = RunFolder.create(tmp_path, TrainSpec(datasets=(tmp_path,)))

    assert status_now(run) == RunStatus()


def test_a_process_that_has_said_nothing_yet_is_starting(tmp_path):
    run = RunFolder.create(tmp_path, TrainSpec(datasets=(tmp_path,)))

    with Heartbeat(run.path, 1):
        status = status_now(run)

    assert (status.phase, status.attempt) == ("starting", 1)


def test_a_continued_run_is_starting_before_its_first_word(run_folder):
    run_folder.append(RunEnded(outcome="failed", message="No memory.", hint="Take less."))

    with Heartbeat(run_folder.path, 2):
        status = status_now(run_folder)
        run_folder.append(RunContinued(stage="student", epoch=1, host="h", pid=1, attempt=2))
        continued = status_now(run_folder)

    assert (status.phase, status.outcome, status.message, status.hint) == ("starting", None, "", "")
    assert (status.attempt, status.stage, status.step) == (2, "student", 15)
    assert continued == status_of(run_folder.events())


def test_a_run_that_waits_for_another_is_queued_and_says_for_which(tmp_path):
    run = RunFolder.create(tmp_path, TrainSpec(datasets=(tmp_path,)))

    with Heartbeat(run.path, 1) as heartbeat:
        heartbeat.say(device="cuda 5f3c", waits_for="the first one")
        status = status_now(run)

    assert status.phase == "queued"
    assert status.message == "Waits until 'the first one' has ended: both compute on the same GPU."


def test_a_run_whose_process_is_gone_without_a_last_word_is_lost(run_folder):
    run_folder.log_path.write_bytes(b"epoch 1\nMemoryError: 12 GiB \xff\n\n")

    status = status_now(run_folder)

    assert (status.phase, status.outcome, status.is_live) == ("lost", None, False)
    assert status.message == (
        "The process ended without a last word. Its log ends with: MemoryError: 12 GiB \N{REPLACEMENT CHARACTER}"
    )
    assert status.hint == "Read the log, then continue the run from its last checkpoint."
    assert (status.stage, status.step) == ("student", 15)


def test_a_process_that_died_before_its_first_word_is_lost(tmp_path):
    run = RunFolder.create(tmp_path, TrainSpec(datasets=(tmp_path,)))
    reserve(run.path, 1, lambda: 2**22 + 1)

    status = status_now(run)

    assert status.phase == "lost"
    assert status.message == "The process ended without a last word."
    assert status.hint == "Read the log, then start the run again."


def test_a_continued_run_that_died_before_its_first_word_is_lost_again(run_folder):
    run_folder.append(RunEnded(outcome="cancelled"))
    cancelled = status_now(run_folder)
    reserve(run_folder.path, 2, lambda: 2**22 + 1)

    assert (cancelled.phase, cancelled.outcome) == ("ended", "cancelled")
    assert (status_now(run_folder).phase, status_now(run_folder).outcome) == ("lost", None)


def test_a_run_on_another_computer_is_lost_after_a_long_silence(run_folder):
    beat = Beat(host="node-3", pid=1, started_at=1.0, attempt=1, at=time.time(), claimed_at=1.0)
    write_beat(run_folder.path, beat)
    alive = status_now(run_folder)
    write_beat(run_folder.path, replace(beat, at=time.time() - 2 * 24 * 3600))

    status = status_now(run_folder)

    assert alive.phase == "training"
    assert (status.phase, status.message) == ("lost", "Nothing was heard of the process on node-3 for a long time.")


def test_an_ended_run_is_never_lost(run_folder):
    run_folder.append(RunEnded(outcome="completed", message="Done."))
    without = status_now(run_folder)
    beat = Beat(host="node-3", pid=1, started_at=1.0, attempt=1, at=1.0, claimed_at=1.0)
    write_beat(run_folder.path, beat)

    assert (without.phase, without.message) == ("ended", "Done.")
    assert status_now(run_folder).phase == "ended"


def test_a_run_is_not_lost_while_its_history_is_still_being_read(run_folder):
    run_folder.append(RunEnded(outcome="completed"))
    watcher = Watcher(run_folder.path)

    phases = []
    while watcher.poll(at_most_bytes=200):
        phases.append(watcher.status.phase)

    assert len(phases) > 5
    assert "lost" not in phases
    assert phases[-1] == "ended"


def test_a_last_word_written_while_the_process_is_looked_for_is_heard(run_folder, monkeypatch):
    watcher = Watcher(run_folder.path, look_every_seconds=0.0)
    feel = watcher._pulse.feel

    def feel_late():
        run_folder.append(RunEnded(outcome="completed"))
        return feel()

    monkeypatch.setattr(watcher._pulse, "feel", feel_late)

    events = watcher.poll()

    assert isinstance(events[-1], RunEnded)
    assert watcher.status.phase == "ended"


def test_a_lost_run_is_noticed_without_any_event(run_folder):
    watcher = Watcher(run_folder.path, look_every_seconds=0.0)
    with Heartbeat(run_folder.path, 1):
        run_folder.append(Noticed(message="on it"))
        watcher.poll()
        at_work = watcher.status.phase

    assert watcher.poll() == []
    assert (at_work, watcher.status.phase) == ("training", "lost")


def test_an_events_file_that_was_replaced_is_taken_in_anew(run_folder):
    watcher = Watcher(run_folder.path)
    watcher.poll()
    step = StepDone(stage="student", step=1, losses={"dice": 0.5}, seconds_per_step=0.1)

    (run_folder.path / EVENTS).write_bytes(b"")
    run_folder.append(step)
    events = watcher.poll()

    assert events == [step]
    assert watcher.status.latest == {"dice": 0.5}
    assert watcher.curves.losses["student", "dice"].steps == [1]


def test_a_folder_that_disappears_is_named(run_folder):
    watcher = Watcher(run_folder.path, look_every_seconds=0.0)
    watcher.poll()

    shutil.rmtree(run_folder.path)

    with pytest.raises(RunProblem, match="The run folder is not there"):
        watcher.poll()


def test_events_that_cannot_be_read_are_named(run_folder):
    (run_folder.path / EVENTS).unlink()
    (run_folder.path / EVENTS).mkdir()

    with pytest.raises(RunProblem, match=r"events\.jsonl: The file cannot be read"):
        Watcher(run_folder.path).poll()


def test_only_the_end_of_a_long_log_is_read_and_shown(run_folder):
    run_folder.log_path.write_text("x" * 100_000 + "\nRuntimeError: " + "y" * 1000)

    assert status_now(run_folder).message.endswith("ends with: RuntimeError: " + "y" * 286)


def test_a_log_that_ends_with_progress_is_not_taken_for_the_reason(run_folder):
    run_folder.log_path.write_text("RuntimeError: an older one\n  epoch 1/3  loss 2.569  24 s left\n")

    assert status_now(run_folder).message == "The process ended without a last word."


def test_the_command_alone_is_no_reason_why_a_process_died_early(tmp_path):
    run = RunFolder.create(tmp_path, TrainSpec(datasets=(tmp_path,)))
    reserve(run.path, 1, lambda: 2**22 + 1)

    run.log_path.write_text("$ python -m napari_medkd train --run error\n")
    killed = status_now(run).message
    with run.log_path.open("a") as log:
        log.write("The module torch is missing.\n")

    assert killed == "The process ended without a last word."
    assert status_now(run).message.endswith("Its log ends with: The module torch is missing.")


def test_a_log_without_words_adds_nothing(run_folder):
    (run_folder.path / LOG).write_text("\n\n")

    assert status_now(run_folder).message == "The process ended without a last word."


def steps_and_epochs() -> st.SearchStrategy[list[StepDone | EpochDone | Noticed | RunPaused]]:
    step = st.builds(
        lambda number, dice: StepDone(stage="student", step=number, losses={"dice": dice}, seconds_per_step=0.1),
        st.integers(1, 10),
        st.floats(0, 1),
    )
    epoch = st.builds(
        lambda number: EpochDone(stage="student", epoch=number, step=5 * number, metrics={"score": 1.0}, is_best=True),
        st.integers(1, 2),
    )
    return st.lists(st.one_of(step, step, step, epoch, st.just(Noticed(message="n")), st.just(RunPaused())))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(steps_and_epochs())
def test_without_curves_the_status_is_the_same(run_folder, events):
    (run_folder.path / EVENTS).unlink(missing_ok=True)
    for event in events:
        run_folder.append(event)
    full, light = Watcher(run_folder.path), Watcher(run_folder.path, with_curves=False)

    full.poll(None)
    light.poll(None)

    assert light.status == full.status
    assert light.curves.losses == {}


def test_the_own_process_of_a_run_may_watch_it(run_folder):
    with Heartbeat(run_folder.path, 1) as heartbeat:
        assert heartbeat.beat.pid == os.getpid()
        run_folder.append(RunPaused())

        assert status_now(run_folder).phase == "paused"
