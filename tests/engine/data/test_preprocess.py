"""From a volume to a network's input and back."""

import numpy as np
import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import IntensityRule, Preprocessing
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.data.preprocess import (
    network_grid,
    normalise,
    prepare_image,
    prepare_mask,
    restore_labels,
    restore_mask,
)

pytestmark = pytest.mark.engine

TASK = Task("organs", "segmentation", ("background", "organ"))


def recipe(spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)) -> Preprocessing:
    return Preprocessing(dimensions=3, spacing=spacing, patch=(8, 8, 8), channels=("image",))


@pytest.mark.parametrize(
    ("spacing", "patch", "shape", "seen_spacing"),
    [
        ((1.0, 1.0, 1.0), (40, 40, 40), (10, 20, 30), (3.0, 1.0, 1.0)),  # fits, and is not made finer
        ((1.0, 2.0, 2.0), (40, 40, 40), (10, 10, 15), (3.0, 2.0, 2.0)),  # no finer than was wished
        ((1.0, 2.0, 2.0), (40, 40, 10), (7, 7, 10), (4.5, 3.0, 3.0)),  # and coarser where it does not fit
        ((1.0, 1.0, 1.0), (40, 40, 10), (4, 7, 10), (9.0, 3.0, 3.0)),
    ],
)
def test_an_image_seen_as_a_whole_is_no_finer_than_the_spacing_and_fits_into_the_patch(
    spacing, patch, shape, seen_spacing
):
    seen = recipe(spacing).replace(patch=patch, whole=True)

    grid = network_grid(Grid.upright((10, 20, 30), (3.0, 1.0, 1.0)), seen)

    assert grid.shape == shape
    np.testing.assert_allclose(grid.spacing, seen_spacing)


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("z", [1.0, 5.0])
def test_a_network_of_planes_sees_the_planes_that_a_volume_has(z, whole):
    planes = recipe((8.0, 2.0, 2.0)).replace(dimensions=2, patch=(1, 40, 40), whole=whole)

    grid = network_grid(Grid.upright((40, 20, 30), (z, 1.0, 1.0)), planes)

    assert grid.shape == (40, 10, 15)
    np.testing.assert_allclose(grid.spacing, (z, 2.0, 2.0))


def test_percentiles_become_0_and_1():
    image = np.arange(101, dtype=np.float32)

    scaled = normalise(image, IntensityRule(low=10, high=90))

    assert scaled[5] == 0
    assert scaled[95] == 1
    assert scaled[50] == pytest.approx(0.5)


def test_a_ct_window_is_in_hounsfield_units():
    rule = IntensityRule(kind="window", low=-160, high=240)

    scaled = normalise(np.array([-1000, -160, 40, 240, 3000], np.float32), rule)

    assert scaled.tolist() == [0, 0, 0.5, 1, 1]


def test_a_constant_image_becomes_zero():
    assert normalise(np.full((3, 3, 3), 7, np.float32), IntensityRule()).tolist() == np.zeros((3, 3, 3)).tolist()


def test_a_sparse_image_is_not_lost_between_equal_percentiles():
    image = np.zeros((10, 10, 10), np.float32)
    image[5, 5, 5] = 4

    assert normalise(image, IntensityRule())[5, 5, 5] == 1


def test_resampling_keeps_world_positions():
    z = np.indices((10, 12, 14))[0].astype(np.float32)
    grid = Grid.upright((10, 12, 14), (3.0, 1.0, 1.0))
    volume = Volume((z * 3)[None], grid)  # intensity is the position along z in mm
    wide = recipe((1.0, 1.0, 1.0)).replace(intensity=IntensityRule(kind="window", low=0, high=27))

    image, fine = prepare_image(volume, wide)

    inside = image[0, 3:-3, 6, 7] * 27
    positions = fine.to_world(np.stack([np.arange(30), np.full(30, 6), np.full(30, 7)], 1))[3:-3]
    expected = -(positions[:, 2] - grid.to_world([[0, 0, 0]])[0, 2])
    np.testing.assert_allclose(inside, expected, atol=1e-4)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.5, 1.0), (0.7, 0.7, 0.7)])
