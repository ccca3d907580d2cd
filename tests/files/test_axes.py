import itertools

import numpy as np
import pytest

from napari_medkd.files.axes import are_axes, to_canonical, to_file_order

#: All 48 ways the indices of a file can grow.
ORIENTATIONS = [
    "".join(letters) for order in itertools.permutations(("RL", "AP", "SI")) for letters in itertools.product(*order)
]


def direction(letter: str) -> np.ndarray:
    """The world direction (right, anterior, superior) of a letter."""
    return {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}[letter]


def file_of(letters: str, sizes: tuple[float, ...] = (1.0, 2.0, 3.0)) -> tuple[np.ndarray, np.ndarray]:
    """A file's array (3, 4, 5), every voxel another number, and its affine."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([direction(letter) for letter in letters]).T * sizes
    affine[:3, 3] = (10, -20, 30)
    return np.arange(60).reshape(3, 4, 5), affine


def test_there_are_48_orientations():
    assert len(set(ORIENTATIONS)) == 48
    assert all(are_axes(letters) for letters in ORIENTATIONS)


@pytest.mark.parametrize("letters", ["", "RA", "RAR", "RLS", "RAX", "ras", "RASI"])
def test_letters_that_do_not_name_three_directions_are_no_axes(letters):
    assert not are_axes(letters)


@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_every_orientation_comes_to_grow_inferior_posterior_left(letters):
    array, affine = file_of(letters)

    _, ours = to_canonical(array, affine, letters)

    directions = ours[:3, :3] / np.linalg.norm(ours[:3, :3], axis=0)
    np.testing.assert_array_equal(directions.T, [direction("I"), direction("P"), direction("L")])


@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_every_voxel_stays_where_it_is_in_the_world(letters):
    array, affine = file_of(letters)

    turned, ours = to_canonical(array, affine, letters)

    for value in array.ravel():
        before = affine @ [*np.argwhere(array == value)[0], 1]
        after = ours @ [*np.argwhere(turned == value)[0], 1]
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_going_back_restores_the_file_exactly(letters):
    array, affine = file_of(letters, (0.7, 0.7, 2.5))

    back, affine_back = to_file_order(*to_canonical(array, affine, letters), letters)

    np.testing.assert_array_equal(back, array)
    np.testing.assert_allclose(affine_back, affine, rtol=0, atol=1e-14)


def test_further_axes_are_left_where_they_are():
    array = np.zeros((3, 4, 5, 2))

    assert to_canonical(array, np.eye(4), "RAS")[0].shape == (5, 4, 3, 2)
