import os
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from napari_medkd.core.events import Noticed, RunEnded, RunPaused, StagePlan, StageStarted
from napari_medkd.core.run_layout import CONTROL
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.status import RunStatus, fold
from napari_medkd.gui.following import Heard, Traces
from napari_medkd.gui.presenters import runs
from napari_medkd.gui.presenters.runs import Possible, RunsPresenter, headline_of, row_of, title_and_time
from napari_medkd.gui.state import RunsState, Session
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from tests.gui.presenting import Later, ListeningRunner, at_once, demo_card

LIVE = RunStatus(phase="training", method="demo", step=30, of_steps=100, seconds_per_step=2.0, attempt=1)


@pytest.fixture
def session(run_folder):
    return Session(runs_folder=run_folder.path.parent)


@pytest.fixture
def state():
    return RunsState()


@pytest.fixture
def runner():
    return ListeningRunner()


@pytest.fixture
def presenter(session, state, runner, monkeypatch):
    monkeypatch.setattr(runs, "remembered_cards", lambda interpreter: (demo_card("shape-intensity"),))
    return RunsPresenter(session, state, runner, at_once)


def told(runner, run, status):
    """Let the run stand at a status, and return what was heard."""
    heard = Heard(run, (), status, Traces())
    runner.latest[run] = heard
    runner.followed = (run,)
    return heard


def test_the_runs_of_the_folder_are_listed_newest_first(presenter, state, run_folder):
    second = RunFolder.create(run_folder.path.parent, run_folder.spec().replace(name="second"))

    presenter.refresh()

    assert [row.path for row in state.rows] == [second.path, run_folder.path]
    assert [row.title for row in state.rows] == ["second", "scripted"]
    assert [row.phase for row in state.rows] == ["waiting", "lost"]
    assert state.rows[1].progress == "75 %"


def test_a_live_run_is_followed_as_soon_as_it_is_seen(presenter, runner, run_folder):
    with Heartbeat(run_folder.path, attempt=1):
        presenter.refresh()

    assert run_folder.path in runner.latest


def test_a_run_that_waits_for_its_turn_is_followed_as_soon_as_it_is_seen(presenter, state, runner, run_folder):
    waiting = RunFolder.create(run_folder.path.parent, run_folder.spec().replace(name="second"))
    with Heartbeat(waiting.path, attempt=1) as heartbeat:
        heartbeat.say(device="cpu", waits_for=run_folder.name)
        presenter.refresh()

    assert waiting.path in runner.latest
    assert (state.rows[0].phase, state.rows[0].is_live) == ("waiting", True)


def test_a_runs_folder_that_is_not_there_yet_is_empty(session, state, runner, tmp_path):
    session.runs_folder = tmp_path / "none yet"

    RunsPresenter(session, state, runner, at_once).refresh()

    assert state.rows == ()
    assert state.message == ""


def test_a_runs_folder_that_cannot_be_read_says_so(session, state, runner, tmp_path):
    session.runs_folder = tmp_path / "a file"
    session.runs_folder.write_text("no folder")

    RunsPresenter(session, state, runner, at_once).refresh()

    assert "a file" in state.message


def test_selecting_a_run_reads_it_and_tells_the_other_docks(presenter, session, runner, run_folder):
    presenter.select(run_folder.path)

    assert session.run == run_folder.path
    assert runner.latest[run_folder.path].status.phase == "lost"
    assert [trace.name for trace in runner.latest[run_folder.path].traces.metrics] == ["score", "score"]


@pytest.mark.parametrize(
    ("status", "is_followed", "possible"),
    [
        (LIVE, True, Possible(pause=True, stop=True)),
        (replace(LIVE, phase="paused"), True, Possible(resume=True, stop=True)),
        (RunStatus(phase="queued"), True, Possible(stop=True)),
        (RunStatus(phase="queued", attempt=1), True, Possible(resume=True, stop=True)),
        (RunStatus(phase="queued", attempt=1), False, Possible(resume=True, stop=True)),
        (replace(LIVE, phase="ended", outcome="cancelled"), True, Possible()),
        (replace(LIVE, phase="ended", outcome="cancelled"), False, Possible(continue_later=True, change=True)),
        (replace(LIVE, phase="lost"), False, Possible(continue_later=True, change=True)),
        (fold(LIVE, RunEnded(outcome="completed")), False, Possible(change=True)),
        (fold(LIVE, RunEnded(outcome="failed")), False, Possible(continue_later=True, change=True)),
        (fold(LIVE, RunEnded(outcome="failed", can_continue=False)), False, Possible(change=True)),
        (RunStatus(phase="queued"), False, Possible(continue_later=True, change=True)),
    ],
)
def test_only_orders_that_make_sense_are_possible(presenter, runner, status, is_followed, possible):
    told(runner, Path("run"), status)
    if not is_followed:
        runner.followed = ()

    assert presenter.possible(Path("run")) == possible


