"""A small picture of a case with a mask on it: the slice with most of the mask, as the canvas would draw it. No Qt."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task

#: Pixels of the longer side: a tile shows fewer on most screens, and about as many where pixels are fine.
SIDE = 192

#: How much of a class's colour covers the inside of its outline, and how many pixels wide that is.
_FILL = 0.25
_OUTLINE = 2


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnail:
    """Pixels (y, x, 3) in bytes, of slice ``z``."""

    pixels: NDArray[np.uint8]
    z: int


def thumbnail_of(dataset: Dataset, case: Case, folder: Path) -> Thumbnail:
    """Return a case's picture with the mask of a prediction. Reads the image.

    Raises
    ------
    InputProblem
        Where image or prediction cannot be read.
    """
    from napari_medkd.files.opening import read_volume
    from napari_medkd.files.results import read_prediction
    from napari_medkd.gui.layers import image_layers, resampled_labels

    prediction = read_prediction(folder)
    volume = read_volume(case.images, channels=dataset.channels, modality=dataset.modality)
    grid, mask = volume.grid, prediction.mask
    if mask is None:
        labels_ZYX: NDArray[Any] = np.zeros(grid.shape, np.uint8)
    else:
        labels_ZYX = mask.labels if grid.matches(mask.grid) else resampled_labels(mask.labels, mask.grid, grid)
    z = largest_slice(labels_ZYX)
    image, look, _ = image_layers(volume, case.id)[0]
    plane = image if look.get("rgb") or grid.is_flat else image[z]
    height, width = _size(grid)
    grey = _resized(_windowed(plane, look.get("contrast_limits")), height, width)
    return Thumbnail(_with_mask(grey, _nearest(labels_ZYX[z], height, width), dataset.as_known(prediction.task)), z)


def largest_slice(labels_ZYX: NDArray[Any]) -> int:
    """Return the slice with most foreground; the middle one where there is none."""
    counts = np.count_nonzero(labels_ZYX, axis=(1, 2))
    return int(counts.argmax()) if counts.any() else len(counts) // 2


def _size(grid: Grid) -> tuple[int, int]:
    """Return height and width in pixels, in the proportions the slice has in space."""
    sides = np.array(grid.shape[1:]) * np.array(grid.spacing[1:])
    height, width = np.maximum(1, np.round(sides * SIDE / sides.max())).astype(int).tolist()
    return height, width


def _windowed(plane: NDArray[Any], limits: tuple[float, float] | None) -> NDArray[np.uint8]:
    if limits is None:  # a picture in colour
        return np.asarray(plane, dtype=np.uint8)
    low, high = limits
    shares = np.nan_to_num((plane.astype(np.float32) - low) / (high - low)).clip(0, 1)
    return np.asarray(np.round(255 * shares), dtype=np.uint8)


def _resized(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    from PIL import Image

    picture = Image.fromarray(pixels).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(picture, dtype=np.float32)


def _nearest(labels_YX: NDArray[Any], height: int, width: int) -> NDArray[Any]:
    rows, columns = (
        ((np.arange(wanted) + 0.5) * have / wanted).astype(int)
        for wanted, have in zip((height, width), labels_YX.shape, strict=True)
    )
    return labels_YX[np.ix_(rows, columns)]


def _with_mask(grey: NDArray[np.float32], labels_YX: NDArray[Any], task: Task) -> NDArray[np.uint8]:
    """Return the pixels with each class filled faintly and outlined in its colour."""
    from scipy import ndimage

    from napari_medkd.gui.colours import colours_of_labels

    colours = colours_of_labels(task)
    around = 2 * _OUTLINE + 1
    is_edge = ndimage.minimum_filter(labels_YX, around) != ndimage.maximum_filter(labels_YX, around)
    drawn = grey.copy()
    for label in np.unique(labels_YX[labels_YX > 0]).tolist():
        colour = 255 * np.array(colours.get(label, colours[None])[:3], dtype=np.float32)
        inside = labels_YX == label
        drawn[inside] += _FILL * (colour - drawn[inside])
        drawn[inside & is_edge] = colour
    return np.asarray(np.round(drawn), dtype=np.uint8)
