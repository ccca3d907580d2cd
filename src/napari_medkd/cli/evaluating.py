"""Scores written predictions against a dataset's truth, one case at a time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Dataset
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
        With every prediction that cannot be scored though the truth is known, or where there is no other.
    """
    found = Evaluation()
    problems: list[Problem] = []
    for folder, members in _by_folder(path).items():
        source = data or _dataset_of(folder)
        if source:
            problems += _add_scores(found, folder.name, members, open_dataset(source), split)
        else:
            found.notes.append(f"{folder.name}: These predictions are of image files; name their dataset with --data.")
    if problems:
        raise InputProblem.of(problems)
    if len({score.measures.distance_unit for score in found.scores}) > 1:
        found.notes.append("Some distances are in mm and others in pixels: means over both say nothing.")
    if not found.scores:
        said = ["No prediction is of a labelled case that is wanted.", *found.notes]
        raise DatasetProblem(str(path), " ".join(said), "Check --data and --split.")
    return found


def _add_scores(found: Evaluation, folder: str, members: list[Path], dataset: Dataset, split: str) -> list[Problem]:
    """Add the scores of one folder's predictions to those found, and return why some cannot be scored."""
    problems: list[Problem] = []
    wanted = set(getattr(dataset.split, split)) if split else set()
    seen, without_truth = set(), []
    for member in members:
        try:
            prediction = read_prediction(member)
            if split and prediction.case not in wanted:
                continue
            seen.add(prediction.case)
            truth = _truth_file(prediction, dataset)
            if truth:
                found.scores += _scores(folder, prediction, dataset, truth)
            else:
                without_truth.append(prediction.case)
        except InputProblem as error:
            problems += error.problems
    missing = wanted - seen
    if missing:
        found.notes.append(f"{folder}: {len(missing)} of {len(wanted)} {split} cases have no prediction.")
    if without_truth:
        cases = ", ".join(without_truth)
        found.notes.append(f"{folder}: Dataset {dataset.name!r} has no true mask to score these by: {cases}.")
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


def _dataset_of(folder: Path) -> Path | None:
    """Return the dataset that was predicted on, as the folder's spec says; None where it was image files."""
    try:
        spec = RunFolder(folder).prediction_spec()
    except RunProblem as error:
        hint = "Name the dataset with --data."
        raise RunProblem(str(folder), "It is not known which dataset these predictions are of.", hint) from error
    if spec.images:
        return None
    above = folder.parent.parent  # the run may have moved, with its predictions, since it was asked
    run = above if folder.parent.name == PREDICTIONS and is_run(above) else spec.run
    return spec.data or RunFolder(run).spec().datasets[0]


def _truth_file(prediction: Prediction, dataset: Dataset) -> Path | None:
    """Return the true mask's file; None where the case is not in the dataset or has none."""
    task = dataset.task(prediction.task.name)
    known = (case.annotations[task.name] for case in dataset.labelled(task.name) if case.id == prediction.case)
    return next((annotation for annotation in known if isinstance(annotation, Path)), None)


def _scores(folder: str, prediction: Prediction, dataset: Dataset, truth_file: Path) -> Iterator[Score]:
    truth = _truth(prediction, dataset, truth_file)
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
    grid, domain = prediction.grid, dataset.case(prediction.case).domain
    for measures in measure_masks(labels, true_labels, truth.task.classes, grid.spacing, grid.unit):
        yield Score(folder, network, prediction.case, domain, measures)


def _truth(prediction: Prediction, dataset: Dataset, path: Path) -> Mask:
    task = dataset.task(prediction.task.name)
    if task.classes != prediction.task.classes:
        found = f"Its classes are {', '.join(task.classes)} but the network's {', '.join(prediction.task.classes)}."
        hint = "Give the manifest a label map that turns its labels into the network's."
        raise DatasetProblem(f"dataset {dataset.name}: {prediction.case}", found, hint)
    return read_mask(path, task, grid=prediction.grid, label_map=dataset.label_maps.get(task.name))
