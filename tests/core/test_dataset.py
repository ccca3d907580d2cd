from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.dataset import Case, Dataset, LabelMap, Split
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality

ORGANS = Task("organs", "segmentation", ("background", "liver"))


def case(name: str, group: str = "", *, labelled: bool = True) -> Case:
    known = {"organs": Path(f"{name}_mask.nii")} if labelled else {}
    return Case(name, (Path(f"{name}.nii"),), group or name, annotations=known)


def dataset(*cases: Case, split: Split | None = None) -> Dataset:
    return Dataset("livers", ("image",), Modality.CT, {"organs": ORGANS}, cases, split or Split())


def test_cases_and_tasks_are_found_by_their_name():
    livers = dataset(case("a"), case("b"))

    assert livers.case("b").images == (Path("b.nii"),)
    assert livers.task("organs") is ORGANS


class Counting(str):
    """A name that counts how often it is held against another."""

    comparisons = 0
    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Counting.comparisons += 1
        return str.__eq__(self, other)


def test_a_case_is_found_without_looking_at_all_others():
    many = dataset(*(case(Counting(f"case_{number}")) for number in range(500)))
    before = Counting.comparisons

    found = [many.case(f"case_{number}") for number in range(500)]

    assert found == list(many.cases)
    assert Counting.comparisons - before < 10 * 500


def test_a_changed_dataset_knows_its_own_cases():
    livers = replace(dataset(case("a")), cases=(case("b"),))

    assert livers.case("b").id == "b"
    assert livers.own(("a", "b")) == ("b",)


def test_an_unknown_case_or_task_gets_the_nearest_name():
    livers = dataset(case("liver_01"))

    with pytest.raises(DatasetProblem, match="Did you mean 'liver_01'"):
        livers.case("liver_1")
    with pytest.raises(DatasetProblem, match="Did you mean 'organs'"):
        livers.task("organ")


def test_labelled_and_unlabelled_cases_are_told_apart():
    livers = dataset(case("a"), case("b", labelled=False))

    assert [found.id for found in livers.labelled("organs")] == ["a"]
    assert [found.id for found in livers.unlabelled("organs")] == ["b"]
    assert livers.labelled_among(("b", "a"), "organs") == ("a",)


def test_a_patient_who_is_judged_is_set_apart_with_all_cases():
    cases = [case("a", "Ann"), case("b", "Ben"), case("b2", "Ben"), case("c"), case("d", "Dan"), case("d2", "Dan")]
    livers = dataset(*cases, split=Split(("a",), ("b",), ("d2",)))

    assert livers.set_apart() == {"b", "b2", "d", "d2"}
    assert dataset(*cases, split=Split(("a",))).set_apart() == set()


def test_all_contradictions_are_reported_together():
    with pytest.raises(DatasetProblem) as error:
        dataset(
            case("a", "Ann"),
            case("a", "Ann"),
            case("b", "Ben"),
            case("c", "Ben"),
            split=Split(("a", "b"), ("c",), ("x",)),
        )

    found = [(problem.where, problem.problem) for problem in error.value.problems]
    assert len(found) == 3
    assert found[0] == ("cases.a", "The case is listed twice.")
    assert any(where == "split.test" and "'x'" in problem for where, problem in found)
    assert any(where == "split.validate.c" and "'Ben'" in problem for where, problem in found)


def test_a_case_on_two_sides_of_the_split_is_refused():
    with pytest.raises(DatasetProblem, match="two sides"):
        Split(("a", "b"), (), ("b",))


def test_a_case_listed_twice_on_one_side_is_refused():
    with pytest.raises(DatasetProblem, match=r"\['b'\]"):
        Split(("a", "b", "b"))


def test_images_of_one_patient_may_share_a_side():
    livers = dataset(case("a", "Ann"), case("b", "Ann"), split=Split(train=("a", "b")))

    assert livers.split.train == ("a", "b")


def test_a_label_map_merges_and_renames_all_at_once():
    stored = np.array([[0, 1, 2, 9]], np.uint8)

    assert LabelMap({1: 2, 2: 1})(stored).tolist() == [[0, 2, 1, 9]]
    assert LabelMap({2: 1})(stored).tolist() == [[0, 1, 1, 9]]
    assert LabelMap({9: 300})(stored).tolist() == [[0, 1, 2, 300]]


