"""What a network said about an image, measured against the truth where it is known."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Prediction
from napari_medkd.gui.layers import resampled_labels
from napari_medkd.gui.networks import title_of

if TYPE_CHECKING:
    from napari_medkd.core.measures import ClassMeasures

_FIGURES = ("dice", "hd95", "assd", "volume", "truth_volume", "distance_unit", "volume_unit")


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A prediction on the image's own grid.

    Parameters
    ----------
    title
        Who says it, and what they were shown.
    grid
        The image's.
    labels
        (z, y, x) on that grid.
    measures
        One for each class but the background; without a truth, only their volumes mean something.
    truth
        The true mask on the same grid, if it is known.
    doubt
        Why a truth that should be there is not.
    """

    stage: str
    title: str
    prediction: Prediction
    grid: Grid
    labels: NDArray[Any]
    measures: "tuple[ClassMeasures, ...]"
    truth: Mask | None = None
    doubt: str = ""


def answer_of(prediction: Prediction, on: Grid, truth: Mask | None, doubt: str = "") -> Answer:
    """Return a prediction's mask on the image's grid, with its measures (a case without a mask has none)."""
    stage = prediction.checkpoint.split(".")[0]
    labels: NDArray[Any] = np.zeros(on.shape, dtype=np.uint8)
    if prediction.mask is not None:
        same = on.matches(prediction.grid)
        labels = prediction.mask.labels if same else resampled_labels(prediction.mask.labels, prediction.grid, on)
    from napari_medkd.core.measures import measure_masks

    compared = labels if truth is None else truth.labels
    measures = measure_masks(*_counted(labels, compared, truth), prediction.task.classes, on.spacing, on.unit)
    return Answer(stage, title_of(stage, prediction.shown), prediction, on, labels, measures, truth, doubt)


def _counted(labels: NDArray[Any], compared: NDArray[Any], truth: Mask | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both masks without the voxels that count nowhere."""
    ignore = None if truth is None else truth.task.ignore
    if ignore is None:
        return labels, compared
    counts = compared != ignore
    return np.where(counts, labels, 0), np.where(counts, compared, 0)


def place_of(labels: NDArray[Any], label: int) -> tuple[int, ...] | None:
    """Return the voxel of a class that is nearest to its centre of mass, or None where the class is not there."""
    voxels = np.argwhere(labels == label)
    if not len(voxels):
        return None
    nearest = np.linalg.norm(voxels - voxels.mean(axis=0), axis=1).argmin()
    return tuple(int(index) for index in voxels[nearest])


def as_csv(answers: Iterable[Answer]) -> str:
    """Return a line for each network and class, under a line of names; units stand in columns of their own."""
    text = io.StringIO()
    names = ("case", "network", "shown", "run", "checkpoint", "class", *_FIGURES)
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for answer in answers:
        said = answer.prediction
        who = dict(zip(names, (said.case, answer.stage, said.shown, said.made_by, said.checkpoint), strict=False))
        for measures in answer.measures:
            figures = {name: getattr(measures, name) for name in _FIGURES}
            if answer.truth is None:
                figures |= dict.fromkeys(("dice", "hd95", "assd", "truth_volume"), "")
            writer.writerow(who | {"class": measures.name} | figures)
    return text.getvalue()
