"""What networks said of cases, as plain numbers; the scores made of them, and paired intervals between two networks."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from trained import UNFINISHED

from napari_medkd.core.annotation import ClassLabel, Mask
from napari_medkd.core.box_measures import (
    COCO_OVERLAPS,
    FLAT_OVERLAP,
    VOLUME_OVERLAP,
    FoundInImage,
    ImageBoxes,
    found_in,
    precision_of,
    sensitivities_of,
)
from napari_medkd.core.class_measures import auc, measure_classes
from napari_medkd.core.control import Always
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.measures import dice
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.answers import Answer
from napari_medkd.engine.predict import Predictor
from napari_medkd.files.boxes import read_inside
from napari_medkd.files.opening import read_mask, read_volume

#: Patients and seeds are drawn so many times: every draw needs the scores anew.
RESAMPLES = 1000

#: At which overlaps it is kept what boxes hit.
_OVERLAPS = (VOLUME_OVERLAP, *COCO_OVERLAPS)

#: What was said of a case, held against its truth.
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
    true_boxes = read_inside(truth, task, volume.grid)
    boxes = ImageBoxes.of(answer.boxes, true_boxes)
    found = [found_in(boxes, number, _OVERLAPS) for number in range(len(task.classes))]
    return {"is_flat": volume.grid.is_flat, "found": found}


def text_of(document: dict[str, Any]) -> str:
    """Return a document that holds what was said of cases as JSON; of boxes, scores and what they hit are kept."""
    return json.dumps(document, default=_as_numbers)


def document_in(path: Path) -> dict[str, Any]:
    """Return a document that was kept in a file."""
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), object_hook=_as_found)
    return document


def _as_numbers(found: FoundInImage) -> dict[str, Any]:
    """Return scores, and in the bits of one number for each box at which overlaps it hits."""
    hits = found.is_hit_TN.T @ (1 << np.arange(len(_OVERLAPS)))
    return {"scores": np.round(found.scores_N, 5).tolist(), "hits": hits.tolist(), "num_true": found.num_true}


def _as_found(kept: dict[str, Any]) -> object:
    if "hits" not in kept:
        return kept
    is_hit_TN = np.array(kept["hits"], dtype=np.intp) >> np.arange(len(_OVERLAPS))[:, None] & 1 == 1
    return FoundInImage(np.array(kept["scores"], dtype=np.float64), is_hit_TN, kept["num_true"])


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
    which = _OVERLAPS.index(FLAT_OVERLAP if flat else VOLUME_OVERLAP)
    return Metric(
        "ap50" if flat else "ap10",
        lambda cases, task: np.array([precision_of(found)[which] for found in _by_class(cases, task)]),
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
        flat = bool(said[0]["is_flat"])
        which = _OVERLAPS.index(FLAT_OVERLAP if flat else VOLUME_OVERLAP)
        classes = _by_class(said, task)
        froc = {"froc": float(np.nanmean([sensitivities_of(found, which).mean() for found in classes]))}
        return {"ap50_95": float(np.nanmean([precision_of(found)[1:] for found in classes])), **froc} if flat else froc
    return {}


def drawn_scores(
    said: Sequence[Sequence[Said]], metric: Metric, task: Task, patients: Sequence[str]
) -> NDArray[np.float64]:
    """Return a network's mean score over classes in each draw of seeds and patients.

    Seeds are drawn alike on every test and for every network, because the networks of a seed have a teacher in common;
    patients are drawn alike for every network, and on tests of the same patients. So the difference of two networks'
    draws is the draw of their difference.

    Parameters
    ----------
    said
        By seed and case.
    patients
        Of each case.
    """
    names = sorted(set(patients))
    of_patient = {name: [index for index, patient in enumerate(patients) if patient == name] for name in names}
    of_seeds, of_patients = np.random.default_rng(0), np.random.default_rng(crc32("\n".join(names).encode()))
    found = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        cases = [case for name in of_patients.choice(names, len(names)) for case in of_patient[str(name)]]
        chosen = of_seeds.integers(len(said), size=len(said))
        of_seed = {seed: _mean(metric, [said[seed][case] for case in cases], task) for seed in set(chosen.tolist())}
        found[index] = np.mean([of_seed[seed] for seed in chosen.tolist()])
    return found


def interval(differences: NDArray[np.float64]) -> tuple[float, float]:
    """Return between what 95 % of the draws lie."""
    low, high = np.nanpercentile(differences, (2.5, 97.5))
    return round(float(low), 5), round(float(high), 5)


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


def _by_class(said: Sequence[Said], task: Task) -> list[list[FoundInImage]]:
    """Return for each class what was found in each image."""
    return [[one["found"][number] for one in said] for number in range(len(task.classes))]


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 5)


def _numbers(values: Sequence[float | None]) -> list[float]:
    return [float("nan") if value is None else value for value in values]
