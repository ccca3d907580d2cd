"""How well a predicted mask agrees with an expert's: Dice, HD95, ASSD and volumes, in numpy and scipy alone.

Distances run between surface voxels. A surface voxel belongs to the mask and has a face neighbour that
does not (outside the array counts as not); axes of length one are left out, so a 2-D image has an outline.
A class that is in neither mask is *not applicable*: every measure is nan, and nan stays out of means. A class
that is in one of the two only was missed or made up: Dice is 0 and the distances are infinite.
Masks are looked through block by block, so they may lie on the disk, as arrays of dask.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, find_objects, generate_binary_structure
from scipy.spatial import KDTree

from napari_medkd.core.blocks import Window, blocks_of, whole
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Unit

Labels: TypeAlias = NDArray[np.integer[Any]] | NDArray[np.bool_]
Counts: TypeAlias = NDArray[np.int64]
Distances: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]

_MM3_PER_ML = 1000.0


@dataclass(frozen=True, slots=True)
class ClassMeasures:
    """How one class was predicted in one case.

    Attributes
    ----------
    name
        The class's name.
    dice
        Between 0 and 1; nan where the class is in neither mask.
    hd95
        95th percentile Hausdorff distance, in ``distance_unit``: the larger of the two directed distances, each the
        95th percentile (interpolated linearly) of the distances from one surface's voxels to the other surface. MONAI
        counts alike; tools that pool the two directions before taking the percentile report less. nan where the class
        is in neither mask, infinite where it is in one only.
    assd
        Average symmetric surface distance, likewise: the mean runs over the voxels of both surfaces together, so the
        larger surface weighs more.
    volume, truth_volume
        Predicted and true volume in ``volume_unit``; means leave out both where the class is in neither mask.
    distance_unit
        ``"mm"``, or ``"pixel"`` for an image without a physical size.
    volume_unit
        ``"ml"``, or ``"voxel"`` (a count) for an image without a physical size.
    """

    name: str
    dice: float
    hd95: float
    assd: float
    volume: float
    truth_volume: float
    distance_unit: Unit
    volume_unit: Literal["ml", "voxel"]


def dice(prediction: Labels, truth: Labels, num_classes: int) -> NDArray[np.float64]:
    """Return each class's Dice coefficient, twice the overlap over the sum of the two sizes.

    Parameters
    ----------
    prediction, truth
        Label maps of one shape with values from 0 to ``num_classes - 1``.
    num_classes
        Number of classes, background included.

    Returns
    -------
    Array of shape (num_classes,)
        Index 0 is the background, which means over organs leave out. nan where neither map has the class.
    """
    overlap, num_predicted, num_true = _counts(prediction, truth, num_classes)
    return _dice_of_counts(overlap, num_predicted, num_true)


def measure_masks(
    prediction: Labels,
    truth: Labels,
    classes: Sequence[str],
    spacing: Sequence[float],
    unit: Unit,
) -> tuple[ClassMeasures, ...]:
    """Return how well every class but the background was predicted.

    Parameters
    ----------
    prediction, truth
        Label maps of one shape (Z, Y, X) with values from 0 to ``len(classes) - 1``.
    classes
        Names of the classes; the first is the background and is not measured.
    spacing
        Distance of two voxels along (z, y, x), in ``unit``.
    unit
        Millimetres give volumes in ml; pixels give volumes as counts of voxels.

    Returns
    -------
    tuple of ClassMeasures
        One for each name in ``classes[1:]``, in their order.
    """
    overlap, num_predicted, num_true = _counts(prediction, truth, len(classes))
    scores = _dice_of_counts(overlap, num_predicted, num_true)
    windows = _windows(prediction, truth, len(classes))
    neighbours = _neighbours(truth.shape)
    volume_of_voxel = float(np.prod(spacing)) / _MM3_PER_ML if unit == "mm" else 1.0

    measures = []
    for index, name in enumerate(classes[1:], start=1):
        window = windows[index]
        predicted, true = (_surface(labels, index, window, neighbours) for labels in (prediction, truth))
        forth, back = _distances(predicted, true, spacing)
        measures.append(
            ClassMeasures(
                name=name,
                dice=float(scores[index]),
                hd95=_hd95_of_distances(forth, back),
                assd=_assd_of_distances(forth, back),
                volume=float(num_predicted[index] * volume_of_voxel),
                truth_volume=float(num_true[index] * volume_of_voxel),
                distance_unit=unit,
                volume_unit="ml" if unit == "mm" else "voxel",
            )
        )
    return tuple(measures)


def mean_of_applicable(values: Iterable[float]) -> float:
    """Return the mean of the values that are not nan, or nan where none is left.

    An infinite distance stays: a mean over cases in which one organ was missed altogether is infinite.
    """
    applicable = [value for value in values if not np.isnan(value)]
    return float(np.mean(applicable)) if applicable else float("nan")


def _counts(prediction: Labels, truth: Labels, num_classes: int) -> tuple[Counts, Counts, Counts]:
    """Return the number of voxels of each class in both maps, in the prediction, and in the truth."""
    _refuse_other_shape(prediction, truth)
    pairs = np.zeros(num_classes * num_classes, dtype=np.int64)
    for block in blocks_of(whole(truth.shape)):  # bincount widens what it counts to 8 bytes a voxel
        predicted, true = _read(prediction, block), _read(truth, block)
        _refuse_unknown_labels(predicted, "prediction", num_classes)
        _refuse_unknown_labels(true, "truth", num_classes)
        codes = true.astype(np.intp) * num_classes + predicted
        pairs += np.bincount(codes.ravel(), minlength=pairs.size)
    table = pairs.reshape(num_classes, num_classes)
    return table.diagonal(), table.sum(axis=0), table.sum(axis=1)


def _read(labels: Labels, window: Window) -> Labels:
    """Return a part of a mask, from the disk where it lies there."""
    part: Any = labels[window]
    read: Labels = np.asarray(part)
    return read


def _dice_of_counts(overlap: Counts, num_predicted: Counts, num_true: Counts) -> NDArray[np.float64]:
    total = num_predicted + num_true
    scores = np.full(total.shape, np.nan)
    np.divide(2.0 * overlap, total, out=scores, where=total > 0)
    return scores


def _windows(prediction: Labels, truth: Labels, num_classes: int) -> list[Window]:
    """Return for every class the smallest window that holds it in both maps, or an empty one where it is in neither."""
    nowhere: Window = (slice(0, 0),) * truth.ndim
    found: list[list[Window]] = [[] for _ in range(num_classes)]
    for block in blocks_of(whole(truth.shape)):
        for labels in (prediction, truth):
            part = _read(labels, block)
            boxes = find_objects(part.astype(np.uint8) if part.dtype == np.bool_ else part, num_classes - 1)
            for index, box in enumerate(boxes, start=1):
                if box is not None:
                    found[index].append(_moved(box, block))
    return [_union(windows) if windows else nowhere for windows in found]


def _moved(box: Window, block: Window) -> Window:
    """Return a window of a block as one of the whole array."""
    return tuple(slice(at.start + part.start, at.start + part.stop) for part, at in zip(box, block, strict=True))


def _union(windows: Sequence[Window]) -> Window:
    axes = zip(*windows, strict=True)
    return tuple(slice(min(part.start for part in axis), max(part.stop for part in axis)) for axis in axes)


def _surface(labels: Labels, index: int, window: Window, neighbours: NDArray[np.bool_]) -> Counts:
    """Return the voxels (N, axes) of a class's surface, which lies in the window."""
    voxels = [np.zeros((0, labels.ndim), dtype=np.int64)]
    for block in blocks_of(window):
        around = tuple(slice(max(part.start - 1, 0), part.stop + 1) for part in block)
        mask = _read(labels, around) == index
        inside = tuple(
            slice(part.start - wide.start, part.stop - wide.start) for part, wide in zip(block, around, strict=True)
        )
        surface = (mask & ~binary_erosion(mask, neighbours))[inside]
        voxels.append(np.argwhere(surface) + [part.start for part in block])
    return np.concatenate(voxels)


