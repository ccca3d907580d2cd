import subprocess
import sys
from contextlib import nullcontext
from itertools import islice

import numpy as np
import pytest

from napari_medkd.core.curves import Curve
from napari_medkd.core.events import PreviewSaved, RunEnded, RunPaused, StepDone
from napari_medkd.gui import following
from napari_medkd.gui.following import MOST_POINTS, Listener, follow, traces_of
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.orders import FolderControl


class Started:
    """A real process that was started."""

    def __init__(self, *command):
        self.process = subprocess.Popen([sys.executable, *command])

    def is_alive(self):
        return self.process.poll() is None


def test_a_poll_brings_what_is_new_with_status_and_curves(run_folder):
    listener = Listener(run_folder.path)
    first = listener.poll()
    run_folder.append(StepDone(stage="student", step=6, losses={"dice": 0.1}, seconds_per_step=0.1))
    second = listener.poll()

    assert len(first.events) == len(run_folder.events()) - 1
    assert first.traces.stages == ("teacher", "student")
    assert [event.kind for event in second.events] == ["step_done"]
    assert second.traces.losses[-1].steps[-1] == 6


def test_a_poll_without_news_keeps_the_same_traces(run_folder):
    listener = Listener(run_folder.path)
    first = listener.poll()

    assert listener.poll().traces is first.traces


def test_a_run_that_is_over_is_read_to_its_end_and_left(run_folder):
    run_folder.append(RunEnded(outcome="cancelled"))

    heard = [part for part in follow(run_folder.path) if part is not None]

    assert heard[-1].status.outcome == "cancelled"
    assert [event for part in heard for event in part.events] == run_folder.events()


def test_a_live_run_is_followed_until_it_ends(run_folder):
    with Heartbeat(run_folder.path, attempt=1):
        follower = follow(run_folder.path)
        first = next(follower)
        assert next(follower) is None
        run_folder.append(RunEnded(outcome="completed"))
    last = list(follower)[-1]

    assert first.status.is_live
    assert last.status.outcome == "completed"


def test_a_run_that_waits_for_its_turn_is_followed_until_it_ends(run_folder):
    run = RunFolder.create(run_folder.path.parent, run_folder.spec())
    with Heartbeat(run.path, attempt=1) as heartbeat:
        heartbeat.say(device="cpu", waits_for=run_folder.name)
        follower = follow(run.path)
        first = next(follower)
        assert next(follower) is None
        run.append(RunEnded(outcome="cancelled"))
    last = list(follower)[-1]

    assert run_folder.name in first.status.message
    assert last.status.outcome == "cancelled"


@pytest.mark.parametrize("is_alive", [True, False])
def test_of_a_long_history_only_the_newest_preview_of_a_live_run_is_told(run_folder, monkeypatch, is_alive):
    monkeypatch.setattr(following, "SECONDS_BETWEEN_POLLS", 0.0)  # every poll reads one part of it
    for epoch in (1, 2, 3):
        run_folder.append(PreviewSaved(case="case_4", stage="student", epoch=epoch, path="previews/case_4"))
        for step in range(400):
            run_folder.append(StepDone(stage="student", step=step, losses={"dice": 0.1}, seconds_per_step=0.1))
    if not is_alive:
        run_folder.append(RunEnded(outcome="cancelled"))

    with Heartbeat(run_folder.path, attempt=1) if is_alive else nullcontext():
        told = [heard for heard in islice(follow(run_folder.path), 50) if heard]

    assert len(told) > 2, "it came in parts"
    assert [one.epoch for heard in told for one in heard.previews] == ([3] if is_alive else [])