def test_a_mask_survives_the_way_there_and_back(spacing):
    labels = np.zeros((12, 16, 16), np.uint8)
    labels[3:9, 4:12, 5:13] = 1
    grid = Grid.upright((12, 16, 16), (1.0, 1.0, 1.0))
    network_grid = grid.resized(spacing)

    there = prepare_mask(Mask(labels, grid, TASK), network_grid)
    back = restore_mask(there, network_grid, grid, TASK)

    overlap = 2 * np.sum(back.labels * labels) / (back.labels.sum() + labels.sum())
    assert overlap > (0.999 if min(spacing) == max(spacing) == 1 else 0.8)


def test_what_a_task_ignores_is_unknown_to_the_network():
    grid = Grid.upright((2, 2, 2))
    unsure = Task("organs", "segmentation", ("background", "organ"), ignore=255)
    labels = np.array([[[0, 1], [255, 0]], [[1, 255], [0, 0]]], np.uint8)

    prepared = prepare_mask(Mask(labels, grid, unsure), grid)

    assert prepared.tolist() == [[[0, 1], [-1, 0]], [[1, -1], [0, 0]]]


def test_a_stranger_number_of_channels_is_refused():
    volume = Volume(np.zeros((2, 4, 4, 4), np.float32), Grid.upright((4, 4, 4)), ("a", "b"))

    with pytest.raises(VolumeProblem, match="2 channels"):
        prepare_image(volume, recipe())


@pytest.mark.parametrize("learned", ["mm", "pixel", None])
def test_an_image_measured_in_another_unit_is_refused_where_the_networks_own_is_known(learned):
    volume = Volume(np.zeros((1, 4, 4, 4), np.float32), Grid.upright((4, 4, 4), unit="pixel"))
    seen = recipe((2.0, 1.0, 1.0)).replace(unit=learned)

    if learned == "mm":
        with pytest.raises(VolumeProblem, match="measured in pixel; the network sees voxels of 2 x 1 x 1 mm"):
            prepare_image(volume, seen)
    else:
        assert prepare_image(volume, seen)[1].unit == "pixel"


def test_nan_is_refused():
    data = np.zeros((1, 4, 4, 4), np.float32)
    data[0, 1, 1, 1] = np.nan

    with pytest.raises(VolumeProblem, match="NaN"):
        prepare_image(Volume(data, Grid.upright((4, 4, 4))), recipe())


@pytest.mark.parametrize("ratio", [1.5, 2.0, 3.0, 4.0])
def test_a_mask_on_coarser_voxels_is_neither_moved_nor_larger(ratio):
    own = Grid.upright((48, 48, 48))
    z, y, x = np.ogrid[:48, :48, :48]
    labels = ((z - 22.3) ** 2 + (y - 24.1) ** 2 + (x - 25.4) ** 2 < 14**2).astype(np.uint8)
    coarse = own.resized((ratio, ratio, ratio))

    there = prepare_mask(Mask(labels, own, TASK), coarse)

    middle = coarse.to_world(np.argwhere(there).mean(0)[None]) - own.to_world(np.argwhere(labels).mean(0)[None])
    assert np.abs(middle).max() < max(0.1, ratio / 20)
    assert there.sum() * ratio**3 == pytest.approx(labels.sum(), rel=0.03)


def test_logits_say_between_which_voxels_of_a_network_an_outline_lies():
    own, y = Grid.upright((1, 64, 64)), np.arange(64)
    coarse = own.resized((1.0, 4.0, 4.0))
    rows = (np.arange(16) - 7.1).astype(np.float16)  # class 1 from the row 7.1 of the network on: pixel 29.9
    logits = np.stack([np.zeros((1, 16, 16), np.float16), np.broadcast_to(rows[:, None], (1, 16, 16))])

    labels = restore_labels(logits, coarse, own)

    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels[0, :, 5], (y >= 30).astype(np.uint8))
