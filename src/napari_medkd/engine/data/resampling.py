"""An array on another grid of the same lattice directions: as a whole, or part by part where it is too large."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_medkd.core.grid import Grid

#: 0 takes the nearest voxel, 1 interpolates linearly.
Order = Literal[0, 1]
Region = tuple[slice, slice, slice]

_SIGMAS_SMOOTHED = 4.0  # what scipy's gaussian_filter looks at


def resampled(array_ZYX: NDArray[Any], source: Grid, target: Grid, order: Order) -> NDArray[Any]:
    """Return the array on another grid; smoothed first where voxels get larger, unless the nearest is taken."""
    if _are_same(source, target):
        return array_ZYX
    to_source, sigma = _steps(source, target), _sigma(source, target, order)
    array_ZYX = ndimage.gaussian_filter(array_ZYX, sigma) if sigma.any() else array_ZYX
    return _interpolated(array_ZYX, to_source[:3, :3], to_source[:3, 3], target.shape, order)


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """An array (Z, Y, X) on another grid, of which only the parts that are cut out are read and computed.

    Parameters
    ----------
    array_ZYX
        Has a shape and can be cut: of numpy, mapped from a file, of dask or of zarr.
    source, target
        Its grid, and the one it is seen on.
    dtype
        Of the parts; before anything is computed.
    """

    array_ZYX: Any
    source: Grid
    target: Grid
    order: Order
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels (z, y, x)."""
        return self.target.shape

    @property
    def ndim(self) -> int:
        """Three."""
        return 3

    def __getitem__(self, where: Region) -> NDArray[Any]:
        """Return what `resampled` has in this part of the target."""
        bounds = [part.indices(size)[:2] for part, size in zip(where, self.shape, strict=True)]
        low, high = (np.array(ends) for ends in zip(*bounds, strict=True))
        if _are_same(self.source, self.target):
            return np.asarray(self.array_ZYX[where]).astype(self.dtype, copy=False)
        to_source, sigma = _steps(self.source, self.target), _sigma(self.source, self.target, self.order)
        ends = np.array([low, high - 1]) @ to_source[:3, :3].T + to_source[:3, 3]
        margin = np.ceil(_SIGMAS_SMOOTHED * sigma) + 1
        last = np.array(self.source.shape)
        first = np.clip(np.floor(ends.min(0)) - margin, 0, last - 1).astype(int)
        stop = np.clip(np.ceil(ends.max(0)) + margin + 1, first + 1, last).astype(int)
        read = tuple(slice(start, end) for start, end in zip(first.tolist(), stop.tolist(), strict=True))
        part = np.asarray(self.array_ZYX[read]).astype(self.dtype, copy=False)
        part = ndimage.gaussian_filter(part, sigma) if sigma.any() else part
        offset = to_source[:3, :3] @ low + to_source[:3, 3] - first
        z, y, x = (high - low).tolist()
        return _interpolated(part, to_source[:3, :3], offset, (z, y, x), self.order)


def _are_same(source: Grid, target: Grid) -> bool:
    return source.shape == target.shape and np.allclose(source.affine, target.affine)


def _steps(source: Grid, target: Grid) -> NDArray[np.float64]:
    """Return the (4, 4) affine from the target's voxels to the source's."""
    steps: NDArray[np.float64] = np.linalg.inv(source.affine) @ target.affine
    return steps


def _sigma(source: Grid, target: Grid, order: Order) -> NDArray[np.float64]:
    if order == 0:
        return np.zeros(3)
    ratio = np.array(target.spacing) / np.array(source.spacing)
    return np.where(np.array(source.shape) > 1, np.maximum(0.0, (ratio - 1) / 2), 0.0)


def _interpolated(
    array_ZYX: NDArray[Any], matrix: NDArray[Any], offset: NDArray[Any], shape: tuple[int, int, int], order: Order
) -> NDArray[Any]:
    found: NDArray[Any] = ndimage.affine_transform(
        array_ZYX, matrix, offset, output_shape=shape, order=order, mode="nearest"
    )
    return found
