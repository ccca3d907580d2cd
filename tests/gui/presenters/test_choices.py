import json
from dataclasses import replace
from pathlib import Path

import pytest

from napari_medkd.core.dataset import Split
from napari_medkd.core.errors import SpecProblem
from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.finished_run import Drawn, FinishedRun
from napari_medkd.gui.presenters.choices import TrainChoices
from napari_medkd.gui.presenters.spec_fields import ADVANCED, BASIC, spec_fields
from napari_medkd.gui.state import Session, TrainState
from tests.gui.presenting import demo_card

VALUES = {
    "name": "liver, second try",
    "schedule.epochs": 3,
    "schedule.steps_per_epoch": 7,
    "schedule.batch_size": 2,
    "schedule.learning_rate": 0.05,
    "schedule.augmentation": "paper",
    "network.widths": (8, 16, 32),
    "hardware.device": "cpu",
    "hardware.precision": "fp32",
    "hardware.threads": 2,
    "seed": 11,
    "start_from": "runs/earlier",
    "preview_case": "case_4",
    "method.settings.weight": 5.5,
    "method.settings.rounds": 8,
    "method.settings.balanced": True,
    "method.settings.sees": "mask",
    "method.settings.limit": 0.75,
}


@pytest.fixture
def session(tiny_dataset):
    return Session(dataset=open_dataset(tiny_dataset), dataset_path=tiny_dataset, runs_folder=Path("runs"))


@pytest.fixture
def choices(session):
    choices = TrainChoices(session, TrainState(cards=(demo_card(),)))
    choices.choose_method("demo")
    return choices


def test_all_shared_fields_stand_in_the_form():
    assert set(spec_fields()) == {*BASIC, *ADVANCED}


@pytest.mark.parametrize("name", sorted(VALUES))
def test_every_value_of_the_form_reaches_the_spec(choices, name):
    choices.set_value(name, VALUES[name])

    found = json.loads(choices.spec().model_dump_json())
    for part in name.split("."):
        found = found[part]
    assert found == (list(VALUES[name]) if isinstance(VALUES[name], tuple) else VALUES[name])


def test_the_values_tested_are_all_there_are(choices):
    assert set(VALUES) == {*spec_fields(), *(field.name for field in choices.method_fields())}


def test_dataset_and_task_reach_the_spec(choices, tiny_dataset):
    spec = choices.spec()

    assert spec.datasets == (tiny_dataset,)
    assert spec.targets[0].task == "shapes"


@pytest.fixture
def one_shot(session):
    return TrainChoices(session, TrainState(cards=(demo_card(), demo_card("few", needs="references"))))


def test_references_reach_the_spec_of_a_method_that_needs_them_alone(one_shot, session):
    session.references = ("case_0", "case_2")

    one_shot.choose_method("few")
    assert one_shot.spec().references == ("case_0", "case_2")

    one_shot.choose_method("demo")
    assert one_shot.spec().references == ()


def test_a_method_that_needs_references_waits_for_one(one_shot, session):
    one_shot.choose_method("few")
    assert "reference" in one_shot.hindrance()

    session.references = ("case_0",)
    assert one_shot.hindrance() == ""


def test_for_references_the_method_and_the_task_they_are_labelled_for_are_taken(one_shot, session):
    dataset = session.dataset
    first = replace(dataset.cases[0], annotations={"balls": dataset.cases[0].annotations["shapes"]})
    tasks = {**dataset.tasks, "balls": replace(dataset.tasks["shapes"], name="balls")}
    session.dataset = replace(dataset, tasks=tasks, cases=(first, *dataset.cases[1:]))
    session.references = (first.id,)

    assert one_shot.choose_for_references()

    assert one_shot.spec().method.name == "few"
    assert one_shot.spec().targets[0].task == "balls"


@pytest.mark.parametrize(
    ("case", "method", "folder", "is_gone_on_from"),
    [
        ("case_2", "few", "", True),
        ("case_1", "few", "", False),
        ("case_2", "demo", "", False),
        ("case_2", "few", "elsewhere", False),
    ],
    ids=["corrected", "discarded", "another method", "another dataset"],
)
def test_the_run_whose_answer_became_a_reference_is_what_to_start_from(
    one_shot, session, case, method, folder, is_gone_on_from
):
    session.references = ("case_0", "case_2")
    run = FinishedRun(Path("runs/first"), method, ((session.dataset.folder / folder).resolve(),))
    session.drawn = Drawn(case, run)

    assert one_shot.choose_for_references()

    assert one_shot.spec().start_from == (Path("runs/first") if is_gone_on_from else None)


def test_a_person_who_then_chose_to_begin_from_scratch_is_not_asked_again(one_shot, session):
    session.references = ("case_2",)
    session.drawn = Drawn("case_2", FinishedRun(Path("runs/first"), "few", (session.dataset.folder.resolve(),)))
    one_shot.choose_for_references()

    one_shot.set_value("start_from", "")
    one_shot.choose_for_references()

    assert one_shot.spec().start_from is None


