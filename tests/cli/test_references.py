from dataclasses import replace

import numpy as np
import pytest

from napari_medkd.cli.inspection import problems_of_spec
from napari_medkd.cli.references import half_painted, notices_of_references, problems_of_references
from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Split
from napari_medkd.core.grid import Grid
from napari_medkd.core.spec import MethodChoice
from napari_medkd.core.task import Task
from napari_medkd.files.annotating import save_annotation
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_volume

GRID = Grid.upright((24, 24, 24))
SHAPES = Task("shapes", "segmentation", ("background", "ball", "cube"))


@pytest.fixture
def dataset(tiny_dataset, tmp_path):
    """The tiny dataset, to be written elsewhere."""
    return replace(open_dataset(tiny_dataset), folder=tmp_path)


def problem(dataset, *references, task=SHAPES):
    (found,) = problems_of_references(references, dataset, task)
    return f"{found.where}: {found.problem} {found.hint}"


def painted(dataset, labels):
    grid = read_volume(dataset.case("case_0").images).grid
    return save_annotation(dataset, "case_0", Mask(labels.astype(np.uint8), grid, SHAPES))


def test_a_labelled_case_of_the_training_side_is_a_good_reference(dataset):
    assert problems_of_references(("case_0",), dataset, SHAPES) == []


def test_no_reference_names_the_cases_that_could_be_one(dataset):
    assert "Labelled for 'shapes': case_0, case_1" in problem(dataset)


def test_a_reference_without_a_mask_is_to_be_annotated(dataset):
    assert "has no mask for 'organs'" in problem(dataset, "case_0", task=replace(SHAPES, name="organs"))


@pytest.mark.parametrize(("case", "side"), [("case_4", "validate"), ("case_5", "test")])
def test_a_case_that_is_set_apart_is_no_reference(dataset, case, side):
    assert f"is on the {side} side" in problem(dataset, case)


def test_a_case_of_a_patient_who_tests_is_no_reference_though_it_is_on_no_side(dataset):
    other = replace(dataset.case("case_0"), id="again", group=dataset.case("case_5").group)
    both = replace(dataset, cases=(*dataset.cases, other))

    assert "of whom other cases validate or test. Choose a reference of another patient." in problem(both, "again")


def test_a_class_nobody_painted_is_named(dataset):
    labels = np.zeros((24, 24, 24))
    labels[5:9, 5:9, 5:9] = 1

    assert "No reference shows cube." in problem(painted(dataset, labels), "case_0")


def test_a_class_that_one_of_several_references_does_not_show_is_noticed_no_problem(dataset):
    labels = np.zeros((24, 24, 24))
    labels[5:9, 5:9, 5:9] = 1
    some = painted(dataset, labels)

    assert problems_of_references(("case_0", "case_1"), some, SHAPES) == []
    assert notices_of_references(("case_0", "case_1"), some, SHAPES) == [
        "Reference case_0 shows no cube: it is learned as absent there."
    ]
    assert notices_of_references(("case_1", "case_2"), some, SHAPES) == []


def test_a_single_painted_slice_is_too_little(dataset):
    labels = np.zeros((24, 24, 24))
    labels[5, 5:9, 5:9] = 1
    labels[5, 12:15, 5:9] = 2

    assert "Only one slice of case 'case_0' is painted; the other 23" in problem(painted(dataset, labels), "case_0")


def told_of(labels):
    return [found.problem for found in half_painted("case_0", Mask(labels.astype(np.uint8), GRID, SHAPES))]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    ("slices", "left_out"),
    [((2, 7, 12, 17), 12), ((2, 7, 8, 12, 17), 11), ((2, 3, 7, 12, 13, 17, 22), 14), ((4, 9), 4)],
    ids=["every fifth", "a neighbour by chance", "two neighbours by chance", "two alone"],
)
def test_a_class_on_every_fifth_slice_is_too_little_though_another_covers_those_between(axis, slices, left_out):
    labels = np.zeros((24, 24, 24))
    along = np.moveaxis(labels, axis, 0)
    along[1:23, 4:20, 4:20] = 2
    along[list(slices), 6:12, 6:12] = 1

    (told,) = told_of(labels)

    assert told == (
        f"Case 'case_0' shows ball on {len(slices)} slices, most of them without a neighbour; on the {left_out} left "
        "out between them it would count as absent."
    )


