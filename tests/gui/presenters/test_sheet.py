from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.dataset import Split
from napari_medkd.core.errors import InputProblem
from napari_medkd.core.events import CaseDone
from napari_medkd.files.annotating import save_annotation
from napari_medkd.files.manifest import MANIFEST, open_dataset
from napari_medkd.files.opening import read_mask
from napari_medkd.gui.presenters.sheet import SheetPresenter, busy_elsewhere, legend_of, why_not_corrected
from napari_medkd.gui.state import Session, SheetState
from napari_medkd.runs.folder import RunFolder
from tests.gui.answering_run import make_run
from tests.gui.asked_run import answer_into, asked_about, heard_of
from tests.gui.presenting import Later, at_once


@pytest.fixture
def run(tmp_path: Path, scans: Path) -> Path:
    return make_run(tmp_path / "runs", scans)


def session_with(scans: Path, run: Path | None) -> Session:
    return Session(dataset=open_dataset(scans), dataset_path=scans, references=("case_0",), run=run)


def presented(session: Session, in_background=at_once) -> tuple[SheetPresenter, SheetState]:
    state = SheetState()
    return SheetPresenter(session, state, in_background), state


def cases(state: SheetState) -> list[str]:
    return [row.answer.case for row in state.rows]


def test_the_least_certain_come_first_and_those_nobody_measured_last(scans: Path, run: Path, tiny_dataset: Path):
    answers = {"case_0": 0.1, "case_1": None, "case_2": 0.7, "case_3": 1.0, "case_4": 0.7}
    asked_about(run, tiny_dataset, None, answers)
    presenter, state = presented(session_with(scans, run))

    presenter.look()

    assert cases(state) == ["case_3", "case_2", "case_4", "case_0", "case_1"]
    assert state.summary == "5 of 6 cases predicted; the least certain come first."


def test_answers_of_earlier_weights_are_counted(scans: Path, run: Path, tiny_dataset: Path):
    folder = asked_about(run, tiny_dataset, None, {"case_1": 0.1})
    for case in ("case_0", "case_2"):
        answer_into(folder, tiny_dataset, case, 0.5, checkpoint="student.epoch-00005")
    answer_into(folder, tiny_dataset, "case_3", 0.3)
    presenter, state = presented(session_with(scans, run))

    presenter.look()

    assert state.summary == "4 of 6 cases predicted, 2 of them by earlier weights; the least certain come first."


def test_references_and_annotated_cases_are_marked_as_soon_as_they_are(scans: Path, run: Path, tiny_dataset: Path):
    asked_about(run, tiny_dataset, None, {"case_0": 0.1, "case_1": 0.2})
    session = session_with(scans, run)
    presenter, state = presented(session)
    presenter.look()
    first = {row.answer.case: (row.is_reference, row.is_annotated) for row in state.rows}

    dataset = session.dataset
    mask = read_mask(tiny_dataset / "labels" / "case_1.nii.gz", dataset.task("shapes"))
    session.dataset_path = scans / MANIFEST
    session.dataset = save_annotation(dataset, "case_1", mask)
    session.references = ("case_0", "case_1")

    assert first == {"case_0": (True, True), "case_1": (False, False)}
    assert {row.answer.case: (row.is_reference, row.is_annotated) for row in state.rows} == {
        "case_0": (True, True),
        "case_1": (True, True),
    }


def test_what_is_missing_is_said_in_turn(scans: Path, run: Path):
    session = Session()
    _, state = presented(session)
    said = []
    state.events.summary.connect(said.append)

    SheetPresenter(session, state, at_once).look()
    session.dataset_path, session.dataset = scans, open_dataset(scans)
    session.run = run

    assert [words.split(" ")[0] for words in said] == ["Open", "Choose", "This"]
    assert "Predict all" in said[-1]


def test_answers_join_the_sheet_while_they_are_given(scans: Path, run: Path, tiny_dataset: Path):
    folder = asked_about(run, tiny_dataset, scans, {})
    presenter, state = presented(session_with(scans, run))
    presenter.look()
    journal = RunFolder(folder)

    for case, unsure in (("case_1", 0.2), ("case_2", 0.6)):
        path = answer_into(folder, tiny_dataset, case, unsure)
        journal.append(CaseDone(case=case, path=str(path), seconds=0.1, of_cases=2, uncertainty=unsure))
    presenter.hear(heard_of(folder))

    assert cases(state) == ["case_2", "case_1"]


