import math
import time

import dask.array
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.measures import ClassMeasures, dice, mean_of_applicable, measure_masks

SPACING = (3.0, 0.7, 1.1)

seeds = st.integers(0, 2**31)
spacings = st.tuples(*[st.floats(0.3, 5.0)] * 3)


def blob(seed: int, shape: tuple[int, ...] = (12, 20, 18), smoothness: float = 1.5, share: float = 0.3) -> np.ndarray:
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), smoothness)
    return noise > np.quantile(noise, 1 - share)


def cube(corner: tuple[int, int, int], size: int = 6, shape: tuple[int, int, int] = (24, 24, 24)) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(start, start + size) for start in corner)] = True
    return mask


def measured(prediction: np.ndarray, truth: np.ndarray, spacing: tuple[float, ...] = SPACING) -> ClassMeasures:
    """Return the measures of two masks in mm."""
    (found,) = measure_masks(prediction, truth, ("background", "organ"), spacing, "mm")
    return found


def test_dice_of_a_hand_counted_pair():
    truth = np.array([[[0, 1, 1, 2], [0, 1, 1, 2]]])
    prediction = np.array([[[0, 1, 0, 2], [0, 1, 0, 1]]])

    scores = dice(prediction, truth, 4)

    np.testing.assert_allclose(scores, [2 * 2 / 6, 2 * 2 / 7, 2 * 1 / 3, np.nan])


def test_dice_takes_masks_of_truth_values():
    np.testing.assert_allclose(dice(cube((0, 0, 0)), cube((0, 0, 3)), 2)[1], 0.5)


@given(seeds, seeds, spacings)
@settings(max_examples=25, deadline=None)
def test_measures_do_not_depend_on_which_mask_is_the_truth(one, other, spacing):
    first, second = blob(one), blob(other)

    np.testing.assert_allclose(dice(first, second, 2), dice(second, first, 2))
    assert measured(first, second, spacing).hd95 == pytest.approx(measured(second, first, spacing).hd95)
    assert measured(first, second, spacing).assd == pytest.approx(measured(second, first, spacing).assd)


@given(seeds, spacings)
@settings(max_examples=25, deadline=None)
def test_a_mask_agrees_with_itself(seed, spacing):
    mask = blob(seed)

    np.testing.assert_array_equal(dice(mask, mask, 2), [1.0, 1.0])
    assert measured(mask, mask, spacing).hd95 == 0.0
    assert measured(mask, mask, spacing).assd == 0.0


@given(seeds, seeds, spacings, st.floats(0.5, 4.0))
@settings(max_examples=25, deadline=None)
def test_distances_grow_with_the_spacing_and_dice_does_not(one, other, spacing, factor):
    assume(one != other)
    first, second = blob(one), blob(other)
    stretched = tuple(factor * length for length in spacing)

    assert measured(first, second, stretched).hd95 == pytest.approx(factor * measured(first, second, spacing).hd95)
    assert measured(first, second, stretched).assd == pytest.approx(factor * measured(first, second, spacing).assd)


@given(st.integers(0, 2), st.integers(1, 5), spacings)
@settings(max_examples=25, deadline=None)
def test_a_cube_moved_along_an_axis_is_as_far_off_as_it_was_moved(axis, steps, spacing):
    corner = [9, 9, 9]
    corner[axis] += steps

    found = measured(cube(tuple(corner)), cube((9, 9, 9)), spacing).hd95

    # The leading face, a quarter of the surface, lies exactly that far from the face it left; nothing lies farther.
    assert found == pytest.approx(steps * spacing[axis])


def test_average_distance_of_two_parallel_planes_is_their_gap():
    near, far = np.zeros((10, 5, 5), dtype=bool), np.zeros((10, 5, 5), dtype=bool)
    near[2], far[6] = True, True

    assert measured(near, far).assd == pytest.approx(4 * 3.0)
    assert measured(near, far).hd95 == pytest.approx(4 * 3.0)


def test_the_95th_percentile_forgives_a_stray_voxel_that_the_average_still_counts():
    truth = cube((4, 4, 4), size=10)
    prediction = truth.copy()
    prediction[23, 23, 23] = True

    assert measured(prediction, truth, (1, 1, 1)).hd95 == 0.0
    assert measured(prediction, truth, (1, 1, 1)).assd > 0.0


