"""An array on another grid of the same lattice directions: as a whole, or part by part where it is too large."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_medkd.core.grid import Grid

#: Values are interpolated linearly; of labels a voxel takes the one that has the largest share around it.
Kind = Literal["values", "labels"]
Region = tuple[slice, slice, slice]

_SIGMAS_SMOOTHED = 4.0  # what scipy's gaussian_filter looks at

#: Of two labels whose shares differ by less, the nearest voxel's is taken.
_AS_LARGE = 1e-3


def resampled(array_ZYX: NDArray[Any], source: Grid, target: Grid, kind: Kind) -> NDArray[Any]:
    """Return the array on another grid; smoothed first along axes on which voxels get larger."""
    if _are_same(source, target):
        return array_ZYX
    to_source = _steps(source, target)
    return _READ[kind](array_ZYX, _Places(to_source[:3, :3], to_source[:3, 3], target.shape), _sigma(source, target))


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
    kind: Kind
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
        to_source, sigma = _steps(self.source, self.target), _sigma(self.source, self.target)
        ends = np.array([low, high - 1]) @ to_source[:3, :3].T + to_source[:3, 3]
        margin = _reach(sigma)
        last = np.array(self.source.shape)
        first = np.clip(np.floor(ends.min(0)) - margin, 0, last - 1).astype(int)
        stop = np.clip(np.ceil(ends.max(0)) + margin + 1, first + 1, last).astype(int)
        read = tuple(slice(start, end) for start, end in zip(first.tolist(), stop.tolist(), strict=True))
        part = np.asarray(self.array_ZYX[read]).astype(self.dtype, copy=False)
        offset = to_source[:3, :3] @ low + to_source[:3, 3] - first
        z, y, x = (high - low).tolist()
        return _READ[self.kind](part, _Places(to_source[:3, :3], offset, (z, y, x)), sigma)


class _Places(NamedTuple):
    """Where the voxels of a result, of so many along each axis, lie in the array that is read."""

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]
    shape: tuple[int, int, int]


def _are_same(source: Grid, target: Grid) -> bool:
    return source.shape == target.shape and np.allclose(source.affine, target.affine)


def _steps(source: Grid, target: Grid) -> NDArray[np.float64]:
    """Return the (4, 4) affine from the target's voxels to the source's."""
    steps: NDArray[np.float64] = np.linalg.inv(source.affine) @ target.affine
    return steps


def _sigma(source: Grid, target: Grid) -> NDArray[np.float64]:
    ratio = np.array(target.spacing) / np.array(source.spacing)
    return np.where(np.array(source.shape) > 1, np.maximum(0.0, (ratio - 1) / 2), 0.0)


def _reach(sigma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return from how many voxels away a voxel is heard, along each axis."""
    return np.ceil(_SIGMAS_SMOOTHED * sigma) + 1


def _values(array_ZYX: NDArray[Any], places: _Places, sigma: NDArray[np.float64]) -> NDArray[Any]:
    array_ZYX = ndimage.gaussian_filter(array_ZYX, sigma) if sigma.any() else array_ZYX
    return _interpolated(array_ZYX, places, order=1)


def _labels(labels_ZYX: NDArray[Any], places: _Places, sigma: NDArray[np.float64]) -> NDArray[Any]:
    """Return the label with the largest share at each voxel; the first one's is what the others leave."""
    chosen = _interpolated(labels_ZYX, places, order=0)
    values = np.unique(labels_ZYX).tolist()
    nearest, largest = chosen.copy(), np.zeros(places.shape, np.float32)
    rest = np.ones(places.shape, np.float32)
    for value in values[1:]:
        read, written = _around(labels_ZYX == value, places, _reach(sigma))
        start = np.array([side.start for side in read])
        offset = places.offset + places.matrix @ [side.start for side in written] - start
        z, y, x = (side.stop - side.start for side in written)
        within = _Places(places.matrix, offset, (z, y, x))
        share = _values((labels_ZYX[read] == value).astype(np.float32), within, sigma)
        rest[written] -= share
        share += _AS_LARGE * (nearest[written] == value)
        is_larger = share > largest[written]
        chosen[written][is_larger] = value
        np.maximum(largest[written], share, out=largest[written])
    rest += _AS_LARGE * (nearest == values[0])
    chosen[rest > largest] = values[0]
    return chosen


def _around(is_there_ZYX: NDArray[np.bool_], places: _Places, reach: NDArray[np.float64]) -> tuple[Region, Region]:
    """Return the part of an array from which something somewhere in it is heard, and the part of the result it is in.

    Directions of both are the same, so that the matrix is diagonal.
    """
    [found] = ndimage.find_objects(is_there_ZYX.astype(np.uint8))
    start, stop = np.array([[side.start, side.stop] for side in found]).T
    scale, shape = np.diag(places.matrix), np.array(places.shape)
    first = np.clip(np.floor((start - reach - places.offset) / scale), 0, shape - 1).astype(int)
    last = np.clip(np.ceil((stop - 1 + reach - places.offset) / scale) + 1, first + 1, shape).astype(int)
    low = np.maximum(start - 2 * reach, 0).astype(int)
    high = np.minimum(stop + 2 * reach, is_there_ZYX.shape).astype(int)
    return _region(low, high), _region(first, last)


def _region(low: NDArray[np.int64], high: NDArray[np.int64]) -> Region:
    z, y, x = (slice(start, stop) for start, stop in zip(low.tolist(), high.tolist(), strict=True))
    return z, y, x


def _interpolated(array_ZYX: NDArray[Any], places: _Places, order: Literal[0, 1]) -> NDArray[Any]:
    found: NDArray[Any] = ndimage.affine_transform(
        array_ZYX, places.matrix, places.offset, output_shape=places.shape, order=order, mode="nearest"
    )
    return found


_READ = {"values": _values, "labels": _labels}
