"""From a volume to a network's input, and from its answer back to the volume's grid.

Training and prediction use this same code.
"""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import IntensityRule, Preprocessing
from napari_medkd.core.task import UNKNOWN, Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.data.intensities import Scaling
from napari_medkd.engine.data.resampling import Region, Resampled, resampled
from napari_medkd.files.memory import MOST_VOXELS_HELD


def normalise(image_ZYX: NDArray[np.float32], rule: IntensityRule) -> NDArray[np.float32]:
    """Return one channel with its intensities scaled as the rule says; a constant image becomes 0."""
    return Scaling.of(image_ZYX, rule)(image_ZYX)


def network_grid(grid: Grid, preprocessing: Preprocessing) -> Grid:
    """Return the grid on which a network sees an image of a grid; one of planes sees those of a volume one by one."""
    spacing = preprocessing.spacing
    if preprocessing.dimensions == 2:
        spacing = (grid.spacing[0], *spacing[1:])
    if not preprocessing.whole:
        return grid.resized(spacing)
    no_finer = grid.resized(coarser_of(grid.spacing, spacing))
    is_stack = preprocessing.dimensions == 2 and not grid.is_flat
    sizes = list(zip(no_finer.shape, preprocessing.patch, strict=True))[is_stack:]
    smaller = max(1.0, *(size / room for size, room in sizes))
    z, y, x = no_finer.spacing
    return grid.resized((z if is_stack else z * smaller, y * smaller, x * smaller))


def coarser_of(one: tuple[float, float, float], other: tuple[float, float, float]) -> tuple[float, float, float]:
    """Return the larger spacing along each axis."""
    z, y, x = map(max, one, other)
    return z, y, x


def prepare_image(volume: Volume, preprocessing: Preprocessing) -> tuple[NDArray[np.float32], Grid]:
    """Return the network's input (C, Z, Y, X) of a volume, and the grid it stands on.

    Raises
    ------
    VolumeProblem
        Where the channels or the unit are not those the network was trained on, or an intensity is not finite.
    """
    refuse_other_images(volume, preprocessing)
    grid = network_grid(volume.grid, preprocessing)
    channels = [_on_grid(channel, volume.grid, grid) for channel in volume.data]
    whole = channels if volume.is_on_disk else volume.data
    if not all(np.isfinite(channel).all() for channel in whole):
        raise not_finite(volume)
    return np.stack([normalise(channel, preprocessing.intensity) for channel in channels]).astype(np.float32), grid


def _on_grid(channel_ZYX: Any, source: Grid, target: Grid) -> NDArray[np.float32]:
    """Return a channel on another grid; of one that stays on the disk a part is read at a time."""
    if type(channel_ZYX) is np.ndarray:
        return resampled(channel_ZYX.astype(np.float32), source, target, "values")
    parts = Resampled(channel_ZYX, source, target, "values", np.dtype(np.float32))
    whole = np.empty(target.shape, np.float32)
    for where in blocks_of(target.shape):
        whole[where] = parts[where]
    return whole


def blocks_of(shape: tuple[int, int, int], sides: tuple[int, int, int] = (128, 128, 128)) -> Iterator[Region]:
    """Yield the blocks that a volume is made of, those at its ends smaller; `core/blocks.py` has those of any array."""
    yield from product(
        *(
            [slice(at, min(at + side, size)) for at in range(0, size, side)]
            for size, side in zip(shape, sides, strict=True)
        )
    )


def not_finite(volume: Volume) -> VolumeProblem:
    """Return the problem of an image that holds NaN."""
    return VolumeProblem(
        str(volume.source or "volume"),
        "The image holds NaN or infinite intensities.",
        "Replace them before, for example by 0.",
    )


