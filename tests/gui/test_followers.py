import gc
import os
import sys
import weakref
from pathlib import Path

import pytest
from qtpy.QtCore import QThreadPool

from napari_medkd.core.errors import InputProblem
from napari_medkd.core.events import PreviewSaved, RunEnded
from napari_medkd.core.spec import PredictSpec
from napari_medkd.core.status import RunStatus
from napari_medkd.gui.followers import followers_of
from napari_medkd.gui.state import Session
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.pulse import liveness

pytestmark = pytest.mark.gui


@pytest.fixture
def session():
    return Session(interpreter=Path(sys.executable))


@pytest.fixture
def followers(session, qtbot):
    followers = followers_of(session)
    yield followers
    followers.leave_all()
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0, timeout=20_000)


def test_all_docks_of_a_session_share_the_followers(session, followers):
    assert followers_of(session) is followers


def test_a_finished_run_is_heard_whole_and_left(followers, session, run_folder, qtbot):
    run_folder.append(RunEnded(outcome="completed"))
    left = []
    followers.left.connect(left.append)
    session.run = run_folder.path

    followers.follow(run_folder.path)
    qtbot.waitUntil(lambda: left == [run_folder.path], timeout=10_000)

    assert session.run_status.outcome == "completed"
    assert followers.latest[run_folder.path].traces.stages == ("teacher", "student")
    assert followers.followed == ()


def test_a_run_that_waits_for_its_turn_counts_as_live(followers, run_folder, qtbot):
    waiting = RunFolder.create(run_folder.path.parent, run_folder.spec()).path
    with Heartbeat(waiting, attempt=1) as heartbeat:
        heartbeat.say(device="cpu", waits_for=run_folder.name)
        followers.follow(waiting)
        qtbot.waitUntil(lambda: waiting in followers.latest, timeout=10_000)

        assert followers.live == (waiting,)


def test_previews_of_a_live_run_reach_the_session(followers, session, run_folder, qtbot):
    with Heartbeat(run_folder.path, attempt=1):
        followers.follow(run_folder.path)
        run_folder.append(PreviewSaved(case="case_4", stage="student", epoch=1, path="previews/case_4"))
        qtbot.waitUntil(lambda: session.preview is not None, timeout=10_000)

    assert session.preview.event.case == "case_4"


def test_of_a_live_runs_history_only_the_newest_preview_reaches_the_session(followers, session, run_folder, qtbot):
    shown = []
    session.events.preview.connect(lambda preview: shown.append(preview.event.epoch))
    for epoch in (1, 2):
        run_folder.append(PreviewSaved(case="case_4", stage="student", epoch=epoch, path="previews/case_4"))
    with Heartbeat(run_folder.path, attempt=1):
        followers.follow(run_folder.path)
        qtbot.waitUntil(lambda: bool(shown), timeout=10_000)

    assert shown == [2]


def test_previews_of_a_run_that_is_over_are_not_shown(followers, session, run_folder, qtbot):
    run_folder.append(PreviewSaved(case="case_4", stage="student", epoch=1, path="previews/case_4"))
    run_folder.append(RunEnded(outcome="completed"))

    followers.follow(run_folder.path)
    qtbot.waitUntil(lambda: not followers.followed, timeout=10_000)

    assert session.preview is None


def test_a_live_run_that_is_heard_again_is_followed_and_one_that_is_over_is_told_as_it_was_left(
    followers, session, run_folder, qtbot
):
    session.run = run_folder.path
    with Heartbeat(run_folder.path, attempt=1):
        followers.hear_again(run_folder.path)
        qtbot.waitUntil(lambda: session.run_status.is_live, timeout=10_000)
        run_folder.append(RunEnded(outcome="completed"))
    qtbot.waitUntil(lambda: not followers.followed, timeout=10_000)
    session.run_status = RunStatus()  # of another run that was looked at meanwhile

    followers.hear_again(run_folder.path)

    assert session.run_status.outcome == "completed"
    assert followers.followed == ()


