"""What helps a person who paints a mask slice by slice: filling the slices between, smoothing, what is still missing.

Legend: labels are (Z, Y, X) class indices, 0 background; an axis is 0, 1 or 2.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.integer]

#: Gaussian weights end after so many standard deviations.
_REACH = 4.0

#: Of weights that are as heavy.
_ROUNDING = 1e-6


def painted_slices(labels_ZYX: Labels | NDArray[np.bool_], axis: int) -> list[int]:
    """Return the slices along an axis on which anything is painted."""
    others = tuple(each for each in range(labels_ZYX.ndim) if each != axis)
    return np.flatnonzero((labels_ZYX > 0).any(axis=others)).tolist()


def voxels_by_slice(labels_ZYX: Labels, axis: int, num_labels: int) -> NDArray[np.intp]:
    """Return how many voxels of each label, ``num_labels`` at least (columns), the slices along an axis have (rows)."""
    most = max(num_labels, int(labels_ZYX.max(initial=0)) + 1)
    return np.stack([np.bincount(one.ravel(), minlength=most) for one in np.moveaxis(labels_ZYX, axis, 0)])


def empty_between(is_painted: NDArray[np.bool_]) -> list[int]:
    """Return which of a row of slices are still empty between the first painted one and the last."""
    painted = np.flatnonzero(is_painted).tolist()
    return sorted(set(range(painted[0], painted[-1])) - set(painted)) if painted else []


def interpolated(labels_ZYX: Labels, axis: int, spacing: tuple[float, float, float]) -> Labels:
    """Return labels in which every class is on all slices between two that it is painted on; what is painted stays.

    Each class's outline moves evenly from one slice that it is painted on to the next: signed distances to it are
    interpolated linearly. Only background is filled; where several classes claim a voxel, the one has it that would lie
    deepest inside its outline there. A class on a single slice has nothing to move to.

    Parameters
    ----------
    axis
        The axis across which slices were painted.
    spacing
        Voxel size (z, y, x); distances within a slice are physical.

    References
    ----------
    .. [1] Raya and Udupa, "Shape-based interpolation of multidimensional objects", IEEE TMI 1990.
    """
    slices = np.moveaxis(labels_ZYX, axis, 0)
    filled = slices.copy()
    deepest = np.zeros(slices.shape, np.float32)
    sampling = tuple(size for each, size in enumerate(spacing) if each != axis)
    for one in np.unique(slices[slices > 0]):
        inside = slices == one
        box = _around(inside.any(axis=0), (1, 1))  # beyond it every pixel lies outside of every outline
        for low, high, first, last in _gaps(inside[:, *box], sampling):
            for index in range(low + 1, high):
                share = (index - low) / (high - low)
                depth = (1 - share) * first + share * last
                is_won = (slices[index][box] == 0) & (depth > deepest[index][box])
                filled[index][box][is_won] = one
                deepest[index][box][is_won] = depth[is_won]
    return np.moveaxis(filled, 0, axis)


def _gaps(
    inside: NDArray[np.bool_], sampling: tuple[float, ...]
) -> Iterator[tuple[int, int, NDArray[np.float64], NDArray[np.float64]]]:
    """Yield the slices before and after each gap between slices with an outline, and how deep inside it pixels lie."""
    known, last = -1, np.zeros(0)
    for low, high in pairwise(painted_slices(inside, 0)):
        if high == low + 1:
            continue
        first = last if known == low else _depth(inside[low], sampling)
        known, last = high, _depth(inside[high], sampling)
        yield low, high, first, last


def _depth(inside: NDArray[np.bool_], sampling: tuple[float, ...]) -> NDArray[np.float64]:
    """Return how deep inside an outline each pixel lies, below 0 outside; there is at least one pixel inside."""
    half = min(sampling) / 2
    depth: NDArray[np.float64] = np.where(
        inside,
        ndimage.distance_transform_edt(inside, sampling) - half,
        half - ndimage.distance_transform_edt(~inside, sampling),
    )
    return depth


def _around(is_painted: NDArray[np.bool_], margins: Sequence[int]) -> tuple[slice, ...]:
    """Return the box around everything painted, wider by a margin on both sides of each axis; something is painted."""
    [found] = ndimage.find_objects(is_painted.astype(np.uint8))
    sides = zip(found, margins, strict=True)
    return tuple(slice(max(0, side.start - margin), side.stop + margin) for side, margin in sides)


def smoothed(
    labels_ZYX: Labels, axis: int, spacing: tuple[float, float, float], radius: float
) -> tuple[Labels, list[int]]:
    """Return labels with smooth outlines, and the classes that stay as they are because nothing of them would be left.

    Each voxel takes the class that weighs most around it. Across slices, outlines are smooth only once every class is
    whole: a slice between empty ones would weigh too little to stay.

    Parameters
    ----------
    axis
        The axis across which slices were painted.
    spacing
        Voxel size (z, y, x).
    radius
        Standard deviation of the Gaussian weights, in the unit of the spacing.
    """
    if not labels_ZYX.any():
        return labels_ZYX, []
    wide = [sides > 1 and (each != axis or _is_whole(labels_ZYX, axis)) for each, sides in enumerate(labels_ZYX.shape)]
    sigma = [radius / size if is_wide else 0.0 for size, is_wide in zip(spacing, wide, strict=True)]
    reach = [int(_REACH * size + 0.5) + 1 for size in sigma]
    box = _around(labels_ZYX > 0, reach)  # beyond it nothing but background weighs
    within, kept = _heaviest(labels_ZYX[box], sigma, reach)
    smooth = labels_ZYX.copy()
    smooth[box] = within
    return smooth, kept


def _heaviest(labels_ZYX: Labels, sigma: Sequence[float], reach: Sequence[int]) -> tuple[Labels, list[int]]:
    """Return the class that weighs most around each voxel, and the classes that stay because nothing would be left."""
    present = np.unique(labels_ZYX[labels_ZYX > 0])
    background = np.ones(labels_ZYX.shape, np.float32)
    best = np.zeros(labels_ZYX.shape, np.float32)
    chosen = np.zeros_like(labels_ZYX)
    for one in present:
        box = _around(labels_ZYX == one, reach)  # beyond it the class weighs nothing
        is_one = (labels_ZYX[box] == one).astype(np.float32)
        weight = ndimage.gaussian_filter(is_one, sigma, mode="nearest", truncate=_REACH)
        chosen[box][weight > best[box]] = one
        np.maximum(best[box], weight, out=best[box])
        background[box] -= weight  # all weights are 1 together
    chosen[background + _ROUNDING >= best] = 0
    kept: set[int] = set()
    while lost := set(present.tolist()) - set(np.unique(chosen).tolist()):  # what is put back may cover another
        kept |= lost
        chosen = np.where(np.isin(labels_ZYX, list(lost)), labels_ZYX, chosen)
    return chosen.astype(labels_ZYX.dtype), sorted(kept)


def _is_whole(labels_ZYX: Labels, axis: int) -> bool:
    """Return whether every class is on two slices or more along an axis, and on all between its first and its last."""
    for one in np.unique(labels_ZYX[labels_ZYX > 0]):
        painted = painted_slices(labels_ZYX == one, axis)
        if len(painted) == 1 or painted[-1] - painted[0] >= len(painted):
            return False
    return True
