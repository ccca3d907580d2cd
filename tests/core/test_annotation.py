import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_medkd.core.annotation import Boxes, ClassLabel, Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import UNKNOWN, Task

ORGANS = Task("organs", "segmentation", ("background", "liver", "spleen"))
PARTIAL = Task("organs", "segmentation", ("background", "liver"), ignore=255)
FOUND = Task("found", "detection", ("liver", "spleen"))
GRID = Grid.upright((4, 5, 6), (3.0, 2.0, 1.0))


def labels(*voxels: tuple[int, int, int], value: int = 1, shape=GRID.shape) -> np.ndarray:
    array = np.zeros(shape, np.uint8)
    for voxel in voxels:
        array[voxel] = value
    return array


# ---------------------------------------------------------------- masks


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_mask_takes_every_class_of_its_task(kind):
    array = np.arange(GRID.shape[0] * GRID.shape[1] * GRID.shape[2]).reshape(GRID.shape) % 3

    assert Mask(array.astype(kind), GRID, ORGANS).labels.max() == 2


def test_a_label_of_no_class_is_refused_with_the_classes_there_are():
    with pytest.raises(VolumeProblem, match=r"labels \[7\].*background, liver, spleen"):
        Mask(labels((0, 0, 0), value=7), GRID, ORGANS)


def test_the_ignored_label_is_allowed_and_no_other():
    assert Mask(labels((0, 0, 0), value=255), GRID, PARTIAL).labels.max() == 255
    with pytest.raises(VolumeProblem, match=r"\[254\]"):
        Mask(labels((0, 0, 0), value=254), GRID, PARTIAL)


def test_a_mask_of_another_shape_than_its_grid_is_refused():
    with pytest.raises(VolumeProblem, match="Resample"):
        Mask(np.zeros((4, 5, 5), np.uint8), GRID, ORGANS)


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.bool_])
def test_labels_of_another_type_are_refused(kind):
    with pytest.raises(VolumeProblem, match="uint8 or uint16"):
        Mask(np.zeros(GRID.shape, kind), GRID, ORGANS)


# ---------------------------------------------------------------- class labels


def test_a_case_has_exactly_one_class_unless_the_task_is_multilabel():
    one = Task("grade", "classification", ("benign", "malignant"))
    several = Task("signs", "classification", ("nodule", "effusion"), multilabel=True)

    assert ClassLabel(frozenset({"benign"}), one).present == {"benign"}
    assert ClassLabel(frozenset(), several).present == frozenset()
    assert ClassLabel(frozenset({"nodule", "effusion"}), several).present == {"nodule", "effusion"}
    for present in (frozenset(), frozenset({"benign", "malignant"})):
        with pytest.raises(VolumeProblem, match="exactly one"):
            ClassLabel(present, one)


def test_of_several_classes_some_may_be_unknown():
    signs = Task("signs", "classification", ("nodule", "effusion", "mass"), multilabel=True)

    label = ClassLabel(frozenset({"nodule"}), signs, frozenset({"mass"}))

    assert label.presences == (1, 0, UNKNOWN)


@pytest.mark.parametrize(
    ("present", "unknown", "multilabel", "found"),
    [
        ({"nodule"}, {"nodule"}, True, "nodule is present and unknown"),
        (set(), {"cyst"}, True, "'cyst'"),
        ({"nodule"}, {"effusion"}, False, "takes exactly one"),
    ],
)
def test_a_class_is_unknown_only_where_others_say_nothing_of_it(present, unknown, multilabel, found):
    task = Task("signs", "classification", ("nodule", "effusion"), multilabel=multilabel)

    with pytest.raises(VolumeProblem, match=found):
        ClassLabel(frozenset(present), task, frozenset(unknown))


def test_a_class_the_task_does_not_know_is_named():
    with pytest.raises(VolumeProblem, match="malign'"):
        ClassLabel(frozenset({"malign"}), Task("grade", "classification", ("benign", "malignant")))


# ---------------------------------------------------------------- boxes


def boxes(*corners: tuple[float, ...], grid: Grid = GRID) -> Boxes:
    return Boxes(np.array(corners, dtype=float).reshape(-1, 6), ("liver",) * len(corners), grid, FOUND)


@pytest.mark.parametrize(
    "corner",
    [(1, 1, 1, 1, 2, 2), (2, 1, 1, 1, 2, 2), (0, 0, 0, 1, np.nan, 1), (np.nan, 0, 0, 1, 1, 1), (0, 0, 0, 1, 1, np.inf)],
)
def test_a_box_without_a_size_is_refused(corner):
    with pytest.raises(VolumeProblem, match="box"):
        boxes(corner)


