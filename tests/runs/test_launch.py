import os
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from napari_medkd.core.errors import RunBusy, RunProblem
from napari_medkd.core.events import AnyEvent, RunContinued, RunEnded, RunStarted, StepDone
from napari_medkd.core.run_layout import EVENTS, HEARTBEAT
from napari_medkd.core.spec import MethodChoice, PredictSpec, Schedule, TrainSpec
from napari_medkd.core.status import RunStatus
from napari_medkd.runs.devices import live_runs_on
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.launch import Child, Here
from napari_medkd.runs.processes import find, started_at
from napari_medkd.runs.pulse import liveness, read_beat
from napari_medkd.runs.shelf import runs_in
from napari_medkd.runs.watch import Watcher
from tests.waiting import wait_until

pytestmark = pytest.mark.process

HERE = Here(program=(str(Path(__file__).with_name("small_trainer.py")),))
ON_POSIX = sys.platform != "win32"


@pytest.fixture
def new_run(tmp_path):
    """Return a function that makes a run of the small trainer; what was started is ended after the test."""
    made: list[RunFolder] = []

    def make(name: str = "small", **settings: bool | float) -> RunFolder:
        method = MethodChoice(name="small", settings={"steps": 100_000, **settings})
        spec = TrainSpec(name=name, datasets=(tmp_path / "data",), method=method, schedule=Schedule(epochs=1))
        made.append(RunFolder.create(tmp_path / "runs", spec))
        return made[-1]

    yield make
    for run in made:
        if child := child_at_work_on(run):
            child.end(grace_seconds=0)


def child_at_work_on(run: RunFolder) -> Child | None:
    beat = read_beat(run.path)
    return None if beat is None or liveness(run.path) != "alive" else Child(run.path, beat.pid, beat.started_at)


def status_of(run: RunFolder) -> RunStatus:
    watcher = Watcher(run.path)
    watcher.poll(None)
    return watcher.status


def wait_for_phase(run: RunFolder, phase: str) -> RunStatus:
    watcher = Watcher(run.path, look_every_seconds=0.0)

    def in_phase() -> bool:
        watcher.poll()
        return watcher.status.phase == phase

    wait_until(in_phase)
    return watcher.status


def wait_for_steps(run: RunFolder, step: int) -> None:
    watcher = Watcher(run.path)
    wait_until(lambda: any(isinstance(event, StepDone) and event.step >= step for event in watcher.poll()))


def of_kind(run: RunFolder, kind: type[AnyEvent]) -> list[AnyEvent]:
    return [event for event in run.events() if isinstance(event, kind)]


def test_a_run_is_launched_followed_and_completed(new_run):
    run = new_run(steps=20)

    child = HERE.start(run.path, resume=False)

    status = wait_for_phase(run, "ended")
    wait_until(lambda: not child.is_alive())
    assert (status.outcome, status.step, status.method) == ("completed", 20, "small")
    assert liveness(run.path) == "none"


def test_a_launched_run_is_starting_before_it_has_said_a_word(new_run):
    run = new_run()

    child = HERE.start(run.path, resume=False)

    assert status_of(run).phase == "starting"
    assert child.is_alive()


def test_a_run_prints_into_its_log(new_run):
    run = new_run(steps=10)

    HERE.start(run.path, resume=False)

    wait_for_phase(run, "ended")
    first, second = run.log_path.read_text(encoding="utf-8").splitlines()
    assert first.startswith("$ ")
    assert first.endswith(f"train --run {run.path}")
    assert second == "Größe train × 1"


def test_a_run_is_paused_goes_on_and_is_stopped(new_run):
    run = new_run()
    child = HERE.start(run.path, resume=False)
    wait_for_steps(run, 3)

    run.order("pause")
    paused = wait_for_phase(run, "paused")
    events_while_paused = len(run.events())
    run.order("go")
    wait_for_steps(run, paused.step + 3)
    run.order("stop")
    stopped = wait_for_phase(run, "ended")

    wait_until(lambda: not child.is_alive())
    assert len(run.events()) > events_while_paused
    assert stopped.outcome == "cancelled"
    assert len(of_kind(run, RunEnded)) == 1


def test_a_paused_run_can_be_stopped(new_run):
    run = new_run()
    child = HERE.start(run.path, resume=False)
    wait_for_steps(run, 1)
    run.order("pause")
    wait_for_phase(run, "paused")

    child.end()

    assert status_of(run).outcome == "cancelled"
    assert not child.is_alive()