def test_for_references_the_chosen_task_stays_where_they_are_labelled_for_it(one_shot, session):
    dataset = session.dataset
    shapes = dataset.cases[0].annotations["shapes"]
    first = replace(dataset.cases[0], annotations={"shapes": shapes, "balls": shapes})
    tasks = {**dataset.tasks, "balls": replace(dataset.tasks["shapes"], name="balls")}
    session.dataset = replace(dataset, tasks=tasks, cases=(first, *dataset.cases[1:]))
    session.references = (first.id,)
    one_shot.choose_task("balls")

    assert one_shot.choose_for_references()

    assert one_shot.spec().targets[0].task == "balls"


def test_without_a_method_for_references_nothing_is_chosen(choices, session):
    session.references = ("case_0",)

    assert not choices.choose_for_references()
    assert choices.spec().method.name == "demo"


def test_a_run_to_start_from_that_is_not_listed_is_offered_by_name_all_the_same(choices):
    first = Path("runs/2026-11-22_0825_demo_first")
    choices.set_value("start_from", first)

    field = choices.shared_fields["start_from"]

    assert choices.spec().start_from == first
    assert dict(zip(field.choices, field.words, strict=True)) == {
        "": "scratch",
        str(first): "11-22 08:25 · first · demo",
    }


def test_a_run_to_start_from_that_is_listed_is_offered_once(choices):
    first = Path("runs/2026-11-22_0825_demo_first")
    choices._state.finished = (FinishedRun(first, "demo"),)
    choices.set_value("start_from", first)

    assert choices.shared_fields["start_from"].choices == ("", str(first))


def test_a_preset_gives_the_fields_other_defaults_and_forgets_changes_of_the_method(choices):
    choices.set_value("method.settings.weight", 4.0)
    choices.set_value("schedule.epochs", 2)

    choices.choose_preset("heavy")

    weight = next(field for field in choices.method_fields() if field.name == "method.settings.weight")
    assert weight.default == 9.0
    assert choices.spec().method.settings == {}
    assert choices.spec().method.preset == "heavy"
    assert choices.spec().schedule.epochs == 2


def test_a_value_set_back_to_its_default_is_no_change(choices):
    choices.set_value("schedule.epochs", 3)
    choices.set_value("schedule.epochs", 10)

    assert choices.spec() == TrainChoices.spec(choices)
    assert "schedule" not in choices.spec().model_dump(exclude_unset=True)


def test_a_value_that_is_not_allowed_is_a_problem_at_its_field(choices):
    choices.set_value("network.widths", "sixteen")

    with pytest.raises(SpecProblem) as found:
        choices.spec()

    assert {problem.where for problem in found.value.problems} == {"network.widths"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"dataset": None}, "Open a dataset in the Data dock first."),
        ({"method": ""}, "Choose a method."),
        ({"kind": "detection"}, "The dataset has no task of a kind this method teaches: detection."),
    ],
)
def test_what_hinders_a_start_is_said_in_a_sentence(session, change, says):
    card = demo_card().replace(tasks=(change.get("kind", "segmentation"),))
    state = TrainState(cards=(card,), method=change.get("method", "demo"))
    if "dataset" in change:
        session.dataset = None

    choices = TrainChoices(session, state)

    assert choices.hindrance() == says
    with pytest.raises(SpecProblem, match=says[:12]):
        choices.spec()


def test_the_cases_of_the_dataset_can_be_looked_at_while_training(choices, session):
    field = choices.shared_fields["preview_case"]

    assert (field.kind, field.default, field.words[0]) == ("choice", "", "automatic")
    assert field.choices == ("", *(case.id for case in session.dataset.cases))
    assert "Default: automatic." in field.tooltip
    session.dataset = None
    assert choices.shared_fields["preview_case"].choices == ("",)


@pytest.fixture
def among_runs(session):
    """Choices between two methods, where a run of each has finished."""
    runs = (
        FinishedRun(Path("runs/2026-11-21_0210_demo_liver"), "demo"),
        FinishedRun(Path("runs/2026-11-20_1200_other"), "other"),
    )
    choices = TrainChoices(session, TrainState(cards=(demo_card(), demo_card("other")), finished=runs))
    choices.choose_method("demo")
    return choices


def test_finished_runs_of_the_same_method_can_be_started_from(among_runs):
    field = among_runs.shared_fields["start_from"]

    assert field.choices == ("", "runs/2026-11-21_0210_demo_liver")
    assert field.words == ("scratch", "11-21 02:10 · liver · demo")


def test_another_method_begins_from_scratch(among_runs):
    among_runs.set_value("start_from", "runs/2026-11-21_0210_demo_liver")
    among_runs.choose_method("demo")
    assert among_runs.spec().start_from == Path("runs/2026-11-21_0210_demo_liver")

    among_runs.choose_method("other")

    assert among_runs.spec().start_from is None


def test_scratch_again_is_no_change(among_runs):
    among_runs.set_value("start_from", "runs/2026-11-21_0210_demo_liver")
    among_runs.set_value("start_from", "")

    assert "start_from" not in among_runs.spec().model_dump(exclude_unset=True)


def test_a_preview_case_is_forgotten_with_its_dataset(choices, session):
    choices.set_value("preview_case", "case_4")
    choices.take_dataset()
    assert choices.spec().preview_case == "case_4"

    session.dataset = replace(session.dataset, cases=session.dataset.cases[:2], split=Split())
    choices.take_dataset()

    assert choices.spec().preview_case == ""
