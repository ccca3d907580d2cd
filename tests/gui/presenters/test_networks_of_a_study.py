"""The networks of a run on several datasets: which is asked about which picture and cases, which are compared."""

from dataclasses import replace
from pathlib import Path

import pytest

from napari_medkd.files.manifest import open_dataset, write_dataset
from napari_medkd.files.opening import read_volume
from napari_medkd.gui.members import Member
from napari_medkd.gui.networks import networks_of
from napari_medkd.gui.presenters.all_cases import AllCasesPresenter
from napari_medkd.gui.presenters.asking import Wish, question_of
from napari_medkd.gui.presenters.predicting import Predicting
from napari_medkd.gui.presenters.results import ResultsPresenter
from napari_medkd.gui.presenters.selection import Selection
from napari_medkd.gui.presenters.sheet import SheetPresenter
from napari_medkd.gui.state import AllCasesState, ResultsState, Session, SheetState
from napari_medkd.gui.subject import Picture
from tests.gui.answering_run import HereAndWait, add_network, make_run
from tests.gui.asked_run import asked_about
from tests.gui.presenting import at_once
from tests.pictures import write_pictures


@pytest.fixture
def study(tmp_path: Path) -> tuple[Member, ...]:
    folders = [write_pictures(tmp_path / name, name) for name in ("cells", "spots")]
    return tuple(Member(folder, open_dataset(folder)) for folder in folders)


@pytest.fixture
def run(tmp_path: Path, study: tuple[Member, ...]) -> Path:
    run = make_run(tmp_path / "runs", study[0].path, networks=())
    for role in ("expert", "student"):
        for member in study:
            add_network(run, f"{role}-{member.dataset.name}", dataset=member.dataset.name)
    return run


@pytest.fixture
def session(study: tuple[Member, ...], run: Path) -> Session:
    return Session(study=study, dataset=study[0].dataset, dataset_path=study[0].path, run=run)


def picture_of(member: Member, number: int) -> Picture:
    source = member.dataset.cases[number].images[0]
    volume = read_volume(source)
    return Picture(source.stem, source.stem, volume.grid, source, volume.data[0, 0])


@pytest.fixture
def selection(session: Session, study: tuple[Member, ...]) -> Selection:
    selection = Selection(session, ResultsState(), at_once)
    selection.set_pictures([picture_of(member, 3) for member in study])
    return selection


def test_a_picture_is_asked_about_by_the_network_of_its_dataset(selection: Selection):
    asked = []
    for key in [picture.key for picture in selection._state.pictures]:
        selection.choose_picture(key)
        asked.append(selection._state.network)

    assert asked == ["student-cells", "student-spots"]


def test_the_role_that_was_chosen_stays_with_another_datasets_picture(selection: Selection):
    selection.choose_network("expert-spots")

    selection.choose_picture(selection._state.pictures[0].key)

    assert selection._state.network == "expert-cells"


def test_a_network_can_be_chosen_for_another_datasets_picture_all_the_same(selection: Selection):
    selection.choose_network("student-cells")

    assert selection.picture.name == "spots3_0"
    assert selection.wish("student-cells").network.stage == "student-cells"


def test_networks_of_one_dataset_are_compared(selection: Selection):
    presenter = ResultsPresenter(selection._state, selection, Predicting(HereAndWait(), at_once))

    presenter.compare()

    assert [network.stage for network in selection.comparable()] == ["student-spots", "expert-spots"]
    assert presenter._waiting == ["expert-spots"]


def test_a_case_in_two_datasets_is_taken_from_the_one_the_network_was_taught(
    run: Path, study: tuple[Member, ...], tmp_path: Path
):
    both = tmp_path / "both"
    both.mkdir()
    write_dataset(replace(study[0].dataset, name="both", folder=both), both)
    opened = tuple((folder, open_dataset(folder)) for folder in (both, study[0].path))

    question = question_of(Wish(run, networks_of(run)[0], picture_of(study[0], 3), opened))

    assert question.spec.stage == "student-cells"
    assert (question.spec.data, question.spec.cases) == (study[0].path, ("cells3",))


def test_all_cases_of_the_current_dataset_are_asked_of_its_own_student(session: Session, study: tuple[Member, ...]):
    launches, state = HereAndWait(), AllCasesState()
    presenter = AllCasesPresenter(session, state, launches, at_once)
    assert state.student == "student-cells"

    session.dataset_path, session.dataset = study[1].path, study[1].dataset
    presenter.predict()

    (spec,) = launches.specs
    assert (spec.stage, spec.data) == ("student-spots", study[1].path)
    assert spec.cases == tuple(f"spots{number}" for number in range(12))
    assert spec.out.name == "student-spots-all-spots"


def test_a_dataset_that_no_student_was_taught_is_told(session: Session, tmp_path: Path):
    launches, state = HereAndWait(), AllCasesState()
    presenter = AllCasesPresenter(session, state, launches, at_once)
    other = write_pictures(tmp_path / "other", "other")

    session.dataset_path, session.dataset = other, open_dataset(other)
    presenter.predict()

    assert state.advice == (
        "This run's students were taught cells, spots, not other: click what was taught in the Data dock."
    )
    assert launches.specs == []


def test_the_sheet_shows_what_the_datasets_own_student_said(tmp_path: Path, tiny_dataset: Path):
    run = make_run(tmp_path / "runs", tiny_dataset, networks=())
    for name in ("tiny", "other"):
        add_network(run, f"student-{name}", dataset=name)
    asked_about(run, tiny_dataset, tiny_dataset, {"case_1": 0.2}, name="own", stage="student-tiny")
    asked_about(run, tiny_dataset, tiny_dataset, {"case_2": 0.9}, name="others", stage="student-other")
    session = Session(dataset=open_dataset(tiny_dataset), dataset_path=tiny_dataset, run=run)
    state = SheetState()

    SheetPresenter(session, state, at_once).look()

    assert [row.answer.case for row in state.rows] == ["case_1"]
    assert state.summary == "1 of 6 cases predicted by the student · tiny; the least certain come first."
