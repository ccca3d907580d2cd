"""How much each class of a classification counts."""

from dataclasses import replace
from pathlib import Path

import pytest

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.task_losses import class_weights, losses_of
from napari_medkd.methods.supervised import SupervisedSettings

pytestmark = pytest.mark.engine

ONE = Task("stage", "classification", ("early", "late"))
MANY = Task("findings", "classification", ("nodule", "fluid", "rib"), multilabel=True)


def dataset(task: Task, *present: str) -> Dataset:
    """Return a dataset of which each case shows the classes that are listed, with blanks between."""
    labels = [ClassLabel(frozenset(each.split()), task) for each in present]
    cases = tuple(
        Case(f"case{number}", (Path(f"case{number}.png"),), f"case{number}", annotations={task.name: label})
        for number, label in enumerate(labels)
    )
    names = tuple(case.id for case in cases)
    return Dataset("chests", ("image",), Modality.XR, {task.name: task}, cases, Split(train=names))


def weights(task: Task, *present: str) -> list[float]:
    found = dataset(task, *present)
    return class_weights(found, task, found.split.train).tolist()


def test_of_classes_that_exclude_each_other_each_counts_by_how_seldom_it_is():
    found = weights(ONE, "early", "early", "early", "late")

    # 4 cases over 2 classes x 3 and over 2 classes x 1: (3 x 2/3 + 1 x 2) / 4 cases is 1
    assert found == pytest.approx([2 / 3, 2])


def test_a_finding_counts_where_present_by_how_often_it_is_absent_over_how_often_it_is_present():
    found = weights(MANY, "rib", "rib nodule", "rib nodule fluid", "nodule")

    assert found == pytest.approx([1 / 3, 3, 1 / 3])  # present 3, 1 and 3 times of 4


def test_a_finding_that_every_case_shows_counts_as_it_does_without_weights():
    assert weights(MANY, "rib", "rib nodule", "rib nodule fluid", "rib") == pytest.approx([1, 3, 1])


def test_an_image_of_which_a_finding_is_not_known_counts_for_the_others_alone():
    found = dataset(MANY, "rib", "rib nodule", "fluid", "fluid")
    case = found.case("case3")
    partly = ClassLabel(frozenset({"fluid"}), MANY, frozenset({"nodule"}))
    cases = (*found.cases[:3], replace(case, annotations={"findings": partly}))

    weights_K = class_weights(replace(found, cases=cases), MANY, found.split.train)

    assert weights_K.tolist() == pytest.approx([2, 1, 1])  # of the nodule 1 is present and 2 absent


def test_an_unknown_finding_is_unknown_to_the_losses():
    label = ClassLabel(frozenset({"rib"}), MANY, frozenset({"fluid"}))
    case = Case("case0", (Path("case0.png"),), "case0", annotations={"findings": label})

    assert Cases._present(case, MANY).tolist() == [0, -1, 1]


def test_no_class_counts_more_than_twenty_times_however_rare_it_is():
    assert weights(ONE, *["early"] * 99, "late") == pytest.approx([100 / 198, 20])
    assert weights(MANY, *["rib"] * 50, *["fluid"] * 49, "nodule") == pytest.approx([20, 51 / 49, 1])


def test_cases_that_are_not_learned_from_do_not_count():
    of_five = dataset(ONE, "early", "late", "late", "late", "late")

    assert class_weights(of_five, ONE, ("case0", "case1")).tolist() == [1, 1]


def test_classes_count_alike_unless_they_are_to_be_balanced():
    signs = dataset(ONE, "early", "early", "early", "late")
    recipe = Preprocessing(dimensions=2, spacing=(1, 1, 1), patch=(1, 8, 8), channels=("image",))
    cases = Cases(signs, (ONE,), signs.split.train, recipe)

    assert losses_of(cases, SupervisedSettings()).class_weights_K is None
    assert losses_of(cases, SupervisedSettings(), balanced=True).class_weights_K.tolist() == pytest.approx([2 / 3, 2])
