import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from napari_medkd.core.measures import dice
from napari_medkd.core.painting import empty_between, interpolated, painted_slices, smoothed, voxels_by_slice

SPACING = (2.0, 1.0, 0.5)


def ball(shape=(25, 31, 35), radius=10.0):
    z, y, x = np.indices(shape)
    middle = (np.array(shape) - 1) / 2
    distance = (z - middle[0]) ** 2 + (y - middle[1]) ** 2 + (x - middle[2]) ** 2
    return (distance <= radius**2).astype(np.uint8)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_third_slice_of_a_ball_is_enough_for_the_ball(axis):
    truth = ball()
    sparse = np.zeros_like(truth)
    kept = [slice(None)] * 3
    first, last = painted_slices(truth, axis)[0], painted_slices(truth, axis)[-1]
    for index in [*range(first, last, 3), last]:
        kept[axis] = index
        sparse[tuple(kept)] = truth[tuple(kept)]

    found = interpolated(sparse, axis, (1.0, 1.0, 1.0))

    assert painted_slices(found, axis) == list(range(first, last + 1))
    assert dice(found, truth, 2)[1] > 0.95


def test_painted_slices_stay_as_they_are():
    labels = np.zeros((7, 20, 20), np.uint8)
    labels[0, 4:9, 4:9] = 1
    labels[6, 10:16, 10:16] = 2

    found = interpolated(labels, 0, SPACING)

    assert np.array_equal(found[[0, 6]], labels[[0, 6]])
    assert labels[3].max() == 0


def test_an_outline_that_moves_is_half_way_half_way():
    labels = np.zeros((3, 30, 30), np.uint8)
    labels[0, 10:20, 5:15] = 1
    labels[2, 10:20, 9:19] = 1

    found = interpolated(labels, 0, (1.0, 1.0, 1.0))

    columns = np.flatnonzero(found[1, 15])
    assert (columns[0], columns[-1]) == (7, 16)


def test_two_classes_side_by_side_do_not_overrun_each_other():
    labels = np.zeros((5, 20, 20), np.uint8)
    for index in (0, 4):
        labels[index, 5:15, 5:10] = 1
        labels[index, 5:15, 10:15] = 2

    found = interpolated(labels, 0, SPACING)

    assert np.array_equal(found[2], labels[0])


def test_a_single_painted_slice_or_none_changes_nothing():
    labels = np.zeros((5, 8, 8), np.uint8)
    assert np.array_equal(interpolated(labels, 0, SPACING), labels)
    labels[2, 2:5, 2:5] = 1
    assert np.array_equal(interpolated(labels, 0, SPACING), labels)


def test_classes_on_different_slices_are_filled_each_between_its_own():
    labels = np.zeros((21, 30, 30), np.uint8)
    labels[[0, 10, 20], 2:12, 2:12] = 1
    labels[[5, 15], 16:28, 16:28] = 2

    found = interpolated(labels, 0, (1.0, 1.0, 1.0))

    assert (found[:, 2:12, 2:12] == 1).all()
    assert (found == 1).sum() == 21 * 10 * 10
    assert (found[5:16, 16:28, 16:28] == 2).all()
    assert (found == 2).sum() == 11 * 12 * 12


def test_a_voxel_that_two_classes_claim_goes_to_the_one_it_lies_deeper_in_and_nothing_painted_changes():
    labels = np.zeros((7, 30, 30), np.uint8)
    labels[[0, 6], 5:25, 5:15] = 1
    labels[[1, 5], 5:25, 11:25] = 2

    found = interpolated(labels, 0, (1.0, 1.0, 1.0))

    # Class 1 ends after column 14, class 2 begins with column 11: depths of 3.5, 2.5, 1.5, 0.5 and 0.5, 1.5, 2.5, 3.5.
    assert found[3, 15, 5:25].tolist() == [1] * 8 + [2] * 12
    painted = labels > 0
    assert np.array_equal(found[painted], labels[painted])