def test_without_a_run_nothing_is_possible(presenter):
    assert presenter.possible(None) == Possible()


@pytest.mark.parametrize(
    ("wish", "says", "obeyed"),
    [("pause", "Pausing …", "paused"), ("stop", "Stopping …", "ended"), ("go", "Resuming …", "training")],
)
def test_an_order_is_written_and_shown_until_it_is_obeyed(presenter, runner, run_folder, wish, says, obeyed):
    run = run_folder.path
    presenter.refresh()
    presenter.hear(told(runner, run, replace(LIVE, phase="paused" if wish == "go" else "training")))

    presenter.order(run, wish)

    assert f'"order": "{wish}"' in (run / CONTROL).read_text()
    assert presenter.headline(run) == says
    assert not presenter.possible(run).pause

    presenter.hear(told(runner, run, replace(LIVE, phase=obeyed, outcome="cancelled" if obeyed == "ended" else None)))

    assert presenter.headline(run) != says


def test_an_order_that_cannot_be_written_is_said(presenter, state, tmp_path):
    presenter.order(tmp_path / "gone", "stop")

    assert "gone" in state.message
    assert state.hint


def test_a_stopped_run_is_resumed_and_one_that_never_began_is_started(presenter, runner, run_folder):
    presenter.select(run_folder.path)
    presenter.continue_(run_folder.path)
    fresh = RunFolder.create(run_folder.path.parent, run_folder.spec()).path
    presenter.select(fresh)
    presenter.continue_(fresh)

    assert runner.started == [(run_folder.path, True), (fresh, False)]


def test_a_renamed_run_stays_selected(presenter, session, state, run_folder):
    presenter.select(run_folder.path)

    presenter.rename(run_folder.path, "liver of site A")

    assert session.run == run_folder.path.with_name("liver-of-site-A")
    assert session.run.is_dir()
    assert [row.title for row in state.rows] == ["liver-of-site-A"]


def test_a_name_that_is_taken_is_refused_and_nothing_changes(presenter, session, state, run_folder):
    other = RunFolder.create(run_folder.path.parent, run_folder.spec())
    presenter.select(run_folder.path)

    presenter.rename(run_folder.path, other.name)

    assert session.run == run_folder.path
    assert "already" in state.message


def test_the_same_name_again_is_no_renaming(presenter, session, run_folder):
    presenter.select(run_folder.path)

    presenter.rename(run_folder.path, run_folder.name)
    presenter.rename(run_folder.path, "  ")

    assert session.run == run_folder.path


def test_a_deleted_run_is_gone_from_disk_and_list(presenter, session, state, run_folder):
    presenter.refresh()
    presenter.select(run_folder.path)

    presenter.delete(run_folder.path)

    assert not run_folder.path.exists()
    assert session.run is None
    assert state.rows == ()


@pytest.mark.parametrize("change", [RunsPresenter.delete, partial(RunsPresenter.rename, name="better")])
def test_a_run_is_changed_beside_the_window_and_what_is_selected_meanwhile_stays(session, runner, run_folder, change):
    later, other = Later(), RunFolder.create(run_folder.path.parent, run_folder.spec())
    presenter = RunsPresenter(session, RunsState(), runner, later)
    presenter.select(run_folder.path)

    change(presenter, run_folder.path)
    is_there = run_folder.path.exists()
    presenter.select(other.path)
    later.do()

    assert (is_there, run_folder.path.exists()) == (True, False)
    assert session.run == other.path