def test_leaving_means_that_nothing_more_is_heard(followers, run_folder, qtbot):
    heard = []
    with Heartbeat(run_folder.path, attempt=1):
        followers.follow(run_folder.path)
        qtbot.waitUntil(lambda: bool(followers.latest), timeout=10_000)
        followers.leave(run_folder.path)
        followers.heard.connect(heard.append)
        run_folder.append(RunEnded(outcome="completed"))
        qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0, timeout=10_000)

    assert heard == []


def test_followers_do_not_take_threads_from_other_work(followers, run_folder, qtbot):
    pool = QThreadPool.globalInstance()
    free = pool.maxThreadCount()
    with Heartbeat(run_folder.path, attempt=1):
        followers.follow(run_folder.path)
        qtbot.waitUntil(lambda: bool(followers.latest), timeout=10_000)

        assert pool.maxThreadCount() - pool.activeThreadCount() + 1 >= free
        assert pool.activeThreadCount() <= 1


def test_a_launch_that_fails_is_told_and_leaves_nothing_behind(followers, session, run_folder, qtbot):
    session.interpreter = Path("/no/such/python")
    failed = []
    followers.failed.connect(lambda run, error: failed.append((run, error)))

    followers.start(run_folder.path, resume=True)
    qtbot.waitUntil(lambda: bool(failed) and not followers.followed, timeout=10_000)

    assert failed[0][0] == run_folder.path


def test_a_run_that_another_process_has_taken_up_is_told_and_left_to_it(followers, run_folder, qtbot):
    failed = []
    followers.failed.connect(lambda run, error: failed.append((run, error)))

    with Heartbeat(run_folder.path, attempt=2):
        followers.start(run_folder.path, resume=True)
        qtbot.waitUntil(lambda: bool(failed) and not followers.followed, timeout=10_000)

    run, error = failed[0]
    assert run == run_folder.path
    assert isinstance(error, InputProblem)
    assert f"Process {os.getpid()}" in error.problems[0].problem


def test_a_prediction_that_goes_on_from_an_earlier_session_is_told(followers, run_folder, qtbot):
    spec = PredictSpec(run=run_folder.path, cases=("case_0",), out=run_folder.path / "predictions" / "student-all")
    prediction = RunFolder.for_prediction(spec)
    failed = []
    followers.failed.connect(lambda run, error: failed.append((run, error)))

    with Heartbeat(prediction.path, attempt=1):
        followers.predict(spec)
        qtbot.waitUntil(lambda: bool(failed) and not followers.followed, timeout=10_000)

    assert failed[0][0] == prediction.path
    assert isinstance(failed[0][1], InputProblem)


def test_followers_end_with_their_session(qtbot):
    session = Session()
    followers = weakref.ref(followers_of(session))

    del session
    gc.collect()

    assert followers() is None


@pytest.mark.process
@pytest.mark.engine
def test_a_run_is_started_left_found_again_and_stopped(followers, session, tiny_spec, tmp_path, qtbot, monkeypatch):
    """The whole path with the real command: start, detach as closing napari does, re-attach, stop."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    schedule = tiny_spec.schedule.replace(epochs=500, steps_per_epoch=20)
    run = RunFolder.create(tmp_path, tiny_spec.replace(schedule=schedule))
    session.run = run.path

    followers.start(run.path)
    qtbot.waitUntil(lambda: session.run_status.phase == "training", timeout=120_000)
    followers.leave_all()
    qtbot.waitUntil(lambda: QThreadPool.globalInstance().activeThreadCount() == 0, timeout=10_000)
    assert liveness(run.path) == "alive"

    other = Session(run=run.path)
    again = followers_of(other)
    again.follow(run.path)
    qtbot.waitUntil(lambda: other.run_status.phase == "training", timeout=20_000)
    run.order("stop")
    qtbot.waitUntil(lambda: not again.followed, timeout=60_000)

    assert other.run_status.outcome == "cancelled"
    assert run.log_path.is_file()
