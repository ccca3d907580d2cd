import json
import shutil
from dataclasses import replace

import pytest

from napari_medkd.core.dataset import Split
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.manifest import MANIFEST, open_dataset
from napari_medkd.gui import command
from napari_medkd.gui.presenters import data
from napari_medkd.gui.presenters.data import DataPresenter, rows_of, summary_of
from napari_medkd.gui.state import DataState, OpenedCase, Session
from napari_medkd.gui.study import renew
from tests.gui.presenting import Later, at_once, endless_python, in_a_thread
from tests.waiting import wait_until


@pytest.fixture
def session():
    return Session()


@pytest.fixture
def state():
    return DataState()


@pytest.fixture
def presenter(session, state):
    return DataPresenter(session, state, at_once)


def test_opening_a_dataset_lists_its_cases_and_finds_no_problem(presenter, session, state, tiny_dataset):
    presenter.open(tiny_dataset)

    assert session.dataset is not None
    assert session.dataset_path == tiny_dataset
    assert [row.id for row in state.rows] == [f"case_{n}" for n in range(6)]
    assert [row.side for row in state.rows] == ["train"] * 4 + ["validate", "test"]
    assert state.rows[0].labelled == ("shapes",)
    assert state.problems == ()
    assert not state.is_reading
    assert not state.is_checking


