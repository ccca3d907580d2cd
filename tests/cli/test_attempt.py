import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from napari_medkd.cli.attempt import Advice, carry_out
from napari_medkd.cli.training import taken_up_run
from napari_medkd.core.errors import RunBusy, RunProblem, SpecProblem, TrainingDiverged
from napari_medkd.core.events import AnyEvent, Noticed, RunEnded
from napari_medkd.core.spec import TrainSpec
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.pulse import write_beat
from tests.started import started

STARTED = started()


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A fresh run."""
    return RunFolder.create(tmp_path, TrainSpec(datasets=(Path("images"),)))


def _last_word(folder: RunFolder) -> RunEnded:
    last = folder.events()[-1]
    assert isinstance(last, RunEnded)
    return last


def test_every_event_is_written_and_what_is_worth_a_line_is_logged(folder: RunFolder):
    def work(*_: object) -> Iterator[AnyEvent]:
        yield STARTED
        yield Noticed(message="mind the gap")
        yield RunEnded(outcome="completed", message="Done.")

    assert carry_out(folder, 1, work) == 0
    assert [event.kind for event in folder.events()] == ["run_started", "noticed", "run_ended"]
    assert "Note: mind the gap" in folder.log_path.read_text(encoding="utf-8")
    assert not (folder.path / "heartbeat.json").exists()


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (SpecProblem("spec.json: seed", "It is negative.", "Write 0."), 2, "spec.json: seed: It is negative."),
        (TrainingDiverged("The loss is nan."), 1, "The loss is nan."),
        (ZeroDivisionError("by zero"), 1, "ZeroDivisionError: by zero"),
    ],
)
def test_a_failure_is_the_last_word_and_its_traceback_is_in_the_log(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], error: Exception, code: int, said: str
):
    def work(*_: object) -> Iterator[AnyEvent]:
        yield STARTED
        raise error

    assert carry_out(folder, 1, work) == code
    assert _last_word(folder).outcome == "failed"
    assert said in _last_word(folder).message
    assert _last_word(folder).traceback == "log.txt"
    assert type(error).__name__ in folder.log_path.read_text(encoding="utf-8")
    assert capsys.readouterr().err


def test_a_bug_is_to_be_reported_with_the_runs_log(folder: RunFolder, capsys: pytest.CaptureFixture[str]):
    def work(*_: object) -> Iterator[AnyEvent]:
        raise KeyError("x")
        yield STARTED

    carry_out(folder, 1, work)

    assert str(folder.log_path) in capsys.readouterr().err


_FAILS = """
import sys
from pathlib import Path
from napari_medkd.cli.attempt import carry_out
from napari_medkd.runs.folder import RunFolder

def work(*_):
    raise KeyError("the cause")
    yield

sys.exit(carry_out(RunFolder(Path(sys.argv[1])), 1, work))
"""


@pytest.mark.process
def test_of_a_run_that_prints_into_its_log_as_the_viewers_do_the_traceback_is_there_once(folder: RunFolder):
    with folder.log_path.open("ab") as log:
        done = subprocess.run([sys.executable, "-c", _FAILS, str(folder.path)], check=False, stderr=log)

    assert done.returncode == 1
    said = folder.log_path.read_text(encoding="utf-8")
    assert said.count("Traceback") == 1
    assert said.count("in work\n") == 1


def test_a_second_ctrl_c_still_leaves_a_last_word(folder: RunFolder):
    def work(*_: object) -> Iterator[AnyEvent]:
        yield STARTED
        raise KeyboardInterrupt

    assert carry_out(folder, 1, work) == 0
    assert _last_word(folder).outcome == "cancelled"


def test_what_to_do_is_what_the_work_asks_for(folder: RunFolder, capsys: pytest.CaptureFixture[str]):
    advice = Advice(ended="Ask again.", more_memory="Predict elsewhere.")

    def ended(*_: object) -> Iterator[AnyEvent]:
        yield STARTED
        raise KeyboardInterrupt

    def too_large(*_: object) -> Iterator[AnyEvent]:
        yield STARTED
        raise MemoryError

    carry_out(folder, 1, ended, advice)
    after_ctrl_c = _last_word(folder).hint
    carry_out(folder, 2, too_large, advice)

    assert (after_ctrl_c, _last_word(folder).hint) == ("Ask again.", "Predict elsewhere.")
    assert "-> Predict elsewhere." in capsys.readouterr().err


def test_a_failed_outcome_exits_with_one(folder: RunFolder):
    def work(*_: object) -> Iterator[AnyEvent]:
        yield RunEnded(outcome="failed", message="The loss is nan.")

    assert carry_out(folder, 1, work) == 1


def test_a_folder_that_is_held_is_not_touched(folder: RunFolder):
    def work(*_: object) -> Iterator[AnyEvent]:
        yield STARTED

    with Heartbeat(folder.path, 1), pytest.raises(RunBusy):
        carry_out(folder, 2, work)

    assert folder.events() == []


def test_a_folder_whose_process_was_killed_elsewhere_a_moment_ago_is_waited_for(
    folder: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    def work(*_: object) -> Iterator[AnyEvent]:
        yield RunEnded(outcome="completed", message="Done.")

    monkeypatch.setattr("napari_medkd.runs.pulse.STALE_ELSEWHERE_SECONDS", 0.5)
    monkeypatch.setattr("napari_medkd.runs.pulse.SECOND_LOOK_SECONDS", 0.1)
    with Heartbeat(folder.path, 1) as held:
        beat = held.beat
    write_beat(folder.path, replace(beat, host="node-3", at=time.time()))

    assert carry_out(folder, 2, work) == 0
    assert "on node-3" in capsys.readouterr().err


def test_a_run_that_was_started_is_not_started_again(folder: RunFolder):
    folder.append(STARTED)

    with pytest.raises(RunProblem, match="--resume"):
        taken_up_run(folder.path, resume=False)
    assert taken_up_run(folder.path, resume=True).path == folder.path


def test_a_run_that_never_began_may_be_resumed_too(folder: RunFolder):
    assert taken_up_run(folder.path, resume=True).next_attempt() == 1
