"""A prediction laid beside its truth: what a case's answer to one task is scored from."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.box_measures import ImageBoxes
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.measures import ClassMeasures, measure_masks
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.task import Task
from napari_medkd.files.boxes import read_inside
from napari_medkd.files.opening import read_mask


@dataclass(frozen=True, slots=True)
class Origin:
    """Which case was predicted, and who predicted it.

    Parameters
    ----------
    predictions
        Name of the folder of predictions.
    network
        The stage whose weights answered, and what it was shown if not the image alone.
    """

    predictions: str
    network: str
    task: str
    case: str
    domain: str

    @property
    def who(self) -> dict[str, str]:
        """What all answers that are measured together have in common."""
        return {"predictions": self.predictions, "network": self.network, "task": self.task}

    @property
    def where(self) -> str:
        """The prediction, for a message."""
        return f"{self.predictions}/{self.case}"


@dataclass(frozen=True, slots=True)
class MaskAnswer:
    """How one class of a mask agrees with the expert's."""

    origin: Origin
    measures: ClassMeasures


@dataclass(frozen=True, slots=True)
class ClassAnswer:
    """The probability of each class of the task, and which of them are there."""

    origin: Origin
    task: Task
    probabilities: tuple[float, ...]
    truth: ClassLabel


@dataclass(frozen=True, slots=True, eq=False)
class BoxAnswer:
    """The boxes that were found and the true ones, and whether the image has one plane."""

    origin: Origin
    task: Task
    boxes: ImageBoxes
    is_flat: bool


Answer: TypeAlias = MaskAnswer | ClassAnswer | BoxAnswer


def answers_of(folder: str, prediction: Prediction, dataset: Dataset) -> list[Answer] | None:
    """Return what a prediction is scored from: an answer for every class of a mask, else one.

    None where the case is not in the dataset or carries no annotation for the task.

    Parameters
    ----------
    folder
        Name of the folder of predictions.

    Raises
    ------
    InputProblem
        Where the dataset has no such task or other classes, the prediction holds no answer to its task, or the truth
        cannot be read.
    """
    task = dataset.task(prediction.task.name)
    known = (case.annotations[task.name] for case in dataset.labelled(task.name) if case.id == prediction.case)
    truth = next(known, None)
    if truth is None:
        return None
    _refuse_other_task(prediction, task, dataset.name)
    network = network_of(prediction.checkpoint, prediction.shown)
    origin = Origin(folder, network, task.name, prediction.case, dataset.case(prediction.case).domain)
    if isinstance(truth, ClassLabel):
        return [_class_answer(origin, prediction, truth)]
    if task.kind == "detection":
        return [_box_answer(origin, prediction, truth, task)]
    return list(_mask_answers(origin, prediction, truth, dataset))


def network_of(checkpoint: str, shown: str) -> str:
    """Return the stage whose weights answered, and what it was shown if not the image alone."""
    return checkpoint.split(".")[0] + ("" if shown == "image" else f", given {shown}")


def _refuse_other_task(prediction: Prediction, task: Task, dataset: str) -> None:
    where, asked = f"dataset {dataset}: {prediction.case}", prediction.task
    if (task.kind, task.multilabel) != (asked.kind, asked.multilabel):
        raise DatasetProblem(
            where,
            f"Its task {task.name!r} is {_in_words(task)} but the network's is {_in_words(asked)}.",
            "Score against the dataset that the network learned from, or one with the same tasks.",
        )
    if task.classes != asked.classes:
        found = f"Its classes are {', '.join(task.classes)} but the network's {', '.join(asked.classes)}."
        hint = "Give the dataset the network's classes, in their order."
        if task.kind == "segmentation":
            hint = "Give the manifest a label map that turns its labels into the network's."
        raise DatasetProblem(where, found, hint)


def _mask_answers(origin: Origin, prediction: Prediction, path: Path, dataset: Dataset) -> Iterator[MaskAnswer]:
    task, grid = dataset.task(origin.task), prediction.grid
    if prediction.mask is None:
        raise _no_answer(origin, "mask")
    truth = read_mask(path, task, grid=grid, label_map=dataset.label_maps.get(task.name))
    labels, true_labels = truth.counted(prediction.mask.labels), truth.counted(truth.labels)
    for measures in measure_masks(labels, true_labels, task.classes, grid.spacing, grid.unit):
        yield MaskAnswer(origin, measures)


def _box_answer(origin: Origin, prediction: Prediction, path: Path, task: Task) -> BoxAnswer:
    if prediction.boxes is None:
        raise _no_answer(origin, "boxes")
    boxes = ImageBoxes.of(prediction.boxes, read_inside(path, task, prediction.grid))
    return BoxAnswer(origin, task, boxes, prediction.grid.is_flat)


def _class_answer(origin: Origin, prediction: Prediction, truth: ClassLabel) -> ClassAnswer:
    if prediction.scores is None:
        raise _no_answer(origin, "class scores")
    scores, classes = prediction.scores.scores, truth.task.classes
    if set(scores) != set(classes):
        raise DatasetProblem(
            origin.where,
            f"There are scores of {', '.join(scores)}; expected one for each of {', '.join(classes)}.",
            "Predict the case again.",
        )
    strange = [f"{name} {score}" for name, score in scores.items() if not 0 <= score <= 1]
    if strange:
        found = f"Some scores are no probabilities from 0 to 1: {', '.join(strange)}."
        raise DatasetProblem(origin.where, found, "Predict the case again.")
    return ClassAnswer(origin, truth.task, tuple(scores[name] for name in classes), truth)


def _no_answer(origin: Origin, kind: str) -> DatasetProblem:
    return DatasetProblem(origin.where, f"The prediction holds no {kind}.", "Predict the case again.")


def _in_words(task: Task) -> str:
    return f"{task.kind} of several classes at once" if task.multilabel else task.kind