def test_steps_alone_are_told_once_a_second_and_anything_else_at_once(run_folder, monkeypatch):
    monkeypatch.setattr(following, "SECONDS_BETWEEN_POLLS", 0.01)
    monkeypatch.setattr(following, "SECONDS_BETWEEN_STEPS", 60.0)
    with Heartbeat(run_folder.path, attempt=1):
        follower = follow(run_folder.path)
        next(follower)
        run_folder.append(StepDone(stage="student", step=6, losses={"dice": 0.1}, seconds_per_step=0.1))
        assert next(follower).status.phase == "training"  # it was starting
        for step in (7, 8):
            run_folder.append(StepDone(stage="student", step=step, losses={"dice": 0.1}, seconds_per_step=0.1))
            assert next(follower) is None
        run_folder.append(RunPaused())
        told = next(follower)
        follower.close()

    assert [event.kind for event in told.events] == ["step_done", "step_done", "run_paused"]
    assert told.traces.losses[-1].steps[-1] == 8


def test_gathered_steps_are_told_when_their_second_is_over(run_folder, monkeypatch):
    monkeypatch.setattr(following, "SECONDS_BETWEEN_POLLS", 0.01)
    monkeypatch.setattr(following, "SECONDS_BETWEEN_STEPS", 0.0)
    with Heartbeat(run_folder.path, attempt=1):
        follower = follow(run_folder.path)
        next(follower)
        run_folder.append(StepDone(stage="student", step=6, losses={"dice": 0.1}, seconds_per_step=0.1))
        told = next(follower)
        follower.close()

    assert [event.kind for event in told.events] == ["step_done"]


def test_leaving_a_follower_leaves_the_run_alone(run_folder):
    with Heartbeat(run_folder.path, attempt=1):
        follower = follow(run_folder.path)
        next(follower)
        follower.close()

    assert FolderControl(run_folder.path).wish() == "go"


def test_a_process_that_ends_before_the_run_begins_is_reported_as_lost(run_folder):
    fresh = RunFolder.create(run_folder.path.parent, run_folder.spec())

    last = list(follow(fresh.path, lambda: Started("-c", "raise SystemExit(3)")))[-1]

    assert last.status.phase == "lost"
    assert last.status.message
    assert "log" in last.status.hint.lower()


def test_a_launch_that_fails_raises_before_anything_is_heard(run_folder):
    def launch():
        raise FileNotFoundError("no such python")

    with pytest.raises(FileNotFoundError):
        next(follow(run_folder.path, launch))


@pytest.mark.parametrize("num_points", [1, 999, 1000, 1001, 2500, 100_000])
def test_a_long_curve_is_thinned_but_keeps_its_ends(num_points):
    curve = Curve(list(range(num_points)), [1 / (1 + step) for step in range(num_points)])

    (trace,) = traces_of({("student", "dice"): curve})

    assert len(trace.steps) <= MOST_POINTS + 1
    assert (trace.steps[0], trace.steps[-1]) == (0, num_points - 1)
    np.testing.assert_allclose(trace.values, 1 / (1 + trace.steps))


def test_an_empty_curve_draws_nothing():
    assert traces_of({("student", "dice"): Curve()}) == ()


def test_previews_of_all_tasks_of_an_epoch_are_told_together_and_those_before_are_not(run_folder):
    with Heartbeat(run_folder.path, attempt=1):
        for epoch, task in ((1, "shape"), (1, "places"), (2, "shape"), (2, "places")):
            path = f"previews/student/{task}/case_4"
            run_folder.append(PreviewSaved(case="case_4", stage="student", epoch=epoch, path=path))
        told = Listener(run_folder.path).poll().previews

    assert [(one.epoch, one.path.split("/")[2]) for one in told] == [(2, "shape"), (2, "places")]


def test_the_last_preview_of_a_live_run_is_told_though_the_run_ends_with_it(run_folder):
    with Heartbeat(run_folder.path, attempt=1):
        listener = Listener(run_folder.path)
        listener.poll()
        run_folder.append(PreviewSaved(case="case_4", stage="student", epoch=9, path="previews/student/case_4"))
        run_folder.append(RunEnded(outcome="completed"))
        told = listener.poll()

    assert told.status.outcome == "completed"
    assert [one.epoch for one in told.previews] == [9]