def test_a_live_run_is_not_deleted(presenter, session, state, run_folder):
    presenter.select(run_folder.path)

    with Heartbeat(run_folder.path, attempt=1):
        presenter.delete(run_folder.path)

    assert run_folder.path.exists()
    assert f"Process {os.getpid()}" in state.message
    assert "stop it: medkd runs stop" in state.hint


def test_a_row_says_phase_progress_and_what_is_left():
    row = row_of(Path("r"), "2026-11-21_0915_demo_phantoms", "demo", LIVE)

    assert (row.title, row.when, row.method) == ("phantoms", "21 Nov 09:15", "demo")
    assert (row.phase, row.progress, row.left, row.fraction, row.is_live) == (
        "training",
        "30 %",
        "2 min left",
        0.3,
        True,
    )


@pytest.mark.parametrize(
    ("name", "title", "when"),
    [
        ("2026-11-21_0915_demo_phantoms", "phantoms", "21 Nov 09:15"),
        ("2026-11-21_0915_demo", "demo", "21 Nov 09:15"),
        ("2026-11-21_0915_demo_phantoms-2", "phantoms-2", "21 Nov 09:15"),
        ("liver of site A", "liver of site A", ""),
        ("2026-02-30_1200_mine", "2026-02-30_1200_mine", ""),
    ],
)
def test_the_folder_name_is_taken_apart_for_the_list(name, title, when):
    assert title_and_time(name, "demo") == (title, when)


def test_the_titles_follow_the_names_that_run_folders_get(tmp_path):
    spec = TrainSpec(datasets=(tmp_path / "liver",))
    run = RunFolder.create(tmp_path, spec, now=datetime(2026, 2, 3, 4, 5).astimezone())

    assert title_and_time(run.name, spec.method.name) == ("liver", "3 Feb 04:05")


def test_the_headline_tells_stage_speed_and_best_score():
    status = replace(LIVE, plan=(StagePlan("student", 4, 25),), stage="student", epoch=1, best=0.8123, device="cpu")

    assert headline_of(status) == "student · epoch 2 of 4 · 2 s a step · best score 0.812 · cpu"
    assert headline_of(replace(status, phase="paused")).startswith("Paused · student · epoch 2 of 4")
    assert headline_of(replace(status, phase="ended", outcome="cancelled")) == "Stopped · best score 0.812"


def test_scores_of_a_teacher_that_is_given_labels_are_titled_so(presenter, runner):
    told(runner, Path("run"), replace(LIVE, method="shape-intensity"))

    assert presenter.score_title(Path("run"), "student") == "Scores on the validation cases"
    assert presenter.score_title(Path("run"), "teacher") == "Scores of the teacher, which is given the true masks"


@pytest.mark.parametrize(
    ("references", "title"),
    [
        ((), "Scores on the validation cases"),
        (("case_0",), "Scores on the reference"),
        (("case_0", "case_1"), "Scores on the references"),
    ],
)
def test_scores_are_titled_by_the_cases_that_are_scored(presenter, session, references, title):
    spec = TrainSpec(datasets=(Path("phantoms"),), references=references)
    run = RunFolder.create(session.runs_folder, spec)

    presenter.refresh()

    assert presenter.score_title(run.path, "student") == title


def test_a_run_lost_before_its_first_event_keeps_its_method_in_the_list(presenter, state, run_folder):
    run_folder.append(Noticed(message="The GPU is not there; the CPU is used."))
    run_folder.append(StageStarted(stage="student", epochs=2, steps_per_epoch=5))
    run_folder.append(RunPaused())
    run_folder.append(RunEnded(outcome="failed", message="The disk is full.", hint="Free some space."))

    presenter.refresh()
    presenter.select(run_folder.path)

    assert state.rows[0].phase == "failed"
    assert presenter.status(run_folder.path).notices == ("The GPU is not there; the CPU is used.",)


def test_stages_of_several_datasets_are_called_by_them(presenter, runner):
    plan = (StagePlan("student-cells", 4, 10),)
    status = RunStatus("training", method="taught", plan=plan, stage="student-cells", epoch=1)
    runner.latest[Path("run")] = Heard(Path("run"), (), status, Traces())

    assert headline_of(status) == "student · cells · epoch 2 of 4"
    assert presenter.score_title(Path("run"), "student-cells") == "Scores on the validation cases"