def test_a_new_answer_takes_the_place_of_the_one_before(scans: Path, run: Path, tiny_dataset: Path):
    folder = asked_about(run, tiny_dataset, scans, {"case_1": 0.2, "case_2": 0.3})
    presenter, state = presented(session_with(scans, run))
    presenter.look()

    path = answer_into(folder, tiny_dataset, "case_1", 0.9)
    RunFolder(folder).append(CaseDone(case="case_1", path=str(path), seconds=0.1))
    presenter.hear(heard_of(folder))

    assert [(row.answer.case, row.answer.uncertainty) for row in state.rows] == [("case_1", 0.9), ("case_2", 0.3)]


def test_answers_of_another_run_or_about_another_dataset_do_not_join(
    scans: Path, run: Path, tiny_dataset: Path, tmp_path: Path
):
    other_run = make_run(tmp_path / "other", scans)
    presenter, state = presented(session_with(scans, run))
    presenter.look()

    for folder in (
        asked_about(other_run, tiny_dataset, scans, {"case_1": 0.5}),
        asked_about(run, tiny_dataset, tiny_dataset, {"case_1": 0.5}),
    ):
        RunFolder(folder).append(CaseDone(case="case_1", path=str(folder / "case_1"), seconds=0.1))
        presenter.hear(heard_of(folder))

    assert state.rows == ()


def test_another_run_empties_the_sheet_at_once_and_what_was_read_for_the_first_is_dropped(
    scans: Path, run: Path, tiny_dataset: Path, tmp_path: Path
):
    asked_about(run, tiny_dataset, None, {"case_1": 0.2})
    later, session = Later(), session_with(scans, run)
    presenter, state = presented(session, later)
    presenter.look()
    later.do()
    assert cases(state) == ["case_1"]
    presenter.look()

    session.run = make_run(tmp_path / "other", scans)
    assert state.rows == ()
    later.do()

    assert state.rows == ()


def test_a_mask_to_correct_is_the_students_and_no_other(scans: Path, run: Path, tiny_dataset: Path):
    folder = asked_about(run, tiny_dataset, None, {"case_1": 0.2})
    presenter, state = presented(session_with(scans, run))
    presenter.look()

    mask = presenter.draft(state.rows[0].answer)
    (folder / "case_1" / "mask.nii.gz").unlink()

    drawn = read_mask(tiny_dataset / "labels" / "case_1.nii.gz", mask.task)
    np.testing.assert_array_equal(mask.labels, drawn.labels)
    with pytest.raises(InputProblem):
        presenter.draft(state.rows[0].answer)


def test_a_case_that_has_a_mask_is_not_corrected_from_the_students(scans: Path, run: Path, tiny_dataset: Path):
    asked_about(run, tiny_dataset, None, {"case_0": 0.1, "case_1": 0.2})
    presenter, state = presented(session_with(scans, run))
    presenter.look()
    unlabelled, reference = state.rows

    assert why_not_corrected(unlabelled) == ""
    assert "is a reference already" in why_not_corrected(reference)
    assert "has a mask of its own" in why_not_corrected(replace(reference, is_reference=False))


def test_a_case_that_is_set_apart_is_not_made_a_reference(scans: Path, run: Path, tiny_dataset: Path):
    asked_about(run, tiny_dataset, None, {"case_1": 0.1, "case_4": 0.2})
    session = session_with(scans, run)
    presenter, state = presented(session)
    session.dataset = replace(session.dataset, split=Split(("case_0",), ("case_4",)))

    presenter.look()

    assert cases(state) == ["case_4", "case_1"]
    assert "validates or tests" in why_not_corrected(state.rows[0])
    assert why_not_corrected(state.rows[1]) == ""


def test_a_case_that_is_painted_on_must_be_done_first():
    assert busy_elsewhere("") == ()
    assert busy_elsewhere("case_3")[0].where == "case_3"


def test_the_legend_names_the_classes_in_their_colours(scans: Path, run: Path, tiny_dataset: Path):
    asked_about(run, tiny_dataset, None, {"case_0": 0.1})
    presenter, state = presented(session_with(scans, run))
    presenter.look()
    dataset = open_dataset(scans)
    task = replace(dataset.task("shapes"), colours=("#123456",))

    found = legend_of(state.rows, replace(dataset, tasks={"shapes": task}))

    assert found == [("ball", "#123456"), ("cube", "#56b4e9")]
    assert legend_of((), dataset) == []
