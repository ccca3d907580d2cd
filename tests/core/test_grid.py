import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid

SIZES = st.tuples(*[st.integers(1, 40)] * 3)
SPACINGS = st.tuples(*[st.floats(0.05, 8)] * 3)


@st.composite
def grids(draw: st.DrawFn) -> Grid:
    """A grid of any size, spacing, direction (mirrored or not) and place."""
    turn = Rotation.from_rotvec(draw(st.tuples(*[st.floats(-3, 3)] * 3))).as_matrix()
    mirror = draw(st.sampled_from([1.0, -1.0]))
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1, 1, mirror]) @ np.diag(draw(SPACINGS))
    affine[:3, 3] = draw(st.tuples(*[st.floats(-500, 500)] * 3))
    return Grid(draw(SIZES), affine)


def test_an_upright_grid_grows_towards_inferior_posterior_left():
    grid = Grid.upright((4, 5, 6), (3.0, 2.0, 1.0))

    world = grid.to_world([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])

    np.testing.assert_array_equal(world, [[0, 0, 0], [0, 0, -3], [0, -2, 0], [-1, 0, 0]])


def test_spacing_and_extent_are_in_our_axis_order():
    grid = Grid.upright((4, 5, 6), (3.0, 2.0, 1.0))

    assert grid.spacing == (3.0, 2.0, 1.0)
    assert grid.extent == (12.0, 10.0, 6.0)


@given(grids(), st.lists(st.tuples(*[st.floats(-100, 100)] * 3), min_size=1, max_size=5))
def test_going_to_the_world_and_back_changes_no_point(grid: Grid, points: list[tuple[float, float, float]]):
    np.testing.assert_allclose(grid.to_voxel(grid.to_world(points)), points, atol=1e-6)


@given(grids())
def test_spacing_is_the_distance_of_neighbours_in_any_direction(grid: Grid):
    neighbours = grid.to_world(np.eye(3)) - grid.to_world(np.zeros((1, 3)))

    np.testing.assert_allclose(np.linalg.norm(neighbours, axis=1), grid.spacing, rtol=1e-9)


def test_no_points_and_one_point_have_their_place_too():
    grid = Grid.upright((2, 2, 2))

    assert grid.to_world(np.zeros((0, 3))).shape == (0, 3)
    assert grid.to_voxel(np.zeros((0, 3))).shape == (0, 3)
    np.testing.assert_array_equal(grid.to_voxel(grid.to_world([1, 0, 1])), [1, 0, 1])


def test_a_grid_keeps_its_own_affine_whatever_becomes_of_the_array_it_was_made_from():
    affine = np.eye(4)
    grid = Grid((2, 2, 2), affine)

    affine[0, 0] = 5

    assert grid.affine[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 0] = 2


@pytest.mark.parametrize("shape", [(0, 2, 2), (2, -1, 2), (2, 2), (2, 2, 2, 2)])
def test_a_shape_that_is_not_three_sizes_is_refused(shape):
    with pytest.raises(VolumeProblem, match="three sizes"):
        Grid(shape, np.eye(4))


def broken(**changes: float) -> np.ndarray:
    affine = np.eye(4)
    for place, value in changes.items():
        affine[int(place[1]), int(place[2])] = value
    return affine


@pytest.mark.parametrize(
    "affine",
    [
        np.eye(3),
        broken(a00=np.nan),
        broken(a03=np.inf),
        broken(a11=0),
        broken(a00=0, a10=1),
        broken(a01=1, a11=1e-9),
        broken(a30=1),
        broken(a33=2),
    ],
    ids=["3x3", "NaN", "infinite", "zero spacing", "two axes alike", "almost alike", "projective", "scaled last row"],
)
def test_an_affine_that_gives_no_place_to_voxels_is_refused(affine):
    with pytest.raises(VolumeProblem, match="affine"):
        Grid((2, 2, 2), affine)


def test_a_thin_spacing_is_not_taken_for_a_singular_affine():
    assert Grid.upright((2, 2, 2), (1e-4, 1e-4, 50.0)).spacing == pytest.approx((1e-4, 1e-4, 50.0))


