"""Whose network is each dataset's expert: offered by what a finished run learned from, written into the spec."""

from pathlib import Path

import pytest

from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.finished_run import FinishedRun
from napari_medkd.gui.members import Member
from napari_medkd.gui.presenters.choices import TrainChoices
from napari_medkd.gui.state import Session, TrainState
from tests.gui.presenting import demo_card
from tests.pictures import write_pictures

#: A name with a dot, as those of released datasets often are.
NAMES = ("cells.v2", "spots")
EARLIER = Path("runs/2026-11-22_0825_supervised_cells")


@pytest.fixture
def session(tmp_path):
    folders = [write_pictures(tmp_path / name, name) for name in NAMES]
    study = tuple(Member(folder, open_dataset(folder)) for folder in folders)
    return Session(study=study, dataset=study[0].dataset, dataset_path=folders[0], runs_folder=Path("runs"))


@pytest.fixture
def choices(session):
    joint = demo_card("joint", needs="labels of several datasets").replace(stages=("expert", "teacher", "student"))
    finished = FinishedRun(EARLIER, "supervised", (session.study[0].folder,))
    choices = TrainChoices(session, TrainState(cards=(demo_card(), joint), finished=(finished,)))
    choices.choose_method("joint")
    return choices


def offered(choices):
    return {field.title: field.choices for field in choices.experts.fields()}


def test_a_run_is_offered_for_the_dataset_it_learned_from(choices):
    assert offered(choices) == {"Expert of cells.v2": ("", str(EARLIER)), "Expert of spots": ("",)}


def test_a_method_without_experts_has_no_such_field(choices):
    choices.choose_method("demo")

    assert choices.experts.fields() == ()


def test_the_chosen_run_stands_in_the_spec_under_the_experts_stage(choices):
    choices.set_value("starts_from.expert-cells_v2", str(EARLIER))

    assert choices.spec().starts_from == {"expert-cells_v2": EARLIER}

    choices.set_value("starts_from.expert-cells_v2", "")
    assert choices.spec().starts_from == {}


def test_of_one_dataset_alone_the_stage_has_no_name_added(choices, session):
    choices.teach(session.study[1].folder, "", False)
    choices.set_value("starts_from.expert", str(EARLIER))

    assert choices.spec().starts_from == {"expert": EARLIER}


@pytest.mark.parametrize("leaves", ["dataset", "method"])
def test_a_choice_is_forgotten_with_its_dataset_or_method(choices, session, leaves):
    choices.set_value("starts_from.expert-cells_v2", str(EARLIER))

    if leaves == "dataset":
        choices.teach(session.study[0].folder, "", False)
    else:
        choices.choose_method("demo")

    assert choices.spec().starts_from == {}


def test_the_network_of_another_dataset_is_not_kept_as_an_expert(choices, session):
    choices.set_value("starts_from.expert-cells_v2", str(EARLIER))
    choices.teach(session.study[1].folder, "", False)
    choices.set_value("starts_from.expert", str(EARLIER))
    choices.teach(session.study[1].folder, "", True)
    choices.teach(session.study[0].folder, "", False)

    assert choices.spec().starts_from == {}