def test_a_missing_file_is_a_problem_with_its_place_and_what_to_do(presenter, state, tiny_dataset, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(tiny_dataset, folder)
    (folder / "labels" / "case_2.nii.gz").unlink()

    presenter.open(folder)

    assert len(state.rows) == 6
    assert "case_2" in state.problems[0].where + state.problems[0].problem
    assert state.problems[0].hint


def test_a_folder_that_is_no_dataset_says_what_was_looked_for(presenter, session, state, tmp_path):
    presenter.open(tmp_path / "nothing")

    assert session.dataset is None
    assert state.problems
    assert not state.is_reading


def test_a_newer_wish_overtakes_an_older_one(session, state, tiny_dataset, tmp_path):
    later = Later()
    presenter = DataPresenter(session, state, later)

    presenter.open(tmp_path / "slow and wrong")
    presenter.open(tiny_dataset)
    later.do(1)
    later.do(0)

    assert session.dataset_path == tiny_dataset
    assert state.problems == ()


def test_another_dataset_forgets_references_and_the_shown_case(presenter, session, tiny_dataset, tmp_path):
    presenter.open(tiny_dataset)
    presenter.mark_references(["case_0"], on=True)
    session.opened = OpenedCase(session.dataset, session.dataset.cases[0])

    presenter.open(shutil.copytree(tiny_dataset, tmp_path / "copy"))

    assert session.references == ()
    assert session.opened is None


def test_a_dataset_that_is_opened_again_keeps_its_references_as_far_as_they_are_there(
    presenter, session, tiny_dataset, tmp_path
):
    folder = shutil.copytree(tiny_dataset, tmp_path / "copy")
    presenter.open(folder)
    presenter.mark_references(["case_0", "case_1", "case_2"], on=True)
    document = json.loads((folder / MANIFEST).read_text())
    document["cases"] = [case for case in document["cases"] if case["id"] != "case_1"]
    document["split"] = {"train": ["case_0", "case_3"], "validate": ["case_2", "case_4"], "test": ["case_5"]}
    (folder / MANIFEST).write_text(json.dumps(document))

    presenter.open(folder)

    assert session.references == ("case_0",)


def test_cases_are_marked_and_unmarked_as_references(presenter, session, state, tiny_dataset):
    presenter.open(tiny_dataset)

    presenter.mark_references(["case_1", "case_3"], on=True)
    presenter.mark_references(["case_1"], on=False)

    assert session.references == ("case_3",)
    assert [row.id for row in state.rows if row.is_reference] == ["case_3"]


def test_a_case_that_is_set_apart_is_made_no_reference_and_that_is_said(presenter, session, state, tiny_dataset):
    presenter.open(tiny_dataset)

    presenter.mark_references(["case_1", "case_4", "case_5"], on=True)

    assert session.references == ("case_1",)
    assert [problem.where for problem in state.problems] == ["case_4", "case_5"]
    assert "not made a reference" in state.problems[0].problem


def test_a_dock_that_opens_later_shows_the_open_dataset(session, tiny_dataset):
    session.dataset = open_dataset(tiny_dataset)
    state = DataState()

    DataPresenter(session, state, at_once).show()

    assert len(state.rows) == 6
    assert "6 cases: 4 train, 1 validate, 1 test" in state.summary


def test_an_error_is_told_before_what_was_known(presenter, state, tiny_dataset):
    presenter.open(tiny_dataset)

    presenter.tell(VolumeProblem("case_0", "The file is damaged.", "Restore it."), "case_0")
    presenter.tell(PermissionError(13, "Permission denied", "image.nii"), "case_1")

    assert "image.nii" in state.problems[0].where
    assert state.problems[1].where == "case_0"


def test_the_summary_counts_domains_only_where_there_are_several(tiny_dataset):
    assert summary_of(open_dataset(tiny_dataset)) == "6 cases: 4 train, 1 validate, 1 test\nTask: shapes"


def test_rows_keep_the_order_of_the_dataset(tiny_dataset):
    assert [row.id for row in rows_of(open_dataset(tiny_dataset))] == [f"case_{n}" for n in range(6)]


def test_the_look_at_every_voxel_has_all_the_time_it_needs(presenter, session, tiny_dataset, monkeypatch):
    asked = []

    def ask(interpreter, arguments, *, patience_seconds, owner):
        asked.append((arguments, patience_seconds))
        return []

    monkeypatch.setattr(data, "ask", ask)
    session.dataset_path = tiny_dataset

    presenter.check_images()

    assert asked == [(["check", str(tiny_dataset)], None)]


@pytest.mark.process
def test_the_look_at_every_voxel_can_be_cancelled_and_says_so(session, state, tiny_dataset, tmp_path):
    session.dataset_path, session.interpreter = tiny_dataset, endless_python(tmp_path)
    presenter = DataPresenter(session, state, in_a_thread)

    presenter.check_images()
    wait_until(lambda: command._ASKED)
    assert state.is_checking
    presenter.cancel_check()
    wait_until(lambda: not state.is_checking)

    assert [found.problem for found in state.problems] == ["check was cancelled."]


def save_a_stroke(session):
    """Do what the first stroke on a case does to the session: its dataset is read from a manifest from then on."""
    dataset = session.dataset
    renew(session, replace(dataset, split=Split()), dataset.folder / MANIFEST)


def test_a_suggestion_is_heard_though_a_stroke_was_saved_meanwhile(session, state, tiny_dataset, monkeypatch):
    monkeypatch.setattr(
        data, "ask", lambda *_, **__: [{"case": "case_2", "likeness": 0.9}, {"case": "case_0", "likeness": 0.8}]
    )
    later = Later()
    session.dataset_path, session.dataset = tiny_dataset, open_dataset(tiny_dataset)
    presenter = DataPresenter(session, state, later)

    presenter.suggest()
    save_a_stroke(session)
    later.do()

    assert list(state.suggestion.items()) == [("case_2", 0.9), ("case_0", 0.8)]


@pytest.mark.process
@pytest.mark.parametrize("question", ["check", "suggest"])
def test_what_was_asked_is_cancelled_though_a_stroke_was_saved_meanwhile(
    session, state, tiny_dataset, tmp_path, question
):
    session.dataset_path, session.dataset = tiny_dataset, open_dataset(tiny_dataset)
    session.interpreter = endless_python(tmp_path)
    presenter = DataPresenter(session, state, in_a_thread)
    ask, cancel = {
        "check": (presenter.check_images, presenter.cancel_check),
        "suggest": (presenter.suggest, presenter.cancel_suggestion),
    }[question]
    ask()
    wait_until(lambda: command._ASKED)
    save_a_stroke(session)

    cancel()

    wait_until(lambda: not (command._ASKED or state.is_checking or state.is_suggesting))
    assert [found.problem for found in state.problems] == [f"{question} was cancelled."]


@pytest.mark.process
def test_opening_another_dataset_ends_the_look_at_the_one_before(session, state, tiny_dataset, tmp_path):
    session.dataset_path, session.interpreter = tiny_dataset, endless_python(tmp_path)
    presenter = DataPresenter(session, state, in_a_thread)
    presenter.check_images()
    wait_until(lambda: command._ASKED)

    presenter.open(tmp_path / "nothing")
    wait_until(lambda: not command._ASKED and not state.is_reading)

    assert not state.is_checking
    assert all("cancelled" not in found.problem for found in state.problems)


def test_nothing_is_checked_before_a_dataset_is_open(presenter, state):
    presenter.check_images()

    assert not state.is_checking