def test_the_worse_direction_counts():
    truth, prediction = cube((2, 2, 2)), cube((2, 2, 2)) | cube((2, 2, 17))

    # Every true surface voxel is matched; half of the predicted ones lie 10 to 15 voxels away.
    assert measured(prediction, truth, (1, 1, 1)).hd95 > 10.0


def test_a_class_in_neither_mask_is_not_applicable():
    empty = np.zeros((4, 4, 4), dtype=np.uint8)

    assert math.isnan(dice(empty, empty, 2)[1])
    assert math.isnan(measured(empty, empty).hd95)
    assert math.isnan(measured(empty, empty).assd)


@pytest.mark.parametrize("missed", [True, False])
def test_a_class_in_one_mask_only_scores_zero_at_an_infinite_distance(missed):
    empty, full = np.zeros((24, 24, 24), dtype=bool), cube((2, 2, 2))
    prediction, truth = (empty, full) if missed else (full, empty)

    assert dice(prediction, truth, 2)[1] == 0.0
    assert measured(prediction, truth).hd95 == math.inf
    assert measured(prediction, truth).assd == math.inf


def test_what_is_not_applicable_stays_out_of_the_mean():
    assert mean_of_applicable([0.5, math.nan, 1.0]) == 0.75
    assert mean_of_applicable([2.0, math.inf]) == math.inf
    assert math.isnan(mean_of_applicable([math.nan]))
    assert math.isnan(mean_of_applicable([]))


def test_volume_counts_voxels_times_their_size():
    found = measured(cube((0, 0, 0), size=5), cube((0, 0, 0), size=10), (2.0, 0.5, 1.0))

    assert (found.volume, found.truth_volume) == (pytest.approx(0.125), pytest.approx(1.0))


def test_every_class_but_the_background_is_measured_in_order():
    truth = np.where(cube((2, 2, 2)), 1, 0) + np.where(cube((12, 12, 12)), 3, 0)
    prediction = np.where(cube((2, 2, 3)), 1, 0) + np.where(cube((2, 14, 2)), 2, 0)

    measures = measure_masks(prediction, truth, ("background", "liver", "cyst", "spleen", "lung"), SPACING, "mm")

    assert [found.name for found in measures] == ["liver", "cyst", "spleen", "lung"]
    liver, cyst, spleen, lung = measures
    assert liver.dice == pytest.approx(5 / 6)
    assert liver.hd95 == pytest.approx(measured(prediction == 1, truth == 1).hd95)
    assert liver.assd == pytest.approx(measured(prediction == 1, truth == 1).assd)
    assert liver.volume == liver.truth_volume == pytest.approx(216 * 3.0 * 0.7 * 1.1 / 1000)
    assert (liver.distance_unit, liver.volume_unit) == ("mm", "ml")
    assert (cyst.dice, cyst.truth_volume, cyst.hd95) == (0.0, 0.0, math.inf)
    assert (spleen.dice, spleen.volume, spleen.assd) == (0.0, 0.0, math.inf)
    assert math.isnan(lung.dice)
    assert math.isnan(lung.hd95)
    assert (lung.volume, lung.truth_volume) == (0.0, 0.0)


def test_a_picture_without_a_physical_size_is_measured_in_pixels():
    truth = cube((0, 2, 2))[:1].astype(np.uint8)

    (found,) = measure_masks(np.roll(truth, 3, axis=2), truth, ("background", "nodule"), (1.0, 1.0, 1.0), "pixel")

    assert (found.volume, found.volume_unit) == (36.0, "voxel")
    assert (found.hd95, found.distance_unit) == (3.0, "pixel")


def test_a_flat_image_has_an_outline_and_not_a_surface_on_every_pixel():
    truth, prediction = np.zeros((1, 40, 40), dtype=bool), np.zeros((1, 40, 40), dtype=bool)
    truth[0, 5:35, 5:35] = True
    prediction[0, 6:34, 6:34] = True

    # Outline to outline everywhere one pixel; were every pixel surface, most of the distances would be 0.
    assert measured(prediction, truth, (1, 1, 1)).assd == pytest.approx(1.0, abs=0.02)
    assert measured(prediction[0], truth[0], (1, 1)).assd == measured(prediction, truth, (1, 1, 1)).assd


