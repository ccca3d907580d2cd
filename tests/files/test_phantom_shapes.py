import numpy as np
import pytest

from napari_medkd.files.phantom_shapes import (
    FOREVER,
    Places,
    ellipsoid,
    filled,
    joined,
    largest_piece,
    smooth_noise,
    without,
)

BOX = Places.of_voxels((40, 40, 40), (80.0, 80.0, 80.0))
CENTRE = (40.0, 0.0, 0.0)


def distance_to_centre():
    return np.sqrt((BOX.z - 40) ** 2 + BOX.y**2 + BOX.x**2)


def test_places_are_voxel_centres_in_mm():
    places = Places.of_voxels((2, 4, 8), (10.0, 20.0, 40.0))

    np.testing.assert_allclose(places.z[:, 0, 0], [2.5, 7.5])
    np.testing.assert_allclose(places.y[0, :, 0], [-7.5, -2.5, 2.5, 7.5])
    assert places.x[0, 0, 0] == -17.5


def test_the_field_of_a_ball_is_the_distance_to_its_surface():
    np.testing.assert_allclose(ellipsoid(BOX, CENTRE, (25, 25, 25)), distance_to_centre() - 25, atol=0.1)


@pytest.mark.parametrize("exponent", [2.0, 2.6, 4.0])
def test_a_field_is_0_where_an_axis_leaves_the_solid(exponent):
    field = ellipsoid(BOX, (41.0, 1.0, 1.0), (21, 13, 31), exponent)

    # Voxel centres lie on odd millimetres; (41, 1, 1) is voxel (20, 20, 20).
    leaving = [field[20 + 21 // 2 - 1 : 20 + 21 // 2 + 2, 20, 20], field[20, 25:28, 20], field[20, 20, 34:37]]
    for samples in leaving:
        assert samples[0] < 0 < samples[-1]


def test_an_endless_radius_makes_a_cylinder():
    field = ellipsoid(BOX, CENTRE, (FOREVER, 20, 20))

    np.testing.assert_allclose(field, np.broadcast_to(field[:1], field.shape))


def test_a_quarter_turn_about_the_long_axis_swaps_the_other_two():
    turned = ellipsoid(BOX, CENTRE, (30, 10, 20), turn=(90, 0, 0))

    np.testing.assert_allclose(turned, ellipsoid(BOX, CENTRE, (30, 20, 10)), atol=1e-3)


def test_solids_are_joined_with_a_filled_edge_and_cut_with_a_gap():
    left = ellipsoid(BOX, (40, 0, -15), (20, 20, 20))
    right = ellipsoid(BOX, (40, 0, 15), (20, 20, 20))

    both, rest = joined(left, right, 10), without(left, right, 4)

    assert (both <= np.minimum(left, right) + 1e-5).all()
    assert (both < 0).sum() > ((left < 0) | (right < 0)).sum()
    assert not ((rest < 0) & (right < 4 - 1e-4)).any()
    assert ((rest < 0) == ((left < 0) & (right > 4))).all()


def test_crumbs_beside_the_largest_piece_are_dropped():
    large, crumb = ellipsoid(BOX, (40, 0, -12), (20, 20, 20)), ellipsoid(BOX, (40, 0, 28), (6, 6, 6))

    cleaned = largest_piece(np.minimum(large, crumb))

    np.testing.assert_array_equal(cleaned < 0, large < 0)
    np.testing.assert_array_equal(largest_piece(large), large)


def test_a_filled_ball_has_its_volume():
    share = filled(ellipsoid(BOX, CENTRE, (25, 25, 25)), 2.0)

    assert (share.min(), share.max()) == (0.0, 1.0)
    assert share.sum() * 8 == pytest.approx(4 / 3 * np.pi * 25**3, rel=0.02)


def test_smooth_noise_has_mean_0_and_variance_1():
    values = np.stack([smooth_noise(np.random.default_rng(seed), (12, 12, 12), 6) for seed in range(200)])

    assert values.dtype == np.float32
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=0.35)
    np.testing.assert_allclose(values.std(axis=0), 1, atol=0.3)


def test_smooth_noise_is_the_same_pattern_on_a_finer_grid():
    coarse = smooth_noise(np.random.default_rng(1), (9, 9, 9), 4)
    fine = smooth_noise(np.random.default_rng(1), (27, 27, 27), 4)

    np.testing.assert_allclose(fine[1::3, 1::3, 1::3], coarse, atol=1e-5)