def _distances(predicted_surface: Counts, true_surface: Counts, spacing: Sequence[float]) -> Distances:
    """Return the distance of each predicted surface voxel to the true surface, and the other way round.

    A tree over the surface voxels rather than a distance transform, whose time grows with the window's volume:
    one stray voxel can make the window as large as the image.
    """
    predicted, true = (surface * np.asarray(spacing, dtype=np.float64) for surface in (predicted_surface, true_surface))
    if not len(predicted) or not len(true):
        return np.full(len(predicted), np.inf), np.full(len(true), np.inf)
    forth, _ = KDTree(true, leafsize=32).query(predicted)
    back, _ = KDTree(predicted, leafsize=32).query(true)
    return np.asarray(forth), np.asarray(back)


def _neighbours(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return a voxel and its face neighbours, leaving out the axes along which the image has one voxel only."""
    cross = generate_binary_structure(len(shape), 1)
    flat = tuple(slice(1, 2) if length == 1 else slice(None) for length in shape)
    return np.asarray(cross[flat], dtype=np.bool_)


def _hd95_of_distances(forth: NDArray[np.float64], back: NDArray[np.float64]) -> float:
    if not len(forth) or not len(back):
        return float("inf") if len(forth) + len(back) else float("nan")
    return float(max(np.percentile(forth, 95), np.percentile(back, 95)))


def _assd_of_distances(forth: NDArray[np.float64], back: NDArray[np.float64]) -> float:
    both = np.concatenate([forth, back])
    return float(both.mean()) if len(both) else float("nan")


def _refuse_other_shape(prediction: Labels, truth: Labels) -> None:
    if prediction.shape != truth.shape:
        raise VolumeProblem(
            "prediction",
            f"It has the shape {prediction.shape} but the truth has {truth.shape}.",
            "Resample it to the truth's grid before measuring.",
        )


def _refuse_unknown_labels(labels: Labels, where: str, num_classes: int) -> None:
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < 0 or highest >= num_classes:
        raise VolumeProblem(
            where,
            f"It holds the label {lowest if lowest < 0 else highest}; expected 0 to {num_classes - 1}.",
            "Map the labels to the task's classes before measuring.",
        )