@given(grids())
def test_a_grid_matches_itself_as_rounded_by_a_file(grid: Grid):
    stored = Grid(grid.shape, grid.affine.astype(np.float32))

    assert grid.matches(stored)


@given(grids(), st.integers(0, 2))
def test_a_grid_one_voxel_away_does_not_match(grid: Grid, axis: int):
    affine = grid.affine.copy()
    affine[:3, 3] += affine[:3, axis]

    assert not grid.matches(Grid(grid.shape, affine))


def test_a_micrometre_is_a_step_where_voxels_are_that_small():
    grid = Grid.upright((4, 5, 6), (0.001, 0.001, 0.001))
    affine = grid.affine.copy()
    affine[0, 3] += 0.003

    assert not grid.matches(Grid(grid.shape, affine))


def test_grids_of_other_shapes_do_not_match():
    assert not Grid.upright((2, 3, 4)).matches(Grid.upright((2, 4, 3)))


@given(grids(), SPACINGS)
def test_a_resized_grid_begins_at_the_same_edge_and_covers_all_of_the_old_one(grid: Grid, spacing):
    resized = grid.resized(spacing)

    np.testing.assert_allclose(resized.to_world([[-0.5] * 3]), grid.to_world([[-0.5] * 3]), atol=1e-6)
    for axis in range(3):
        if grid.shape[axis] == 1:
            assert resized.spacing[axis] == pytest.approx(grid.spacing[axis])
        else:
            assert resized.spacing[axis] == pytest.approx(spacing[axis])
        assert resized.extent[axis] >= grid.extent[axis] - 2e-3 * resized.spacing[axis]
        assert resized.extent[axis] < grid.extent[axis] + resized.spacing[axis]


def test_resizing_to_the_same_spacing_changes_nothing():
    grid = Grid.upright((4, 5, 6), (0.7, 0.7, 2.5), "pixel")

    resized = grid.resized(grid.spacing)

    assert resized.shape == grid.shape
    assert (resized.unit, resized.axes_in_file) == ("pixel", "IPL")
    np.testing.assert_allclose(resized.affine, grid.affine)


def test_a_grid_describes_itself_with_its_unit():
    assert Grid.upright((1, 51, 35), (1, 0.75, 1), "pixel").describe() == "1 x 51 x 35 voxels of 1 x 0.75 x 1 pixel"


def test_only_a_grid_of_one_plane_is_flat():
    assert Grid.upright((1, 5, 6)).is_flat
    assert not Grid.upright((2, 5, 1)).is_flat


def test_a_turned_part_of_a_grid_knows_on_which_voxels_it_lies():
    whole = Grid.upright((9, 8, 7), (2.0, 1.0, 0.5))
    affine = np.zeros((4, 4))
    affine[:, [1, 2, 0]] = whole.affine[:, :3] * (1, -1, 1)  # its axes are x, z and y turned round
    affine[:, 3] = whole.affine @ (3, 6, 1, 1)
    part = Grid((2, 3, 4), affine)

    steps = part.steps_in(whole)

    assert steps is not None
    assert steps.tolist() == [[0, 1, 0, 3], [0, 0, -1, 6], [1, 0, 0, 1]]
    voxels = np.argwhere(np.ones(part.shape))
    np.testing.assert_allclose(whole.to_voxel(part.to_world(voxels)), voxels @ steps[:, :3].T + steps[:, 3], atol=1e-9)


@pytest.mark.parametrize(
    "other",
    [
        Grid.upright((4, 4, 4), (2.0, 1.0, 0.55)),
        Grid((4, 4, 4), Grid.upright((4, 4, 4), (2.0, 1.0, 0.5)).affine + np.eye(4, k=3) * 0.6),
    ],
    ids=["spacing", "between voxels"],
)
def test_a_grid_between_the_voxels_of_another_is_no_part_of_it(other: Grid):
    assert other.steps_in(Grid.upright((9, 8, 7), (2.0, 1.0, 0.5))) is None