def test_an_order_given_while_the_process_starts_is_heard(new_run):
    run = new_run()

    child = HERE.start(run.path, resume=False)
    run.order("stop")

    wait_until(lambda: not child.is_alive())
    assert status_of(run).outcome == "cancelled"
    assert of_kind(run, StepDone) == []


def test_an_old_order_does_not_stop_a_continued_run(new_run):
    run = new_run()
    child = HERE.start(run.path, resume=False)
    wait_for_steps(run, 12)
    child.end()

    child = HERE.start(run.path, resume=True)

    wait_until(lambda: of_kind(run, RunContinued))
    wait_for_phase(run, "training")
    assert child.is_alive()


def test_a_killed_run_is_lost_and_can_be_continued(new_run):
    run = new_run(steps=400)
    child = HERE.start(run.path, resume=False)
    wait_for_steps(run, 15)

    psutil.Process(child.pid).kill()
    lost = wait_for_phase(run, "lost")
    with (run.path / EVENTS).open("ab") as file:
        file.write(b'{"kind":"step_done","sta')  # as if it had died while writing
    HERE.start(run.path, resume=True)
    ended = wait_for_phase(run, "ended")

    assert (lost.outcome, lost.step >= 15) == (None, True)
    assert (ended.outcome, ended.step, ended.attempt) == ("completed", 400, 2)
    (continued,) = of_kind(run, RunContinued)
    assert isinstance(continued, RunContinued)
    assert continued.epoch >= 1
    watcher = Watcher(run.path)
    watcher.poll(None)
    assert watcher.curves.losses["student", "dice"].steps == list(range(1, 401))


def test_a_process_that_dies_before_its_first_word_is_lost_with_the_end_of_its_log(new_run):
    run = new_run(dies=True)

    HERE.start(run.path, resume=False)

    status = wait_for_phase(run, "lost")
    assert status.message.endswith("Its log ends with: ModuleNotFoundError: No module named 'torch'")


def test_a_process_that_leaves_with_an_error_is_lost_with_its_reason(new_run):
    run = new_run(fails=True)

    HERE.start(run.path, resume=False)

    wait_for_phase(run, "lost")
    wait_until(lambda: status_of(run).message.endswith("ValueError: This worker was told to fail."))


def test_two_processes_do_not_train_in_one_folder(new_run):
    run = new_run()
    child = HERE.start(run.path, resume=False)

    with pytest.raises(RunBusy, match=str(child.pid)):
        HERE.start(run.path, resume=False)
    wait_for_steps(run, 1)
    with pytest.raises(RunBusy, match=str(child.pid)):
        HERE.start(run.path, resume=True)

    assert len(of_kind(run, RunStarted)) == 1


def test_a_run_outlives_the_viewer_and_is_found_again(new_run):
    run = new_run()
    viewer = (
        "import sys; from pathlib import Path; from napari_medkd.runs.launch import Here\n"
        "Here(program=(sys.argv[1],)).start(Path(sys.argv[2]), resume=False)"
    )
    subprocess.run([sys.executable, "-c", viewer, *HERE.program, str(run.path)], check=True)

    child = child_at_work_on(run)
    assert child is not None
    wait_for_steps(run, 3)
    run.order("stop")
    wait_until(lambda: not child.is_alive())

    assert status_of(run).outcome == "cancelled"


def test_a_deaf_run_is_killed_with_all_it_started(new_run):
    run = new_run(is_deaf=True, starts=True)
    child = HERE.start(run.path, resume=False)
    wait_for_steps(run, 1)
    worker = int((run.path / "worker.pid").read_text())
    since = started_at(worker)
    assert find(worker, since) == "same"

    end = threading.Thread(target=child.end, kwargs={"grace_seconds": 0.2})
    end.start()
    end.join(30)

    assert not child.is_alive()
    wait_until(lambda: find(worker, since) == "none")
    assert status_of(run).phase == "lost"


def test_ending_a_run_whose_folder_is_gone_ends_its_process(new_run, tmp_path):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        child = Child(tmp_path / "gone", process.pid, started_at(process.pid))

        child.end(grace_seconds=0)

        assert process.wait() != 0