def test_empty_slices_are_counted_between_painted_ones_alone():
    labels = np.zeros((8, 4, 4), np.uint8)
    labels[[2, 5], 1, 1] = 1
    labels[3, 1, 1:3] = 2

    counts = voxels_by_slice(labels, 0, 4)

    assert counts.sum(axis=0).tolist() == [8 * 16 - 4, 2, 2, 0]
    assert counts[3].tolist() == [14, 0, 2, 0]
    assert empty_between(counts[:, 1] > 0) == [3, 4]
    assert empty_between(counts[:, 1:].any(axis=1)) == [4]
    assert empty_between(counts[:, 3] > 0) == []
    assert painted_slices(labels, 0) == [2, 3, 5]


def test_smoothing_takes_a_speck_away_and_leaves_a_ball():
    labels = ball()
    labels[2, 2, 2] = 1

    found, kept = smoothed(labels, 0, (1.0, 1.0, 1.0), 1.0)

    assert found[2, 2, 2] == 0
    assert kept == []
    assert dice(found, ball(), 2)[1] > 0.97
    assert found.dtype == labels.dtype


def test_smoothing_a_plane_works_within_it():
    labels = np.zeros((1, 20, 20), np.uint8)
    labels[0, 5:15, 5:15] = 3

    found, _ = smoothed(labels, 0, (5.0, 1.0, 1.0), 1.0)

    assert set(np.unique(found)) == {0, 3}
    assert found[0, 10, 10] == 3


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_smoothing_before_interpolation_rounds_each_slice_by_itself(axis):
    labels = np.zeros((32, 32, 32), np.uint8)
    slices = np.moveaxis(labels, axis, 0)
    slices[[5, 10, 15, 20], 4:28, 4:28] = 1

    found, kept = smoothed(labels, axis, (1.0, 1.0, 1.0), 1.0)

    # With weights of 0.40, 0.24, 0.05, ... a pixel at an edge keeps 0.70 along it; a corner 0.70 * 0.70 = 0.49 alone.
    assert (found > 0).sum() == 4 * (24 * 24 - 4)
    assert painted_slices(found, axis) == [5, 10, 15, 20]
    assert kept == []


def test_a_structure_on_one_slice_is_rounded_within_it():
    labels = np.zeros((9, 32, 32), np.uint8)
    labels[4, 4:28, 4:28] = 1

    found, _ = smoothed(labels, 0, (1.0, 1.0, 1.0), 1.0)

    assert (found > 0).sum() == 24 * 24 - 4


def test_smoothing_what_is_whole_works_across_slices():
    labels = np.zeros((32, 32, 32), np.uint8)
    labels[4:28, 4:28, 4:28] = 1

    found, _ = smoothed(labels, 0, (1.0, 1.0, 1.0), 1.0)

    # An edge keeps 0.70 * 0.70 = 0.49 across the two faces that meet there: all twelve edges go.
    assert (found > 0).sum() == 24**3 - 12 * 22 - 8


def test_a_class_that_smoothing_would_take_away_stays_as_it_is():
    labels = ball()
    labels[12, 3, 5:25] = 2
    labels[11, 3, 5:25] = 2

    found, kept = smoothed(labels, 0, (1.0, 1.0, 1.0), 1.0)

    assert kept == [2]
    assert np.array_equal(found == 2, labels == 2)
    assert dice((found == 1).astype(np.uint8), ball(), 2)[1] > 0.97


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_what_is_painted_far_away_changes_nothing_here(axis):
    random = np.random.default_rng(axis)
    shape = (13, 14, 15)
    blobs = random.integers(1, 4, shape).astype(np.uint8) * (gaussian_filter(random.normal(size=shape), 1.5) > 0.05)
    np.moveaxis(blobs, axis, 0)[[2, 3, 6, 9]] = 0
    labels = np.pad(blobs, 25)
    with_more = labels.copy()
    slices, more = np.moveaxis(labels, axis, 0), np.moveaxis(with_more, axis, 0)
    for label, corner in ((1, (0, 0)), (2, (0, -4)), (3, (-4, 0))):
        for index in painted_slices(slices == label, 0):
            more[index, corner[0] :, corner[1] :][:3, :3] = label
    here = (slice(15, -15),) * 3

    assert np.array_equal(interpolated(with_more, axis, SPACING)[here], interpolated(labels, axis, SPACING)[here])
    assert np.array_equal(
        smoothed(with_more, axis, SPACING, 0.8)[0][here], smoothed(labels, axis, SPACING, 0.8)[0][here]
    )
