"""What a network said about an image, brought to the image's grid and held against the truth where it is known."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Annotation, Boxes, ClassLabel, Mask
from napari_medkd.core.blocks import blocks_of, whole
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Attention, Prediction, ScoredBoxes
from napari_medkd.gui.layers import resampled_labels, resampled_map
from napari_medkd.gui.networks import stage_of, title_of

if TYPE_CHECKING:
    from napari_medkd.core.box_matching import MatchedBoxes
    from napari_medkd.core.measures import ClassMeasures
    from napari_medkd.core.task import Task


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A network's answer to one task, on the image's own grid.

    Parameters
    ----------
    title
        Who says it, and what they were shown.
    grid
        The image's.
    labels
        (z, y, x) on that grid; all background where the answer is no mask.
    measures
        One for each class of a mask but the background; without a truth, only their volumes mean something.
    truth
        The true mask, class or boxes, if known; masks and boxes are on the same grid.
    boxes
        The boxes found, the surest first, paired with the true ones; None where none were asked for.
    attention
        Where the network looked; None where it does not tell.
    doubt
        Why a truth that should be there is not.
    """

    stage: str
    title: str
    prediction: Prediction
    grid: Grid
    labels: NDArray[Any]
    measures: "tuple[ClassMeasures, ...]" = ()
    truth: Annotation | None = None
    boxes: "MatchedBoxes | None" = None
    attention: Attention | None = None
    doubt: str = ""

    @property
    def task(self) -> "Task":
        """What was asked."""
        return self.prediction.task

    @property
    def is_mask(self) -> bool:
        """Whether a mask was asked for."""
        return self.task.kind == "segmentation"

    @property
    def true_mask(self) -> Mask | None:
        """The true mask, if known."""
        return self.truth if isinstance(self.truth, Mask) else None

    @property
    def true_boxes(self) -> Boxes | None:
        """The true boxes, if known."""
        return self.truth if isinstance(self.truth, Boxes) else None

    @property
    def true_label(self) -> ClassLabel | None:
        """The classes that are truly present, if known."""
        return self.truth if isinstance(self.truth, ClassLabel) else None


def by_task(answers: Iterable[Answer]) -> "dict[Task, list[Answer]]":
    """Return the answers to each task, in their order; tasks of one name with other classes are others."""
    found: dict[Task, list[Answer]] = {}
    for answer in answers:
        found.setdefault(replace(answer.task, colours=()), []).append(answer)
    return found


def answer_of(prediction: Prediction, on: Grid, truth: Annotation | None, doubt: str = "") -> Answer:
    """Return a prediction on the image's grid, measured."""
    stage = stage_of(prediction.checkpoint)
    answer = Answer(
        stage,
        title_of(stage, prediction.shown),
        prediction,
        on,
        np.zeros(on.shape, dtype=np.uint8),
        truth=truth,
        attention=_attention_on(prediction, on),
        doubt=doubt,
    )
    if answer.is_mask:
        return _with_mask(answer)
    return _with_boxes(answer, prediction.boxes) if prediction.boxes is not None else answer


def _with_mask(answer: Answer) -> Answer:
    from napari_medkd.core.measures import measure_masks

    prediction, on, truth = answer.prediction, answer.grid, answer.true_mask
    labels: NDArray[Any] = answer.labels
    if prediction.mask is not None:
        same = on.matches(prediction.grid)
        labels = prediction.mask.labels if same else resampled_labels(prediction.mask.labels, prediction.grid, on)
    pair = (labels, labels) if truth is None else (truth.counted(labels), truth.counted(truth.labels))
    measures = measure_masks(*pair, prediction.task.classes, on.spacing, on.unit)
    return replace(answer, labels=labels, measures=measures)


def _with_boxes(answer: Answer, found: ScoredBoxes) -> Answer:
    from napari_medkd.core.box_matching import matched

    if answer.grid.matches(found.boxes.grid):
        return replace(answer, boxes=matched(found, answer.true_boxes))
    from napari_medkd.gui.box_layers import moved_boxes

    moved, kept = moved_boxes(found.boxes, answer.grid)
    return replace(answer, boxes=matched(ScoredBoxes(moved, found.scores[kept]), answer.true_boxes))


def _attention_on(prediction: Prediction, on: Grid) -> Attention | None:
    found = prediction.attention
    if found is None or on.matches(prediction.grid):
        return found
    return Attention(found.class_name, resampled_map(found.map_ZYX, prediction.grid, on))


def place_of(labels: NDArray[Any], label: int) -> tuple[int, ...] | None:
    """Return the voxel of a class that is nearest to its centre of mass, or None where the class is not there."""
    centre = _centre_of(labels, label)
    if centre is None:
        return None
    nearest, least = centre, np.inf
    for voxels in _voxels_of(labels, label):
        distances = np.linalg.norm(voxels - centre, axis=1)
        if distances.min() < least:
            nearest, least = voxels[distances.argmin()], distances.min()
    return tuple(int(index) for index in nearest)


def _centre_of(labels: NDArray[Any], label: int) -> NDArray[np.float64] | None:
    count, total = 0, np.zeros(labels.ndim)
    for voxels in _voxels_of(labels, label):
        count, total = count + len(voxels), total + voxels.sum(axis=0)
    return total / count if count else None


def _voxels_of(labels: NDArray[Any], label: int) -> Iterator[NDArray[np.intp]]:
    """Yield the voxels (N, axes) of a class, block by block; nothing of a block that has none."""
    for block in blocks_of(whole(labels.shape)):
        voxels = np.argwhere(np.asarray(labels[block]) == label)
        if len(voxels):
            yield voxels + np.array([part.start for part in block])
