"""Images and labels too large for memory as a network sees them: what is cut out is read and prepared, nothing else."""

from functools import cached_property
from itertools import islice
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import IntensityRule, Preprocessing
from napari_medkd.core.task import UNKNOWN
from napari_medkd.core.volume import Volume
from napari_medkd.engine.data.intensities import Scaling
from napari_medkd.engine.data.preprocess import (
    blocks_of,
    known_labels,
    network_grid,
    not_finite,
    prepare_image,
    prepare_mask,
    refuse_other_images,
)
from napari_medkd.engine.data.resampling import Region, Resampled
from napari_medkd.files.memory import MOST_VOXELS_HELD

#: The scaling of intensities is found in as many blocks along each axis, of as many voxels along each axis.
_BLOCKS, _SIDE = 4, 64


class StreamedImage:
    """Preprocessed intensities (C, Z, Y, X), float32, to be cut: ``image[:, 0:64, 0:64, 0:64]``.

    Percentiles, mean and deviation are those of blocks spread over the image.

    Raises
    ------
    VolumeProblem
        Where a part that is read holds NaN or is damaged.
    """

    nbytes = 0  # nothing is held

    def __init__(self, volume: Volume, grid: Grid, rule: IntensityRule) -> None:
        self.shape = (len(volume.channels), *grid.shape)
        self._volume = volume
        self._rule = rule
        self._channels = [
            Resampled(channel, volume.grid, grid, "values", np.dtype(np.float32)) for channel in volume.data
        ]

    def __getitem__(self, where: tuple[slice, ...]) -> NDArray[np.float32]:
        """Return a part of some channels."""
        channels, *space = where
        z, y, x = space
        pairs = list(zip(self._channels, self._scalings, strict=True))[channels]
        return np.stack([scaling(self._read(channel, (z, y, x))) for channel, scaling in pairs])

    @cached_property
    def _scalings(self) -> list[Scaling]:
        found = [Scaling.of(self._sample(channel), self._rule) for channel in self._channels]
        return [
            scaling if scaling.size else Scaling.of(self._extremes(channel), self._rule)
            for scaling, channel in zip(found, self._channels, strict=True)
        ]

    def _extremes(self, channel: Resampled) -> NDArray[np.float32]:
        """Return the lowest and highest intensity of all, where the blocks hold nothing else than one."""
        parts = (self._read(channel, where) for where in blocks_of(channel.shape))
        lowest, highest = zip(*((part.min(), part.max()) for part in parts), strict=True)
        return np.array([min(lowest), max(highest)], np.float32)

    def _sample(self, channel: Resampled) -> NDArray[np.float32]:
        sides = np.minimum(channel.shape, _SIDE)
        counts = np.minimum(-(-np.array(channel.shape) // sides), _BLOCKS)
        blocks = []
        for index in np.ndindex(*counts):
            first = (np.array(channel.shape) - sides) * (2 * np.array(index) + 1) // (2 * counts)
            z, y, x = (slice(start, start + side) for start, side in zip(first.tolist(), sides.tolist(), strict=True))
            blocks.append(self._read(channel, (z, y, x)).ravel())
        return np.concatenate(blocks)

    def _read(self, channel: Resampled, where: Region) -> NDArray[np.float32]:
        part: NDArray[np.float32] = channel[where]
        if not np.isfinite(part).all():
            raise not_finite(self._volume)
        return part


class StreamedLabels:
    """Class indices (Z, Y, X), int16, to be cut; -1 counts nowhere.

    Parameters
    ----------
    mask
        None where nothing is known: then all are -1.
    """

    nbytes = 0

    def __init__(self, mask: Mask | None, grid: Grid) -> None:
        self.shape = grid.shape
        self._mask = mask
        # Where nothing is known one number stands for all.
        nothing: Any = np.broadcast_to(np.int16(UNKNOWN), grid.shape)
        self._labels = (
            nothing if mask is None else Resampled(mask.labels, mask.grid, grid, "labels", np.dtype(mask.labels.dtype))
        )

    def __getitem__(self, where: Region) -> NDArray[np.int16]:
        """Return a part."""
        part = self._labels[where]
        return part.copy() if self._mask is None else known_labels(part, self._mask.task)

    @cached_property
    def _counts_KB(self) -> NDArray[np.int64]:
        """How many voxels of each class after the background every block has; each block is read once."""
        num_classes = 1 if self._mask is None else len(self._mask.task.classes)
        counts = [
            np.bincount(np.maximum(self[where], 0).ravel(), minlength=num_classes)[1:num_classes]
            for where in blocks_of(self.shape)
        ]
        return np.array(counts, dtype=np.int64).T

    def voxel_of_some_class(self, which_class: float, which_voxel: float) -> NDArray[np.int64]:
        """Return a voxel (z, y, x) as `PreparedCase.voxel_of_some_class` does, without holding the labels."""
        present = [] if self._mask is None else np.flatnonzero(self._counts_KB.any(1)).tolist()
        if not present:
            return np.array(self.shape) // 2
        row = present[int(which_class * len(present))]
        ends_B = np.cumsum(self._counts_KB[row])
        number = int(which_voxel * ends_B[-1])
        block = int(np.searchsorted(ends_B, number, side="right"))
        where = next(islice(blocks_of(self.shape), block, None))
        part = self[where]
        before = int(ends_B[block] - self._counts_KB[row, block])
        inside = np.flatnonzero(part == row + 1)[number - before]
        first = np.array([axis.start for axis in where], dtype=np.int64)
        return np.array(np.unravel_index(inside, part.shape), dtype=np.int64) + first


def prepared_image(volume: Volume, preprocessing: Preprocessing) -> tuple[NDArray[np.float32] | StreamedImage, Grid]:
    """Return a network's input of a volume and its grid, as `prepare_image`; a too large one is not held in memory."""
    refuse_other_images(volume, preprocessing)
    grid = network_grid(volume.grid, preprocessing)
    if is_streamed(grid, preprocessing):
        return StreamedImage(volume, grid, preprocessing.intensity), grid
    return prepare_image(volume, preprocessing)


def prepared_labels(mask: Mask | None, grid: Grid, preprocessing: Preprocessing) -> NDArray[np.int16] | StreamedLabels:
    """Return labels on a network's grid, of which nothing is known without a mask."""
    if is_streamed(grid, preprocessing):
        return StreamedLabels(mask, grid)
    return np.full(grid.shape, UNKNOWN, np.int16) if mask is None else prepare_mask(mask, grid)


def is_streamed(grid: Grid, preprocessing: Preprocessing) -> bool:
    """Return whether an image on a network's grid is too large to be held in memory."""
    return len(preprocessing.channels) * prod(grid.shape) > MOST_VOXELS_HELD