def refuse_other_images(volume: Volume, preprocessing: Preprocessing) -> None:
    """Raise a VolumeProblem where there are not as many channels as the network was trained on, or in another unit."""
    if len(volume.channels) != len(preprocessing.channels):
        raise VolumeProblem(
            str(volume.source or "volume"),
            f"The image has {len(volume.channels)} channels ({', '.join(volume.channels)}); the network expects "
            f"{len(preprocessing.channels)} ({', '.join(preprocessing.channels)}).",
            "Give one file per channel, in that order.",
        )
    if preprocessing.unit not in (None, volume.grid.unit):
        size = " x ".join(f"{side:g}" for side in preprocessing.spacing)
        raise VolumeProblem(
            str(volume.source or "volume"),
            f"The image's voxels are measured in {volume.grid.unit}; the network sees voxels of {size} "
            f"{preprocessing.unit}, and nothing tells how many of these that is.",
            "Give images of a format that the network was trained on: with a voxel size in mm, or pictures without.",
        )


def prepare_mask(mask: Mask, grid: Grid) -> NDArray[np.int16]:
    """Return the mask's labels (Z, Y, X) on a network's grid; -1 where the task ignores them."""
    return known_labels(resampled(np.asarray(mask.labels), mask.grid, grid, "labels"), mask.task)


def known_labels(labels_ZYX: NDArray[Any], task: Task) -> NDArray[np.int16]:
    """Return labels as networks learn them; -1 where the task ignores them."""
    prepared: NDArray[np.int16] = labels_ZYX.astype(np.int16)
    if task.ignore is not None:
        prepared[labels_ZYX == task.ignore] = UNKNOWN
    return prepared


def moved_to(boxes: Boxes, grid: Grid) -> Boxes:
    """Return boxes on another grid of the same lattice directions: of a network, or from there back on the image's."""
    to_grid = np.linalg.inv(grid.affine) @ boxes.grid.affine
    ends = [boxes.corners[:, axes] - 0.5 for axes in (slice(0, 3), slice(3, 6))]
    moved = [end @ to_grid[:3, :3].T + to_grid[:3, 3] + 0.5 for end in ends]
    return Boxes(np.concatenate(moved, axis=1), boxes.classes, grid, boxes.task)


def restore_image(image_CZYX: NDArray[np.float32], grid: Grid, original: Grid) -> NDArray[np.float32]:
    """Return what stands on a network's grid (C, Z, Y, X) on the image's own grid, interpolated."""
    return np.stack([resampled(channel, grid, original, "values") for channel in image_CZYX])


def restore_labels(logits_KZYX: NDArray[np.float16], grid: Grid, original: Grid) -> NDArray[np.uint8]:
    """Return the class (Z, Y, X) with the largest logit on the image's own grid, of logits on a network's grid."""
    labels_ZYX, largest = np.zeros(original.shape, np.uint8), np.full(original.shape, -np.inf, np.float32)
    for label, logits_ZYX in enumerate(logits_KZYX):
        restored_ZYX = resampled(logits_ZYX.astype(np.float32), grid, original, "values")
        labels_ZYX[restored_ZYX > largest] = label
        np.maximum(largest, restored_ZYX, out=largest)
    return labels_ZYX


def restore_mask(labels_ZYX: Any, grid: Grid, original: Grid, task: Task) -> Mask:
    """Return labels on a network's grid as a mask on the image's own grid.

    Of labels on the disk, and for a mask too large to be held in memory, parts are made when they are read.
    """
    is_large = prod(original.shape) > MOST_VOXELS_HELD
    if type(labels_ZYX) is np.ndarray and not is_large:
        return Mask(resampled(labels_ZYX, grid, original, "labels").astype(np.uint8), original, task)
    import dask.array

    parts = Resampled(labels_ZYX, grid, original, "labels", np.dtype(np.uint8))
    lazy: Any = dask.array.from_array(parts, 128, asarray=False, name=False)  # type: ignore[no-untyped-call]
    return Mask(lazy if is_large else np.asarray(lazy), original, task)