def test_a_label_map_says_what_is_stored_for_a_label():
    painted = np.array([[0, 1, 2]], np.uint8)

    assert LabelMap({1: 2, 2: 1}).inverse((0, 1, 2))(painted).tolist() == [[0, 2, 1]]
    assert LabelMap({2: 1, 5: 2}).inverse((0, 1, 2))(painted).tolist() == [[0, 1, 5]]
    assert LabelMap({3: 0}).stored_value(0) == 0
    assert LabelMap({1: 2}).stored_value(1) is None


def test_an_empty_label_map_returns_the_labels_themselves():
    stored = np.array([1, 2], np.uint8)

    assert LabelMap()(stored) is stored


def test_a_label_that_is_a_class_cannot_be_ignored():
    with pytest.raises(DatasetProblem, match="ignore"):
        Task("organs", "segmentation", ("background", "liver"), ignore=1)


@pytest.mark.parametrize(
    ("kind", "classes", "multilabel"),
    [("segmentation", ("liver",), False), ("classification", ("sick",), False), ("detection", (), False)],
)
def test_a_task_with_too_few_classes_is_refused(kind, classes, multilabel):
    with pytest.raises(DatasetProblem, match="at least"):
        Task("t", kind, classes, multilabel)


def test_a_class_listed_twice_is_refused():
    with pytest.raises(DatasetProblem, match="twice"):
        Task("t", "segmentation", ("background", "liver", "liver"))


@pytest.mark.parametrize("name", ["", " "])
def test_a_class_without_a_name_is_refused(name):
    with pytest.raises(DatasetProblem, match="Class 1 has no name"):
        Task("t", "segmentation", ("background", name))


def test_only_a_segmentation_has_a_background():
    assert ORGANS.foreground == ("liver",)
    assert Task("t", "detection", ("nodule",)).foreground == ("nodule",)
    assert Task("t", "classification", ("sick",), multilabel=True).foreground == ("sick",)


DRAWN = Task("organs", "segmentation", ("background", "liver", "spleen"))


def organs(*classes, colours=()):
    known = Task("organs", "segmentation", ("background", *classes), colours=colours)
    return replace(dataset(case("a", "Ann")), tasks={"organs": known})


def test_a_runs_task_is_the_datasets_where_names_and_order_are_the_same():
    same = organs("liver", "spleen", colours=("#102030",))
    longer = organs("liver", "spleen", "kidney")

    for known in (same, longer):
        assert known.as_known(DRAWN) == known.tasks["organs"]
        assert known.continued(DRAWN) == known.tasks["organs"]


@pytest.mark.parametrize("classes", [("spleen", "liver"), ("kidney", "liver"), ("kidney", "spleen", "liver")])
def test_a_mask_of_a_run_whose_classes_stood_in_another_order_is_refused(classes):
    other = organs(*classes)

    assert other.as_known(DRAWN) == DRAWN
    with pytest.raises(DatasetProblem) as refused:
        other.continued(DRAWN)

    listed = ", ".join(classes)
    assert f"The run's classes are background, liver, spleen; the dataset's are background, {listed}" in str(
        refused.value
    )
    assert "predict again" in str(refused.value)


def test_a_mask_of_a_run_with_other_classes_of_another_number_is_refused():
    for other in (organs("kidney"), organs("kidney", "spleen", "liver"), organs("liver", "kidney", "vein")):
        with pytest.raises(DatasetProblem, match="The run's classes are"):
            other.continued(DRAWN)


def test_classes_that_were_renamed_since_the_run_have_their_new_names_in_masks_and_the_runs_in_its_answers():
    renamed = organs("liver", "spleen of Ann", colours=("#102030",))

    assert renamed.continued(DRAWN) == renamed.tasks["organs"]
    assert renamed.as_known(DRAWN) == DRAWN


def test_a_class_that_the_run_has_more_comes_back():
    fewer = organs("liver", colours=("#102030",))

    assert fewer.continued(DRAWN).classes == DRAWN.classes
    assert fewer.continued(DRAWN).colours == ("#102030",)


def test_a_mask_of_a_run_is_refused_where_the_datasets_task_is_of_another_kind():
    boxes = replace(organs("liver"), tasks={"organs": Task("organs", "detection", ("liver",))})

    with pytest.raises(DatasetProblem, match="The run's classes are"):
        boxes.continued(DRAWN)
