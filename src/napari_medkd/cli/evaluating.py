"""Scores written predictions against a dataset's truth, one case at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_medkd.core.annotation import ClassLabel, Mask
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, InputProblem, Problem, RunProblem
from napari_medkd.core.measures import ClassMeasures, measure_masks
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.run_layout import PREDICTIONS, is_run
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_mask
from napari_medkd.files.results import predictions_in, read_prediction
from napari_medkd.runs.folder import RunFolder


@dataclass(frozen=True, slots=True)
class Score:
    """How one class was predicted in one case, and who predicted it.

    Parameters
    ----------
    predictions
        Name of the folder of predictions.
    network
        The stage whose weights answered, and what it was shown if not the image alone.
    """

    predictions: str
    network: str
    case: str
    domain: str
    measures: ClassMeasures


@dataclass(slots=True)
class Evaluation:
    """All scores, and what a reader must know beside them."""

    scores: list[Score] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def evaluation_of(path: Path, data: Path | None, split: str) -> Evaluation:
    """Return the scores of every prediction in a folder or a run's predictions.

    Parameters
    ----------
    data
        Dataset that holds the truth; None takes the one that was predicted on.
    split
        ``train``, ``validate`` or ``test`` leaves out all other cases; empty keeps all.

    Raises
    ------
    InputProblem
        With every prediction that cannot be scored.
    """
    found = Evaluation()
    problems: list[Problem] = []
    for folder, members in _by_folder(path).items():
        dataset = open_dataset(data or _dataset_of(folder))
        problems += _add_scores(found, folder.name, members, dataset, split)
    if problems:
        raise InputProblem.of(problems)
    if len({score.measures.distance_unit for score in found.scores}) > 1:
        found.notes.append("Some distances are in mm and others in pixels: means over both say nothing.")
    if not found.scores:
        raise DatasetProblem(str(path), "No prediction is of a case that is wanted.", "Check --data and --split.")
    return found


def _add_scores(found: Evaluation, folder: str, members: list[Path], dataset: Dataset, split: str) -> list[Problem]:
    """Add the scores of one folder's predictions to those found, and return why some cannot be scored."""
    problems: list[Problem] = []
    wanted = set(getattr(dataset.split, split)) if split else set()
    seen = set()
    for member in members:
        try:
            prediction = read_prediction(member)
            if prediction.case in wanted or not split:
                seen.add(prediction.case)
                found.scores += _scores(folder, prediction, dataset)
        except InputProblem as error:
            problems += error.problems
    missing = wanted - seen
    if missing:
        found.notes.append(f"{folder}: {len(missing)} of {len(wanted)} {split} cases have no prediction.")
    return problems


def _by_folder(path: Path) -> dict[Path, list[Path]]:
    """Return the folders of predictions, each with its members."""
    is_training = is_run(path) and not RunFolder(path).is_prediction()
    folder = (
        path / PREDICTIONS if is_training else path
    )  # its previews are predictions, too, but of no finished network
    members: dict[Path, list[Path]] = {}
    for member in predictions_in(folder):
        members.setdefault(member.parent, []).append(member)
    if not members:
        hint = f"Write some first, for example: medkd predict {path if is_training else 'RUN'} --split test"
        raise RunProblem(str(folder), "There are no predictions in this folder.", hint)
    return members


def _dataset_of(folder: Path) -> Path:
    """Return the dataset that was predicted on, as the folder's spec says."""
    try:
        spec = RunFolder(folder).prediction_spec()
    except RunProblem as error:
        hint = "Name the dataset with --data."
        raise RunProblem(str(folder), "It is not known which dataset these predictions are of.", hint) from error
    return spec.data or RunFolder(spec.run).spec().datasets[0]


def _scores(folder: str, prediction: Prediction, dataset: Dataset) -> Iterator[Score]:
    case = dataset.case(prediction.case)
    truth = _truth(prediction, dataset, case)
    if prediction.mask is None:
        raise DatasetProblem(f"{folder}/{prediction.case}", "The prediction holds no mask.", "Predict the case again.")
    labels = prediction.mask.labels
    if truth.task.ignore is not None:
        counted = truth.labels != truth.task.ignore
        labels, true_labels = np.where(counted, labels, 0), np.where(counted, truth.labels, 0)
    else:
        true_labels = truth.labels
    network = prediction.checkpoint.split(".")[0]
    network += "" if prediction.shown == "image" else f", given {prediction.shown}"
    grid = prediction.grid
    for measures in measure_masks(labels, true_labels, truth.task.classes, grid.spacing, grid.unit):
        yield Score(folder, network, case.id, case.domain, measures)


def _truth(prediction: Prediction, dataset: Dataset, case: Case) -> Mask:
    task = dataset.task(prediction.task.name)
    where = f"dataset {dataset.name}: {case.id}"
    if task.classes != prediction.task.classes:
        found = f"Its classes are {', '.join(task.classes)} but the network's {', '.join(prediction.task.classes)}."
        raise DatasetProblem(where, found, "Give the manifest a label map that turns its labels into the network's.")
    annotation = case.annotations.get(task.name)
    if annotation is None or isinstance(annotation, ClassLabel):
        raise DatasetProblem(where, f"There is no true mask for {task.name!r}.", "Leave the case out, or label it.")
    return read_mask(annotation, task, grid=prediction.grid, label_map=dataset.label_maps.get(task.name))
