"""Which datasets and tasks a run is to learn."""

from dataclasses import replace
from pathlib import Path

import pytest

from napari_medkd.core.errors import SpecProblem
from napari_medkd.core.spec import Target
from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.members import Member
from napari_medkd.gui.presenters.choices import TrainChoices
from napari_medkd.gui.state import Session, TrainState
from tests.gui.presenting import demo_card
from tests.pictures import write_pictures

KINDS = ("segmentation", "classification", "detection")


@pytest.fixture
def spots(tmp_path):
    return write_pictures(tmp_path / "spots", "spots", dark=True)


@pytest.fixture
def session(cells, spots):
    study = tuple(Member(folder, open_dataset(folder)) for folder in (cells, spots))
    return Session(study=study, dataset=study[0].dataset, dataset_path=cells, runs_folder=Path("runs"))


@pytest.fixture
def choices(session):
    joint = demo_card("joint", needs="labels of several datasets").replace(tasks=KINDS)
    cards = (demo_card(), demo_card("plain").replace(tasks=KINDS), joint)
    choices = TrainChoices(session, TrainState(cards=cards))
    choices.choose_method("joint")
    return choices


def taught(choices):
    return {one.name: one.taught for one in choices.targets.offered()}


def test_the_whole_study_is_offered_with_the_masks_of_each_dataset(choices, cells, spots):
    assert taught(choices) == {"cells": ("shape",), "spots": ("shape",)}
    assert choices.spec().datasets == (cells, spots)
    assert choices.spec().targets == (Target(dataset="cells", task="shape"), Target(dataset="spots", task="shape"))


def test_a_task_that_is_checked_joins_in_the_order_of_the_dataset(choices, cells):
    choices.teach(cells.resolve(), "places", True)
    choices.teach(cells.resolve(), "border", True)

    assert taught(choices)["cells"] == ("shape", "border", "places")
    assert [one.task for one in choices.spec().targets if one.dataset == "cells"] == ["shape", "border", "places"]


def test_a_dataset_left_out_takes_no_part_and_comes_back_with_its_masks(choices, cells, spots):
    choices.teach(cells.resolve(), "border", True)
    choices.teach(cells.resolve(), "", False)
    assert choices.spec().datasets == (spots,)
    assert choices.spec().targets == (Target(task="shape"),)

    choices.teach(cells.resolve(), "", True)
    assert taught(choices)["cells"] == ("shape",)


def test_a_dataset_whose_last_task_is_unchecked_takes_no_part(choices, spots, cells):
    choices.teach(spots.resolve(), "shape", False)

    assert choices.spec().datasets == (cells,)


def test_with_nothing_chosen_nothing_can_be_started(choices, cells, spots):
    for folder in (cells, spots):
        choices.teach(folder.resolve(), "", False)

    assert choices.hindrance() == "No task is chosen."
    with pytest.raises(SpecProblem, match="No task is chosen"):
        choices.spec()


def test_two_tasks_of_a_kind_are_a_problem_of_the_choice(choices, session, cells):
    first = session.study[0]
    organs = replace(first.dataset.tasks["shape"], name="organs")
    session.dataset = replace(first.dataset, tasks={**first.dataset.tasks, "organs": organs})

    choices.teach(cells.resolve(), "organs", True)

    (found,) = choices.targets.problems()
    assert found.where == "targets"
    assert found.problem == "Of 'cells' two tasks of the kind segmentation are named: shape, organs."
    assert choices.hindrance() == found.problem


def test_two_datasets_of_one_name_are_a_problem_of_the_choice(choices, session, tmp_path):
    twin = write_pictures(tmp_path / "twin", "cells")
    session.study = (*session.study, Member(twin, open_dataset(twin)))

    assert [found.where for found in choices.targets.problems()] == ["datasets"]
    assert choices.hindrance() == "2 datasets are called 'cells'."


def test_a_method_of_one_dataset_offers_the_current_one_alone(choices, session, cells, spots):
    choices.choose_method("plain")
    assert taught(choices) == {"cells": ("shape",)}

    choices.teach(cells.resolve(), "border", True)
    spec = choices.spec()

    assert spec.datasets == (cells,)
    assert spec.targets == (Target(task="shape"), Target(task="border"))


def test_a_method_of_one_kind_offers_a_list_of_tasks_instead(choices):
    choices.choose_method("demo")

    assert choices.targets.offered() == ()
    assert choices.spec().targets == (Target(task="shape"),)


def test_a_preview_case_is_chosen_only_where_one_dataset_takes_part(choices, spots):
    assert choices.shared_fields["preview_case"].choices == ("",)

    choices.teach(spots.resolve(), "", False)
    choices.set_value("preview_case", "cells3")
    assert choices.spec().preview_case == "cells3"

    choices.teach(spots.resolve(), "", True)
    assert choices.spec().preview_case == ""


def test_a_change_of_what_is_taught_makes_earlier_answers_void(choices, cells):
    before = choices._state.generation

    choices.teach(cells.resolve(), "border", True)

    assert choices._state.generation > before
