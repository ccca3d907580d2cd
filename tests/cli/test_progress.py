import io
import sys

import pytest

from napari_medkd.cli.progress import TerminalProgress
from napari_medkd.core.events import (
    AnyEvent,
    CaseDone,
    EpochDone,
    Noticed,
    RunContinued,
    RunEnded,
    RunPaused,
    StagePlan,
    StageStarted,
    StepDone,
)
from tests.started import started

STARTED = started(StagePlan("teacher", 1, 10), StagePlan("student", 2, 10), precision="fp32")


def _told(capsys: pytest.CaptureFixture[str], *events: AnyEvent) -> str:
    with TerminalProgress() as progress:
        for event in events:
            progress.show(event)
    return capsys.readouterr().err


def test_a_run_is_told_in_lines_where_nobody_looks_at_a_bar(capsys: pytest.CaptureFixture[str]):
    told = _told(
        capsys,
        STARTED,
        StageStarted(stage="teacher", epochs=1, steps_per_epoch=10),
        StepDone(stage="teacher", step=10, losses={"dice": 0.5}, seconds_per_step=0.5),
        EpochDone(stage="teacher", epoch=1, step=10, metrics={"dice liver": 0.75, "score": 0.75}, is_best=True),
    )

    assert "shape-intensity on cpu in fp32: teacher 1 epochs of 10 steps, student 2 epochs of 10 steps" in told
    assert "Stage teacher" in told
    assert "epoch 1/1  loss 0.500 (dice 0.500)  score 0.750 (dice liver 0.750)  best so far  10 s left" in told


def test_what_a_person_should_know_is_told(capsys: pytest.CaptureFixture[str]):
    told = _told(
        capsys,
        STARTED,
        RunContinued(stage="student", epoch=1, host="h", pid=2, attempt=2),
        Noticed(message="[3] cases are left out"),
        RunPaused(),
        CaseDone(case="case_1", path="/out/case_1", seconds=1.26),
        CaseDone(case="case_2", path="/out/case_2", seconds=1.0, uncertainty=0.204),
        RunEnded(outcome="failed", message="The loss is nan.", hint="Lower the learning rate."),
    )

    assert "Continued after epoch 1 of stage student (attempt 2)." in told
    assert "Note: [3] cases are left out" in told
    assert "medkd runs resume" in told
    assert "case_1  1.3 s  /out/case_1" in told
    assert "case_2  1.0 s  uncertainty 0.20  /out/case_2" in told
    assert "Failed. The loss is nan. Lower the learning rate." in told


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (RunEnded(outcome="completed", message="Every stage is trained."), "Completed. Every stage is trained."),
        (RunEnded(outcome="cancelled", message="The run was stopped.", hint="Go on."), "The run was stopped. Go on."),
        (RunEnded(outcome="cancelled"), "Stopped."),
    ],
)
def test_how_a_run_ended_is_said_once(capsys: pytest.CaptureFixture[str], event: RunEnded, line: str):
    assert _told(capsys, STARTED, event).splitlines()[-1].rstrip() == line


def test_somebody_at_a_terminal_sees_a_bar_with_step_time_left_and_loss(monkeypatch: pytest.MonkeyPatch):
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")

    with TerminalProgress() as progress:
        progress.show(STARTED)
        progress.show(StageStarted(stage="student", epochs=2, steps_per_epoch=10))
        progress.show(StepDone(stage="student", step=5, losses={"dice": 0.5, "features": 0.25}, seconds_per_step=2.0))

    assert "student" in screen.getvalue()
    assert "15/30" in screen.getvalue()
    assert "30 s left" in screen.getvalue()
    assert "loss 0.750" in screen.getvalue()


def test_a_paused_run_has_no_time_left(monkeypatch: pytest.MonkeyPatch):
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("FORCE_COLOR", "1")

    with TerminalProgress() as progress:
        progress.show(STARTED)
        progress.show(RunPaused())

    assert "0/30  paused" in screen.getvalue()
