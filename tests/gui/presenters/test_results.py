from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.status import RunStatus
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_volume
from napari_medkd.gui.members import Corrected
from napari_medkd.gui.presenters.ports import InBackground
from napari_medkd.gui.presenters.predicting import Predicting
from napari_medkd.gui.presenters.results import ResultsPresenter
from napari_medkd.gui.presenters.selection import Selection
from napari_medkd.gui.state import ResultsState, Session
from napari_medkd.gui.subject import Picture
from tests.gui.answering_run import BOTH, HereAndWait, add_network, make_run
from tests.gui.presenting import Later, at_once


class Dock:
    """The thinking half of a Results dock on a case of the tiny dataset, with nothing chosen yet."""

    def __init__(self, runs: Path, dataset: Path, in_background: InBackground = at_once) -> None:
        self.session = Session(runs_folder=runs)
        self.state = ResultsState()
        self.launches = HereAndWait()
        self.selection = Selection(self.session, self.state, at_once)
        self.predicting = Predicting(self.launches, in_background)
        self.presenter = ResultsPresenter(self.state, self.selection, self.predicting)
        self.pictures = [self._picture(dataset, case) for case in ("case_4", "case_5")]

    @staticmethod
    def _picture(dataset: Path, case: str) -> Picture:
        source = dataset / "images" / f"{case}.nii.gz"
        volume = read_volume(source)
        return Picture(case, case, volume.grid, source, volume.data[0])

    def choose(self, run: Path) -> None:
        """Choose a run and the second picture."""
        self.selection.choose_run(run)
        self.selection.set_pictures(self.pictures)

    def hear_all(self) -> None:
        """Let every prediction that is asked for run to its end."""
        heard = 0
        while heard < len(self.launches.specs):
            heard = len(self.launches.specs)
            self.launches.hear_out(self.predicting)


@pytest.fixture
def dock(tmp_path: Path, tiny_dataset: Path) -> Dock:
    return Dock(tmp_path / "runs", tiny_dataset)


def test_what_is_missing_is_said_one_thing_after_the_other(dock: Dock, tmp_path: Path, tiny_dataset: Path) -> None:
    untrained = make_run(tmp_path / "runs", tiny_dataset, networks=())
    said = [dock.state.advice]

    dock.selection.choose_run(untrained)
    said.append(dock.state.advice)
    dock.selection.choose_run(make_run(tmp_path / "runs", tiny_dataset))
    said.append(dock.state.advice)
    dock.selection.set_pictures(dock.pictures)

    assert said[0] == "Choose a run."
    assert "first epoch" in said[1]
    assert said[2] == "Open an image."
    assert dock.state.advice == ""


def test_runs_are_listed_newest_first(dock: Dock, run: Path, tmp_path: Path, tiny_dataset: Path) -> None:
    newer = make_run(tmp_path / "runs", tiny_dataset)

    dock.selection.list_runs()

    assert {path for path, _ in dock.state.runs} == {run, newer}


def test_networks_appear_when_a_live_run_has_saved_them(dock: Dock, tmp_path: Path, tiny_dataset: Path) -> None:
    run = make_run(tmp_path / "runs", tiny_dataset, networks=())
    dock.choose(run)
    assert dock.state.networks == ()

    add_network(run, "student")
    dock.session.run_status = RunStatus(checkpoint="checkpoints/student.best.safetensors")

    assert [network.stage for network in dock.state.networks] == ["student"]
    assert dock.state.network == "student"
    assert dock.state.advice == ""


def test_a_damaged_card_is_no_network(dock: Dock, run: Path) -> None:
    (run / "checkpoints" / "teacher.done.json").write_text("{")

    dock.choose(run)

    assert [network.stage for network in dock.state.networks] == ["student"]


def test_the_topmost_picture_is_chosen_and_another_one_when_it_goes(dock: Dock, run: Path) -> None:
    dock.choose(run)
    chosen = [dock.selection.picture]

    dock.selection.set_pictures(dock.pictures[:1])
    chosen.append(dock.selection.picture)
    dock.selection.set_pictures([])

    assert [picture.name for picture in chosen if picture] == ["case_5", "case_4"]
    assert dock.selection.picture is None


@pytest.mark.process
def test_the_chosen_network_is_asked(dock: Dock, run: Path) -> None:
    dock.choose(run)
    dock.selection.choose_network("teacher")

    dock.presenter.predict()
    assert dock.state.busy
    dock.hear_all()

    assert [answer.stage for answer in dock.state.answers] == ["teacher"]
    assert dock.state.busy == ""
    assert dock.state.panels == ()