def test_masks_of_two_shapes_are_refused():
    with pytest.raises(VolumeProblem, match=r"shape \(2, 2, 2\) but the truth has \(3, 2, 2\)"):
        dice(np.zeros((2, 2, 2), dtype=int), np.zeros((3, 2, 2), dtype=int), 2)
    with pytest.raises(VolumeProblem, match="Resample"):
        measured(np.zeros((2, 2, 2), dtype=int), np.zeros((3, 2, 2), dtype=int))


@pytest.mark.parametrize(("label", "whose"), [(3, "prediction"), (-1, "truth")])
def test_labels_outside_the_classes_are_refused(label, whose):
    good, bad = np.zeros((2, 2, 2), dtype=np.int16), np.full((2, 2, 2), label, dtype=np.int16)
    prediction, truth = (bad, good) if whose == "prediction" else (good, bad)

    with pytest.raises(VolumeProblem, match=f"{whose}: It holds the label {label}; expected 0 to 2"):
        dice(prediction, truth, 3)


def test_a_large_case_is_measured_in_seconds():
    z, y, x = np.ogrid[-1:1:160j, -1:1:256j, -1:1:256j]
    truth = (z**2 + y**2 + x**2 < 0.6).astype(np.uint8)
    prediction = np.roll(truth, 4, axis=1)
    prediction[0, 0, 0] = 1
    began = time.perf_counter()

    measure_masks(prediction, truth, ("background", "liver"), (2.0, 1.0, 1.0), "mm")

    assert time.perf_counter() - began < 10.0


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore:monai.metrics:FutureWarning")
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(12, 20, 18), (1, 40, 30), (150, 9, 12)])
def test_measures_agree_with_monai(seed, shape):
    torch = pytest.importorskip("torch")
    monai = pytest.importorskip("monai.metrics")
    smoothness = (1.5, 1.5, 1.5) if shape[0] > 1 else (0, 2, 2)
    prediction, truth = (blob(seed + offset, shape, smoothness) for offset in (0, 100))
    # MONAI measures a flat image as the picture it is.
    axes = slice(0 if shape[0] > 1 else 1, None)

    def one_hot(mask):
        return torch.from_numpy(np.stack([~mask, mask])).reshape(1, 2, *shape[axes]).float()

    spacing = list(SPACING[axes])
    theirs = one_hot(prediction), one_hot(truth)

    expected_dice = monai.compute_dice(*theirs, include_background=True)[0]
    expected_hd95 = monai.compute_hausdorff_distance(*theirs, percentile=95, spacing=spacing).item()
    expected_assd = monai.compute_average_surface_distance(*theirs, symmetric=True, spacing=spacing).item()

    np.testing.assert_allclose(dice(prediction, truth, 2), expected_dice.numpy(), rtol=1e-6)
    assert measured(prediction, truth).hd95 == pytest.approx(expected_hd95, rel=1e-5)
    assert measured(prediction, truth).assd == pytest.approx(expected_assd, rel=1e-5)


@pytest.mark.engine
@pytest.mark.filterwarnings("ignore:monai.metrics:FutureWarning")
def test_a_thin_sheet_in_a_volume_is_measured_as_monai_does():
    torch = pytest.importorskip("torch")
    monai = pytest.importorskip("monai.metrics")
    prediction, truth = np.zeros((9, 12, 12), dtype=bool), np.zeros((9, 12, 12), dtype=bool)
    prediction[4, 2:9, 2:9], truth[4, 4:11, 3:10] = True, True

    theirs = [torch.from_numpy(np.stack([~mask, mask])[None]).float() for mask in (prediction, truth)]
    expected = monai.compute_average_surface_distance(*theirs, symmetric=True, spacing=list(SPACING)).item()

    assert measured(prediction, truth).assd == pytest.approx(expected, rel=1e-5)


def test_masks_that_stay_on_the_disk_are_measured_like_those_in_memory():
    shape, classes = (140, 30, 200), ("background", "one", "other", "nowhere")
    prediction, truth = (blob(seed, shape) + blob(seed + 1, shape).astype(np.uint8) for seed in (1, 3))
    lazy = [dask.array.from_array(labels, chunks=(64, 16, 64)) for labels in (prediction, truth)]

    found = measure_masks(*lazy, classes, SPACING, "mm")

    expected = measure_masks(prediction, truth, classes, SPACING, "mm")
    for one, other in zip(found, expected, strict=True):
        assert repr(one) == repr(other)
