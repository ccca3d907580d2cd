"""The study of several open datasets, as the Data dock's presenter keeps it."""

import json

import pytest

from napari_medkd.files.manifest import MANIFEST, open_dataset
from napari_medkd.gui.members import found_in
from napari_medkd.gui.presenters.data import DataPresenter
from napari_medkd.gui.state import DataState, Session
from napari_medkd.gui.study import study_of
from tests.gui.presenting import Later, at_once
from tests.pictures import write_pictures


@pytest.fixture
def session():
    return Session()


@pytest.fixture
def state():
    return DataState()


@pytest.fixture
def presenter(session, state):
    return DataPresenter(session, state, at_once)


def shown(state):
    return [(row.name, row.num_cases, row.num_problems, row.is_current) for row in state.members]


def test_a_dataset_that_is_opened_joins_those_that_are_open_and_is_listed(presenter, session, state, cells, spots):
    presenter.open(cells)
    presenter.open(spots)

    assert [member.dataset.name for member in study_of(session)] == ["cells", "spots"]
    assert shown(state) == [("cells", 12, 0, False), ("spots", 12, 0, True)]
    assert [row.id for row in state.rows] == [f"spots{number}" for number in range(12)]


def test_several_are_opened_at_once_and_the_cases_of_the_first_are_listed(presenter, session, state, cells, spots):
    presenter.open(cells, spots)

    assert shown(state) == [("cells", 12, 0, True), ("spots", 12, 0, False)]
    assert session.dataset.name == "cells"


def test_one_that_cannot_be_opened_leaves_the_others(presenter, state, cells, tmp_path):
    presenter.open(tmp_path / "nothing", cells)

    assert shown(state) == [("cells", 12, 0, True)]
    assert str(tmp_path / "nothing") in state.problems[0].where


def test_a_dataset_opened_again_by_its_manifest_takes_its_own_place(presenter, session, cells, spots):
    presenter.open(cells)
    presenter.open(spots)
    presenter.open(cells / MANIFEST)

    assert [member.dataset.name for member in study_of(session)] == ["cells", "spots"]
    assert session.dataset_path == cells / MANIFEST


def test_another_one_is_made_current_with_the_references_it_had(presenter, session, state, cells, spots):
    presenter.open(cells)
    presenter.mark_references(["cells3"], on=True)
    presenter.open(spots)
    assert session.references == ()

    presenter.choose(cells.resolve())

    assert session.dataset.name == "cells"
    assert session.references == ("cells3",)
    assert [row.id for row in state.rows if row.is_reference] == ["cells3"]


def test_problems_are_those_of_the_current_dataset_and_counted_of_all(presenter, state, cells, spots):
    (spots / "mask3.png").unlink()
    presenter.open(cells)
    presenter.open(spots)
    assert "mask3.png" in state.problems[0].problem

    presenter.choose(cells.resolve())

    assert state.problems == ()
    assert shown(state) == [("cells", 12, 0, True), ("spots", 12, 1, False)]


def test_a_removed_dataset_makes_room_for_the_first_of_the_others(presenter, session, state, cells, spots):
    presenter.open(cells)
    presenter.open(spots)

    presenter.remove(spots.resolve())
    assert shown(state) == [("cells", 12, 0, True)]
    assert session.dataset.name == "cells"

    presenter.remove(cells.resolve())
    assert (state.members, state.rows, session.dataset, session.dataset_path) == ((), (), None, None)
    assert (spots / MANIFEST).is_file()


def test_a_dataset_that_is_not_current_can_be_removed_too(presenter, session, state, cells, spots):
    presenter.open(cells)
    presenter.open(spots)

    presenter.remove(cells.resolve())

    assert shown(state) == [("spots", 12, 0, True)]


def test_two_datasets_of_one_name_are_a_problem_until_one_is_gone(presenter, state, cells, tmp_path):
    twin = write_pictures(tmp_path / "twin", "cells")

    presenter.open(cells)
    presenter.open(twin)
    assert [found.problem for found in state.problems] == ["2 open datasets are called 'cells'."]

    presenter.remove(twin.resolve())
    assert state.problems == ()


def test_a_dataset_removed_while_it_is_looked_at_stays_away(session, state, cells, spots):
    later = Later()
    presenter = DataPresenter(session, state, later)
    presenter.open(cells, spots)
    later.do()

    presenter.remove(spots.resolve())
    later.do(1)
    later.do()

    assert shown(state) == [("cells", 12, 0, True)]


def test_a_change_of_the_current_dataset_is_seen_in_the_study(presenter, session, state, cells, spots):
    presenter.open(cells)
    presenter.open(spots)
    document = json.loads((spots / MANIFEST).read_text())
    document["tasks"]["shape"]["classes"] = ["background", "lesion"]
    (spots / MANIFEST).write_text(json.dumps(document))

    presenter.replace(open_dataset(spots))

    assert session.dataset.tasks["shape"].classes == ("background", "lesion")
    assert [row.tasks[0].classes[1] for row in state.members] == ["rectangle", "lesion"]


def test_an_image_is_found_in_the_dataset_it_is_of(presenter, session, cells, spots):
    presenter.open(cells, spots)

    member, case = found_in(study_of(session), spots / "spots4_0.png")

    assert (member.dataset.name, case.id) == ("spots", "spots4")
    assert found_in(study_of(session), spots / "mask4.png") is None


def test_a_dataset_read_while_a_case_is_painted_joins_and_the_painted_ones_stays_current(session, state, cells, spots):
    later, painted = Later(), [False]
    presenter = DataPresenter(session, state, later, is_painting=lambda: painted[0])
    presenter.open(cells)
    later.do()
    presenter.open(spots)
    painted[0] = True

    while later.waiting:
        later.do()

    assert shown(state) == [("cells", 12, 0, True), ("spots", 12, 0, False)]
    assert state.rows[0].id == "cells0"


def test_a_case_is_marked_in_a_dataset_that_is_not_current(presenter, session, state, cells, spots):
    presenter.open(cells, spots)

    presenter.mark_references(["spots3"], on=True, folder=spots.resolve())
    assert session.references == ()

    presenter.choose(spots.resolve())
    assert [row.id for row in state.rows if row.is_reference] == ["spots3"]
