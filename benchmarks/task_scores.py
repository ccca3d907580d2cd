"""What networks said of cases, as plain numbers; the scores made of them, and paired intervals between two networks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
from bootstrap import Comparison
from numpy.typing import NDArray
from trained import UNFINISHED

from napari_medkd.core.annotation import ClassLabel, Mask
from napari_medkd.core.box_measures import FLAT_OVERLAP, VOLUME_OVERLAP, ImageBoxes, average_precision, measure_boxes
from napari_medkd.core.class_measures import auc, measure_classes
from napari_medkd.core.control import Always
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.measures import dice
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.answers import Answer
from napari_medkd.engine.predict import Predictor
from napari_medkd.files.opening import read_boxes, read_mask, read_volume

#: Patients and seeds are drawn so many times: every draw needs the scores anew.
RESAMPLES = 1000

#: What is kept of a case, with its truth: JSON.
Said: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Metric:
    """The score of a kind of task: its name, and how it is made of what was said of cases."""

    name: str
    of_cases: Callable[[Sequence[Said], Task], NDArray[np.float64]]
    """One value for each foreground class; nan where it cannot be told."""


def said_of(answer: Answer, dataset: Dataset, case: Case, volume: Volume) -> Said:
    """Return what was said of a case beside what is true."""
    (task,) = dataset.tasks.values()
    truth = case.annotations[task.name]
    if answer.mask is not None and not isinstance(truth, ClassLabel):
        true_mask = read_mask(truth, task, grid=volume.grid, label_map=dataset.label_maps.get(task.name))
        return {"dice": [_plain(value) for value in _dice(answer.mask, true_mask, task)]}
    if answer.scores is not None and isinstance(truth, ClassLabel):
        probabilities = [round(answer.scores.scores[name], 6) for name in task.classes]
        return {"probabilities": probabilities, "present": [int(name in truth.present) for name in task.classes]}
    if answer.boxes is None or isinstance(truth, ClassLabel):
        raise TypeError(case.id)
    true_boxes = read_boxes(truth, task, volume.grid).clipped()
    found = answer.boxes
    return {
        "is_flat": volume.grid.is_flat,
        "boxes": np.round(found.boxes.corners, 2).tolist(),
        "classes": [task.classes.index(name) for name in found.boxes.classes],
        "scores": np.round(found.scores, 5).tolist(),
        "true_boxes": np.round(true_boxes.corners, 2).tolist(),
        "true_classes": [task.classes.index(name) for name in true_boxes.classes],
    }


def answers_of(network: Predictor, dataset: Dataset, side: str) -> dict[str, Said]:
    """Return by case what a network says of the cases of a side, *development* being *validate*."""
    found = {}
    for name in dataset.split.validate if side == "development" else dataset.split.test:
        case = dataset.case(name)
        volume = read_volume(case.images, channels=dataset.channels, modality=dataset.modality)
        (answer,) = [one for one in network.answer(volume, Always(), unfinished=UNFINISHED) if isinstance(one, Answer)]
        found[name] = said_of(answer, dataset, case, volume)
    return found


def metric_of(task: Task, said: Sequence[Said]) -> Metric:
    """Return the score of a task: Dice, AUC, or average precision at an overlap of 0.5 (planes) or 0.1 (volumes)."""
    if task.kind == "segmentation":
        return Metric("dice", lambda cases, _: np.nanmean(np.array([_numbers(one["dice"]) for one in cases]), axis=0))
    if task.kind == "classification":
        return Metric("auc", lambda cases, _: _auc(cases))
    flat = bool(said[0]["is_flat"])
    overlap = FLAT_OVERLAP if flat else VOLUME_OVERLAP
    return Metric(
        "ap50" if flat else "ap10",
        lambda cases, task: average_precision([_image(one) for one in cases], len(task.classes), (overlap,))[:, 0],
    )


def further_scores(said: Sequence[Said], task: Task) -> dict[str, float]:
    """Return what else tells of classes and of boxes, over all classes; nothing of masks."""
    if task.kind == "classification":
        classes = measure_classes(*_probabilities_and_labels(said), task.classes).overall
        return {
            "accuracy": classes.accuracy,
            "balanced accuracy": classes.balanced_accuracy,
            "f1": classes.f1,
            "calibration error": classes.calibration_error,
        }
    if task.kind == "detection":
        overlap = FLAT_OVERLAP if said[0]["is_flat"] else VOLUME_OVERLAP
        boxes = measure_boxes([_image(one) for one in said], task.classes, froc_overlap=overlap).overall
        return {"ap50_95": boxes.ap50_95, "froc": boxes.froc} if said[0]["is_flat"] else {"froc": boxes.froc}
    return {}


def compared(
    pair: tuple[Sequence[Sequence[Said]], Sequence[Sequence[Said]]],
    metric: Metric,
    task: Task,
    patients: Sequence[str],
) -> Comparison:
    """Return how much one network's mean score over classes is above another's, seeds and patients drawn in pairs.

    Parameters
    ----------
    pair
        What each said, by seed and case, of the same seeds and cases.
    patients
        Of each case.
    """
    differences = drawn_differences(pair, metric, task, patients)
    low, high = np.nanpercentile(differences, (2.5, 97.5))
    whole = [[_mean(metric, row[seed], task) for row in pair] for seed in range(len(pair[0]))]
    return Comparison(float(np.mean([one - other for one, other in whole])), float(low), float(high))


def compared_over_datasets(parts: Sequence[NDArray[np.float64]]) -> Comparison:
    """Return the mean over datasets of drawn differences, and its interval."""
    mean = np.mean(np.stack(parts), axis=0)
    low, high = np.nanpercentile(mean, (2.5, 97.5))
    return Comparison(float(np.nanmean(mean)), float(low), float(high))


def drawn_differences(
    pair: tuple[Sequence[Sequence[Said]], Sequence[Sequence[Said]]],
    metric: Metric,
    task: Task,
    patients: Sequence[str],
) -> NDArray[np.float64]:
    """Return the difference of each draw of seeds and patients; the same draw serves both.

    Seeds are drawn alike on every test, because the networks of a seed have a teacher in common; patients are drawn
    alike on tests of the same patients alone.
    """
    names = sorted(set(patients))
    of_patient = {name: [index for index, patient in enumerate(patients) if patient == name] for name in names}
    of_seeds, of_patients = np.random.default_rng(0), np.random.default_rng(crc32("\n".join(names).encode()))
    seeds = len(pair[0])
    found = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        cases = [case for name in of_patients.choice(names, len(names)) for case in of_patient[str(name)]]
        chosen = of_seeds.integers(seeds, size=seeds)
        means = [np.mean([_mean(metric, [row[seed][case] for case in cases], task) for seed in chosen]) for row in pair]
        found[index] = means[0] - means[1]
    return found


def _mean(metric: Metric, cases: Sequence[Said], task: Task) -> float:
    values = metric.of_cases(cases, task)
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")


def _dice(found: Mask, truth: Mask, task: Task) -> NDArray[np.float64]:
    counted = np.ones(truth.labels.shape, bool) if task.ignore is None else truth.labels != task.ignore
    return dice(found.labels[counted][None], truth.labels[counted][None], len(task.classes))[1:]


def _auc(cases: Sequence[Said]) -> NDArray[np.float64]:
    return auc(*_probabilities_and_labels(cases))


def _probabilities_and_labels(cases: Sequence[Said]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Return (N, K) probabilities, and the (N,) class of each case: one is present in each."""
    present_NK = np.array([one["present"] for one in cases])
    return np.array([one["probabilities"] for one in cases]), present_NK.argmax(1)


def _image(one: Said) -> ImageBoxes:
    return ImageBoxes(
        np.array(one["boxes"], dtype=np.float64).reshape(-1, 6),
        np.array(one["scores"], dtype=np.float64),
        np.array(one["classes"], dtype=np.intp),
        np.array(one["true_boxes"], dtype=np.float64).reshape(-1, 6),
        np.array(one["true_classes"], dtype=np.intp),
    )


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 5)


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]