def test_a_run_stands_back_behind_the_viewer(new_run):
    run = new_run()

    child = HERE.start(run.path, resume=False)

    niceness = psutil.Process(child.pid).nice()
    if ON_POSIX:
        assert niceness == max(10, os.nice(0))
    else:
        assert niceness == psutil.BELOW_NORMAL_PRIORITY_CLASS


@pytest.mark.skipif(not ON_POSIX, reason="sessions are POSIX")
def test_a_run_is_not_in_the_viewers_session(new_run):
    child = HERE.start(new_run().path, resume=False)

    assert os.getsid(child.pid) == child.pid
    assert os.getpgid(child.pid) == child.pid


def test_modules_in_the_folder_the_viewer_started_in_do_not_shadow_ours(new_run, tmp_path, monkeypatch):
    (tmp_path / "colorsys.py").write_text("")
    monkeypatch.chdir(tmp_path)
    run = new_run()

    Here(program=("-c", "import colorsys, sys; sys.stdout.write(colorsys.__file__)")).start(run.path, resume=False)

    found = Path(wait_for_phase(run, "lost").message.split(": ")[-1])
    assert found.name == "colorsys.py"
    assert found.parent != tmp_path


def test_a_run_is_launched_from_a_relative_path(new_run, monkeypatch):
    run = new_run(steps=10)
    monkeypatch.chdir(run.path.parent)

    child = HERE.start(Path(run.name), resume=False)

    assert child.run == run.path
    assert wait_for_phase(run, "ended").outcome == "completed"


def test_an_interpreter_that_is_not_there_is_named(new_run, tmp_path):
    run = new_run()

    with pytest.raises(RunProblem, match=r"no-python: The run cannot be started .+ Check the path"):
        Here(python=tmp_path / "no-python").start(run.path, resume=False)

    assert status_of(run).phase == "queued"
    assert not (run.path / HEARTBEAT).exists()


def test_a_log_that_cannot_be_written_is_named(new_run):
    run = new_run()
    run.log_path.mkdir()

    with pytest.raises(RunProblem, match=r"log\.txt: The run cannot be started"):
        HERE.start(run.path, resume=False)


def test_a_folder_that_is_no_run_is_not_started(tmp_path):
    with pytest.raises(RunProblem, match="it is no run"):
        HERE.start(tmp_path, resume=False)


def test_runs_on_one_device_wait_for_each_other(new_run):
    first, second = new_run("first", queues=True), new_run("second", queues=True, steps=20)
    HERE.start(first.path, resume=False)
    wait_for_phase(first, "training")

    HERE.start(second.path, resume=False)
    waiting = wait_for_phase(second, "queued")
    in_order = [run.path for run in live_runs_on("cpu", first.path.parent)]
    listed = {summary.path: summary.status.phase for summary in runs_in(first.path.parent)}
    first.order("stop")
    ended = wait_for_phase(second, "ended")

    assert repr(first.name) in waiting.message
    assert in_order == [first.path, second.path]
    assert listed == {first.path: "training", second.path: "queued"}
    assert ended.outcome == "completed"


def test_a_waiting_run_can_be_stopped(new_run):
    first, second = new_run("first", queues=True), new_run("second", queues=True)
    HERE.start(first.path, resume=False)
    wait_for_phase(first, "training")
    child = HERE.start(second.path, resume=False)
    wait_for_phase(second, "queued")
    wait_until(lambda: "Waits" in status_of(second).message)

    child.end()

    assert status_of(second).outcome == "cancelled"
    assert status_of(first).phase == "training"


def test_a_prediction_is_launched_into_its_folder(tmp_path):
    spec = PredictSpec(run=tmp_path / "run", images=(tmp_path / "a.png", tmp_path / "b.png"), out=tmp_path / "out")

    child = HERE.predict(spec)

    prediction = RunFolder(spec.out)
    status = wait_for_phase(prediction, "ended")
    assert child.run == spec.out
    assert (status.outcome, status.step, status.of_steps) == ("completed", 2, 2)
    assert prediction.prediction_spec() == spec


def test_more_cases_than_a_command_line_holds_can_be_asked_about(tmp_path):
    cases = tuple(f"{number:050}" for number in range(50_000))
    spec = PredictSpec(run=tmp_path / "run", cases=cases, out=tmp_path / "out")

    HERE.predict(spec)

    prediction = RunFolder(spec.out)
    assert wait_for_phase(prediction, "ended").outcome == "completed"
    assert prediction.prediction_spec() == spec