def test_half_painted_classes_are_all_told_with_what_fills_them(dataset):
    labels = np.zeros((24, 24, 24))
    labels[[2, 7, 12, 17], 4:12, 4:12] = 1
    labels[[2, 7, 12, 17], 14:20, 4:12] = 2

    found = problems_of_references(("case_0",), painted(dataset, labels), SHAPES)

    assert ["ball" in one.problem for one in found] == [True, False]
    assert "Interpolate" in found[0].hint


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_anatomy_may_have_gaps(axis):
    """Two kidneys side by side, three vertebrae above each other, and what is found on single slices here and there."""
    kidneys, vertebrae, spots = np.zeros((3, 24, 24, 24))
    np.moveaxis(kidneys, axis, 0)[[*range(2, 7), *range(17, 22)], 8:14, 8:14] = 1
    np.moveaxis(vertebrae, axis, 0)[[0, 1, 2, 3, 6, 7, 8, 9, 12, 13, 14, 15], 8:14, 8:14] = 1
    for at, corner in ((3, 2), (9, 8), (15, 14)):
        np.moveaxis(spots, axis, 0)[at, corner : corner + 4, corner : corner + 4] = 1

    assert told_of(kidneys) == told_of(vertebrae) == told_of(spots) == []


def test_a_structure_of_one_slice_beside_one_of_several_is_a_good_reference(dataset):
    labels = np.zeros((24, 24, 24))
    labels[[4, 5, 6, 12, 13], 4:12, 4:12] = 1
    labels[18, 14:20, 4:12] = 2

    assert problems_of_references(("case_0",), painted(dataset, labels), SHAPES) == []


def test_spots_on_slices_far_apart_are_a_good_reference(dataset):
    labels = np.zeros((24, 24, 24))
    labels[4, 4:8, 4:8], labels[10, 10:14, 10:14], labels[20, 17:21, 17:21] = 1, 2, 1

    assert problems_of_references(("case_0",), painted(dataset, labels), SHAPES) == []


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["sagittal", "coronal", "axial"])
def test_a_single_slice_has_none_to_leave_out(dataset, tmp_path, axis):
    nibabel = pytest.importorskip("nibabel")
    labels = np.zeros((24, 24, 24), np.uint8)
    along = np.moveaxis(labels, axis, 0)
    along[:1, 4:20:5, 4:12], along[:1, 4:20:5, 14:20] = 1, 2
    labels = np.moveaxis(along[:1], 0, axis)
    paths = {"image": tmp_path / "flat.nii.gz", "mask": tmp_path / "flat_mask.nii.gz"}
    nibabel.save(nibabel.Nifti1Image(labels.astype(np.float32), np.eye(4)), paths["image"])
    nibabel.save(nibabel.Nifti1Image(labels, np.eye(4)), paths["mask"])
    case = replace(dataset.case("case_0"), images=(paths["image"],), annotations={"shapes": paths["mask"]})
    flat = replace(dataset, cases=(case, *dataset.cases[1:]))

    assert problems_of_references(("case_0",), flat, SHAPES) == []


def test_without_an_unlabelled_image_there_is_nothing_to_learn_from(dataset):
    few = replace(
        dataset,
        cases=tuple(case for case in dataset.cases if case.id in ("case_0", "case_4", "case_5")),
        split=replace(dataset.split, train=("case_0",)),
    )

    assert "There is no unlabelled image" in problem(few, "case_0")


def test_a_mask_on_another_grid_is_told_with_both_grids(dataset, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    path = tmp_path / "other.nii.gz"
    nibabel.save(nibabel.Nifti1Image(np.zeros((24, 24, 24), np.uint8), np.eye(4)), path)
    case = replace(dataset.case("case_0"), annotations={"shapes": path})
    other = replace(dataset, cases=(case, *dataset.cases[1:]))

    assert "other.nii.gz" in problem(other, "case_0")


def test_a_baseline_with_one_label_may_not_take_a_test_case_for_it(tiny_spec):
    spec = tiny_spec.replace(references=("case_5",), method=MethodChoice(name="supervised"))

    (found,) = problems_of_spec(spec, read_images=False)

    assert "is on the test side" in found.problem


def test_a_baseline_with_one_label_needs_no_other_image(dataset):
    alone = replace(dataset, cases=dataset.cases[:1], split=Split(("case_0",), (), ()))

    assert problems_of_references(("case_0",), alone, SHAPES, needs_images=False) == []
    assert problems_of_references(("case_0",), alone, SHAPES) != []