@pytest.mark.process
def test_comparing_asks_whoever_has_not_answered_and_puts_all_side_by_side(dock: Dock, run: Path) -> None:
    dock.choose(run)
    dock.presenter.predict(["student"])
    dock.hear_all()

    dock.presenter.compare()
    dock.hear_all()

    assert [spec.stage for spec in dock.launches.specs] == ["student", "teacher"]
    assert [panel.title for panel in dock.state.panels] == [
        "teacher, given class means of the true mask",
        "student",
        "difference:\nstudent vs true mask",
    ]
    assert dock.state.differences == ("student vs true mask", "student vs teacher", "teacher vs true mask")


@pytest.mark.process
def test_the_difference_can_be_of_another_pair(dock: Dock, run: Path) -> None:
    dock.choose(run)
    dock.presenter.compare()
    dock.hear_all()
    before = dock.state.panels

    dock.presenter.choose_difference("student vs teacher")

    marks = dock.state.panels[2].labels
    student, teacher = (dock.presenter.answer(stage) for stage in ("student", "teacher"))
    assert student is not None
    assert teacher is not None
    np.testing.assert_array_equal(marks > 0, student.labels != teacher.labels)
    assert dock.state.panels[2].title == "difference:\nstudent vs teacher"
    assert dock.state.panels is not before


@pytest.mark.process
def test_a_run_without_a_teacher_is_compared_with_the_truth(dock: Dock, tmp_path: Path, tiny_dataset: Path) -> None:
    dock.choose(make_run(tmp_path / "runs", tiny_dataset, networks=BOTH[:1]))

    dock.presenter.compare()
    dock.hear_all()

    assert [panel.title for panel in dock.state.panels] == ["true mask", "student", "difference:\nstudent vs true mask"]


@pytest.mark.process
def test_without_truth_and_teacher_the_student_stands_beside_the_image(
    dock: Dock, tmp_path: Path, tiny_dataset: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    dock.choose(make_run(tmp_path / "runs", empty, networks=BOTH[:1]))

    dock.presenter.compare()
    dock.hear_all()

    assert [panel.title for panel in dock.state.panels] == ["image", "student"]
    assert not dock.state.panels[0].labels.any()
    assert dock.state.differences == ()


@pytest.mark.process
def test_another_picture_has_other_answers(dock: Dock, run: Path) -> None:
    dock.choose(run)
    dock.presenter.compare()
    dock.hear_all()

    dock.selection.choose_picture(dock.pictures[0].key)

    assert dock.state.answers == ()
    assert dock.state.panels == ()
    assert dock.state.difference == ""


@pytest.mark.process
def test_an_answer_to_the_run_before_is_dropped(dock: Dock, run: Path, tmp_path: Path, tiny_dataset: Path) -> None:
    dock.choose(run)
    dock.presenter.predict()

    dock.selection.choose_run(make_run(tmp_path / "runs", tiny_dataset))
    dock.hear_all()

    assert dock.state.answers == ()
    assert dock.state.busy == ""


@pytest.mark.process
def test_a_failure_ends_what_waits_behind_it(dock: Dock, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDKD_SCRIPT", "fail")
    dock.choose(run)

    dock.presenter.compare()
    dock.hear_all()

    assert len(dock.launches.specs) == 1
    assert "upside down" in dock.state.message
    assert dock.state.hint == "Turn it round."
    assert dock.state.log is not None
    assert dock.state.busy == ""
    assert dock.state.panels == ()


def test_stop_ends_what_is_only_being_prepared_and_what_waits_behind_it(
    tmp_path: Path, tiny_dataset: Path, run: Path
) -> None:
    later = Later()
    dock = Dock(tmp_path / "runs", tiny_dataset, later)
    dock.choose(run)
    dock.presenter.compare()

    dock.presenter.stop()
    assert dock.state.busy == ""
    later.do()

    assert dock.launches.specs == []
    assert dock.state.busy == ""


def test_nothing_is_asked_while_something_is_missing(dock: Dock) -> None:
    dock.presenter.predict()
    dock.presenter.compare()

    assert dock.launches.specs == []
    assert dock.state.busy == ""


@pytest.mark.parametrize(("case", "is_about_it"), [("case_5", True), ("", True), ("case_4", False)])
def test_answers_go_when_what_is_true_of_their_picture_is_corrected(
    dock: Dock, run: Path, tiny_dataset: Path, case: str, is_about_it: bool
) -> None:
    dock.session.dataset, dock.session.dataset_path = open_dataset(tiny_dataset), tiny_dataset
    dock.choose(run)
    dock.presenter.predict()
    dock.hear_all()
    assert len(dock.state.answers) == 1

    dock.session.corrected = Corrected(tiny_dataset.resolve(), case)

    assert len(dock.state.answers) == (not is_about_it)
    assert ("case_5 was changed" in dock.state.message) == is_about_it
