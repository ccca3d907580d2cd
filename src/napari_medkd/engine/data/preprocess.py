"""From a volume to a network's input, and from its answer back to the volume's grid.

Training and prediction use this same code.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import IntensityRule, Preprocessing
from napari_medkd.core.task import UNKNOWN, Task
from napari_medkd.core.volume import Volume


def _resample(array_ZYX: NDArray[Any], source: Grid, target: Grid, order: Literal[0, 1]) -> NDArray[Any]:
    """Return the array on another grid of the same lattice directions; smoothed first where voxels get larger."""
    if source.shape == target.shape and np.allclose(source.affine, target.affine):
        return array_ZYX
    to_source = np.linalg.inv(source.affine) @ target.affine
    if order > 0:
        ratio = np.array(target.spacing) / np.array(source.spacing)
        sigma = np.where(np.array(source.shape) > 1, np.maximum(0.0, (ratio - 1) / 2), 0.0)
        array_ZYX = ndimage.gaussian_filter(array_ZYX, sigma) if sigma.any() else array_ZYX
    resampled: NDArray[Any] = ndimage.affine_transform(
        array_ZYX, to_source[:3, :3], to_source[:3, 3], output_shape=target.shape, order=order, mode="nearest"
    )
    return resampled


def normalise(image_ZYX: NDArray[np.float32], rule: IntensityRule) -> NDArray[np.float32]:
    """Return one channel with its intensities scaled as the rule says; a constant image becomes 0."""
    if rule.kind == "window":
        low, high = rule.low, rule.high
    else:
        low, high = (float(value) for value in np.percentile(image_ZYX, (rule.low, rule.high)))
    if high <= low:
        low, high = float(image_ZYX.min()), float(image_ZYX.max())
    if high <= low:
        return np.zeros_like(image_ZYX)
    clipped: NDArray[np.float32] = np.clip(image_ZYX, low, high)
    if rule.kind == "standardise":
        standardised: NDArray[np.float32] = (clipped - clipped.mean()) / max(float(clipped.std()), 1e-8)
        return standardised
    scaled: NDArray[np.float32] = (clipped - low) / (high - low)
    return scaled


def network_grid(grid: Grid, preprocessing: Preprocessing) -> Grid:
    """Return the grid on which a network sees an image of a grid."""
    if not preprocessing.whole:
        return grid.resized(preprocessing.spacing)
    smaller = max(size / room for size, room in zip(grid.shape, preprocessing.patch, strict=True))
    z, y, x = (size * max(1.0, smaller) for size in grid.spacing)
    return grid.resized((z, y, x))


def prepare_image(volume: Volume, preprocessing: Preprocessing) -> tuple[NDArray[np.float32], Grid]:
    """Return the network's input (C, Z, Y, X) of a volume, and the grid it stands on.

    Raises
    ------
    VolumeProblem
        Where the channels are not the ones the network was trained on, or an intensity is not finite.
    """
    where = str(volume.source or "volume")
    if len(volume.channels) != len(preprocessing.channels):
        raise VolumeProblem(
            where,
            f"The image has {len(volume.channels)} channels ({', '.join(volume.channels)}); the network expects "
            f"{len(preprocessing.channels)} ({', '.join(preprocessing.channels)}).",
            "Give one file per channel, in that order.",
        )
    if not volume.is_finite:
        raise VolumeProblem(
            where, "The image holds NaN or infinite intensities.", "Replace them before, for example by 0."
        )
    grid = network_grid(volume.grid, preprocessing)
    channels = [
        normalise(_resample(channel.astype(np.float32), volume.grid, grid, order=1), preprocessing.intensity)
        for channel in volume.data
    ]
    return np.stack(channels).astype(np.float32), grid


def prepare_mask(mask: Mask, grid: Grid) -> NDArray[np.int16]:
    """Return the mask's labels (Z, Y, X) on a network's grid, by nearest voxel; -1 where the task ignores them."""
    labels = _resample(mask.labels, mask.grid, grid, order=0)
    prepared: NDArray[np.int16] = labels.astype(np.int16)
    if mask.task.ignore is not None:
        prepared[labels == mask.task.ignore] = UNKNOWN
    return prepared


def moved_to(boxes: Boxes, grid: Grid) -> Boxes:
    """Return boxes on another grid of the same lattice directions: of a network, or from there back on the image's."""
    to_grid = np.linalg.inv(grid.affine) @ boxes.grid.affine
    ends = [boxes.corners[:, axes] - 0.5 for axes in (slice(0, 3), slice(3, 6))]
    moved = [end @ to_grid[:3, :3].T + to_grid[:3, 3] + 0.5 for end in ends]
    return Boxes(np.concatenate(moved, axis=1), boxes.classes, grid, boxes.task)


def restore_image(image_CZYX: NDArray[np.float32], grid: Grid, original: Grid) -> NDArray[np.float32]:
    """Return what stands on a network's grid (C, Z, Y, X) on the image's own grid, interpolated."""
    return np.stack([_resample(channel, grid, original, order=1) for channel in image_CZYX])


def restore_mask(labels_ZYX: NDArray[np.uint8], grid: Grid, original: Grid, task: Task) -> Mask:
    """Return labels on a network's grid as a mask on the image's own grid, by nearest voxel."""
    labels: NDArray[np.uint8] = _resample(labels_ZYX, grid, original, order=0).astype(np.uint8)
    return Mask(labels, original, task)