def test_boxes_of_an_unknown_class_or_a_wrong_shape_are_refused():
    with pytest.raises(VolumeProblem, match="'kidney'"):
        Boxes(np.array([[0.0, 0, 0, 1, 1, 1]]), ("kidney",), GRID, FOUND)
    with pytest.raises(VolumeProblem, match=r"expected \(N, 6\)"):
        Boxes(np.zeros((1, 4)), ("liver",), GRID, FOUND)
    with pytest.raises(VolumeProblem, match="for 0 classes"):
        Boxes(np.array([[0.0, 0, 0, 1, 1, 1]]), (), GRID, FOUND)


def test_the_box_of_one_voxel_spans_its_edges():
    found = Boxes.from_mask(Mask(labels((1, 2, 3)), GRID, ORGANS), FOUND)

    np.testing.assert_array_equal(found.corners, [[1, 2, 3, 2, 3, 4]])
    assert found.classes == ("liver",)


def test_a_flat_image_has_boxes_of_one_plane():
    grid = Grid.upright((1, 5, 6), unit="pixel")
    found = Boxes.from_mask(Mask(labels((0, 1, 1), (0, 2, 1), shape=grid.shape), grid, ORGANS), FOUND)

    np.testing.assert_array_equal(found.corners, [[0, 1, 1, 1, 3, 2]])


def test_every_piece_of_every_class_has_its_box_and_touching_corners_are_one_piece():
    array = labels((0, 0, 0), (1, 1, 1)) + labels((3, 4, 5), value=2) + labels((0, 4, 0))

    found = Boxes.from_mask(Mask(array, GRID, ORGANS), FOUND)

    by_class = sorted(zip(found.classes, found.corners.tolist(), strict=True))
    assert by_class == [
        ("liver", [0, 0, 0, 2, 2, 2]),
        ("liver", [0, 4, 0, 1, 5, 1]),
        ("spleen", [3, 4, 5, 4, 5, 6]),
    ]


def test_classes_the_detection_task_does_not_know_and_ignored_voxels_have_no_box():
    only_spleen = Task("found", "detection", ("spleen",))

    assert Boxes.from_mask(Mask(labels((0, 0, 0)), GRID, ORGANS), only_spleen).corners.shape == (0, 6)
    assert Boxes.from_mask(Mask(labels((0, 0, 0), value=255), GRID, PARTIAL), FOUND).corners.shape == (0, 6)


@given(arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 3), elements=st.integers(0, 2)))
def test_boxes_of_a_mask_are_tight_and_hold_every_voxel_of_their_class(array):
    mask = Mask(array, Grid.upright(array.shape), ORGANS)

    found = Boxes.from_mask(mask, FOUND)

    covered = np.zeros((3, *array.shape), bool)
    for corner, name in zip(found.corners.astype(int), found.classes, strict=True):
        value = ORGANS.classes.index(name)
        inside = tuple(slice(low, high) for low, high in zip(corner[:3], corner[3:], strict=True))
        covered[(value, *inside)] = True
        piece = array[inside] == value
        for axis in range(3):
            ends = np.moveaxis(piece, axis, 0)
            assert ends[0].any()
            assert ends[-1].any()
    assert covered[1][array == 1].all()
    assert covered[2][array == 2].all()


def test_clipping_cuts_boxes_to_the_image_and_drops_those_outside():
    cut = boxes((-2, 1, 1, 2, 2, 9), (4, 0, 0, 6, 1, 1), (1, 1, 1, 2, 2, 2)).clipped()

    np.testing.assert_array_equal(cut.corners, [[0, 1, 1, 2, 2, 6], [1, 1, 1, 2, 2, 2]])
    assert cut.classes == ("liver", "liver")


def test_a_box_in_the_world_reaches_half_a_voxel_beyond_its_outer_voxels():
    world = boxes((1, 2, 3, 2, 4, 6)).to_world()

    assert world.shape == (1, 8, 3)
    np.testing.assert_allclose(world[0].min(axis=0), [-5.5, -7.0, -4.5])
    np.testing.assert_allclose(world[0].max(axis=0), [-2.5, -3.0, -1.5])


def test_no_boxes_have_no_corners_in_the_world():
    assert boxes().to_world().shape == (0, 8, 3)
    assert boxes().clipped().corners.shape == (0, 6)
