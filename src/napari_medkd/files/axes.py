"""The one place where axis order changes: a file's own index order <-> (z, y, x) growing Inferior, Posterior, Left.

An order is written as letters, where the file's indices grow: ``"RAS"``. The letters alone decide what is transposed
and flipped, in both directions, so an oblique affine cannot be judged differently when it is saved.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Index of our axis (z, y, x) along which a letter lies, and whether it points the same way.
_PLACE = {"I": (0, True), "S": (0, False), "P": (1, True), "A": (1, False), "L": (2, True), "R": (2, False)}


def are_axes(letters: str) -> bool:
    """Return whether the letters name each of the three directions once."""
    return len(letters) == 3 and sorted(_PLACE[c][0] for c in letters if c in _PLACE) == [0, 1, 2]


def to_canonical(
    array: NDArray[Any], affine: NDArray[np.float64], letters: str
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return a view of a file's array (i, j, k, ...) as (z, y, x, ...), and the affine of its voxels."""
    order = np.argsort([_PLACE[c][0] for c in letters])
    turned = np.moveaxis(array, order, (0, 1, 2))[_flips(np.array(list(letters))[order])]
    shape = (turned.shape[0], turned.shape[1], turned.shape[2])
    return turned, affine @ _file_voxel_of_ours(letters, shape)


def to_file_order(
    array: NDArray[Any], affine: NDArray[np.float64], letters: str
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Undo `to_canonical`: return the array as (i, j, k, ...) and the affine of the file's voxels."""
    shape = (array.shape[0], array.shape[1], array.shape[2])
    steps = _file_voxel_of_ours(letters, shape)
    back = np.eye(4)  # the inverse of a signed permutation with a shift, without rounding
    back[:3, :3] = steps[:3, :3].T
    back[:3, 3] = -steps[:3, :3].T @ steps[:3, 3]
    turned = np.moveaxis(array, [_PLACE[c][0] for c in letters], (0, 1, 2))[_flips(letters)]
    return turned, affine @ back


def _flips(letters: Any) -> tuple[slice, ...]:
    return tuple(slice(None) if _PLACE[c][1] else slice(None, None, -1) for c in letters)


def _file_voxel_of_ours(letters: str, shape: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return the (4, 4) matrix from our voxels (z, y, x, 1) to the file's (i, j, k, 1)."""
    steps = np.zeros((4, 4))
    steps[3, 3] = 1.0
    for index, letter in enumerate(letters):
        axis, same_way = _PLACE[letter]
        steps[index, axis] = 1.0 if same_way else -1.0
        steps[index, 3] = 0.0 if same_way else shape[axis] - 1.0
    return steps
