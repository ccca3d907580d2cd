"""Trains a run to its end and scores what it draws on whole cases; what every accuracy benchmark shares."""

import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from record import machine, versions
from stage_clock import StageClock

from napari_medkd.core.annotation import ClassLabel, Mask
from napari_medkd.core.control import Always
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.events import RunEnded
from napari_medkd.core.measures import measure_masks
from napari_medkd.core.run_layout import RESOLVED, SPEC
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.answers import Answer
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.hardware import Machine
from napari_medkd.engine.loop import train
from napari_medkd.engine.method import settings_of
from napari_medkd.engine.predict import Predictor
from napari_medkd.engine.resolved import read_resolved
from napari_medkd.files.atomic import write_text
from napari_medkd.files.opening import read_mask, read_volume, write_mask
from napari_medkd.methods import method_named

#: Where the pieces of images lie that are too large to be held; of those that are tested, none is.
UNFINISHED = Path(__file__).parent / "work" / "unfinished"


def asked_of(spec: TrainSpec) -> dict[str, object]:
    """Return what makes a row what it is, to be kept beside its scores."""
    settings = settings_of(method_named(spec.method.name), spec.method)
    asked = {
        "method": spec.method.name,
        "settings": settings.model_dump(mode="json"),
        "network": spec.network.model_dump(mode="json"),
        "schedule": spec.schedule.model_dump(mode="json"),
        "preprocessing": spec.preprocessing.model_dump(mode="json"),
        "precision": spec.hardware.precision,
    }
    if spec.preprocessing_of:
        asked["preprocessing_of"] = {name: one.model_dump(mode="json") for name, one in spec.preprocessing_of.items()}
    return asked


def is_kept(path: Path, asked: dict[str, object]) -> bool:
    """Return whether a row is done already.

    Raises
    ------
    RuntimeError
        Where the file that is there is from other settings.
    """
    if not path.is_file():
        return False
    differ = differences(path, asked)
    if differ:
        raise RuntimeError(f"{path} was trained with another {', '.join(differ)}; delete it to train it again.")
    return True


def differences(path: Path, asked: dict[str, object]) -> list[str]:
    """Return in what a row's file differs from what is asked now."""
    there = json.loads(path.read_text(encoding="utf-8"))
    return [key for key, value in asked.items() if there.get(key) != value]


def computed_on(run: Path) -> dict[str, object]:
    """Return what a run was computed on, to be kept beside its scores: who pairs rows can see where they differ."""
    resolved = read_resolved(run / RESOLVED)
    assert resolved is not None, run
    return {"computed_in": resolved.precision, "machine": machine(), "versions": versions()}


def trained(spec: TrainSpec, run: Path) -> Predictor:
    """Return the student of a run that is trained to its end, from where an earlier attempt left it."""
    return Predictor.open(run, "student", train_to_end(spec, run))


def train_to_end(spec: TrainSpec, run: Path) -> Machine:
    """Train a run to its end, from where an earlier attempt left it, and return what it computed on.

    Raises
    ------
    RuntimeError
        Where the training fails, or the folder holds the run of another spec.
    """
    _refuse_another(spec, run)
    resolved = read_resolved(run / RESOLVED)
    method = method_named(spec.method.name)
    bench = open_bench(spec, method.tasks, resolved)
    run.mkdir(parents=True, exist_ok=True)
    write_text(run / RESOLVED, bench.resolved.model_dump_json(indent=2))
    write_text(run / SPEC, spec.model_dump_json(indent=2))
    clock = StageClock(run)
    for event in train(method, bench, run, Always(), attempt=1 if resolved is None else 2):
        clock.hear(event)
        last = event
    if not isinstance(last, RunEnded) or last.outcome != "completed":
        raise RuntimeError(f"{run.name}: {last}")
    return bench.machine


def _refuse_another(spec: TrainSpec, run: Path) -> None:
    path = run / SPEC
    if path.is_file() and TrainSpec.model_validate_json(path.read_text(encoding="utf-8")) != spec:
        raise RuntimeError(f"{run} holds the run of another spec than is asked now; delete it to train anew.")


def most_memory_gb() -> float:
    """Return the most memory this process has held so far, in GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def forget(run: Path) -> None:
    """Delete a run whose scores are kept."""
    shutil.rmtree(run)


class Answers:
    """Draws a network's answer to a case, and keeps it and how unsure the network was.

    Parameters
    ----------
    predictor
        The network.
    folder
        Where the masks are kept, a file for each case; None keeps none.

    Attributes
    ----------
    uncertainty
        By case, 0 to 1.
    """

    def __init__(self, predictor: Predictor, folder: Path | None = None) -> None:
        self._predictor = predictor
        self._folder = folder
        self.uncertainty: dict[str, float] = {}

    def __call__(self, case: Case, volume: Volume) -> Mask:
        """Return the mask on the volume's own grid."""
        mask, uncertainty = drawn(self._predictor, volume)
        self.uncertainty[case.id] = round(uncertainty, 6)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_mask(self._folder / f"{case.id}.nii.gz", mask)
        return mask


def drawn(predictor: Predictor, volume: Volume) -> tuple[Mask, float]:
    """Return what a network draws on a volume, on the volume's own grid, and how unsure it is."""
    for found in predictor.answer(volume, Always(), unfinished=UNFINISHED):
        if isinstance(found, Answer) and found.mask is not None and found.uncertainty is not None:
            return found.mask, found.uncertainty
    raise TypeError(predictor.card)


def score_side(
    dataset: Dataset, side: str, draw: Callable[[Case, Volume], Mask]
) -> dict[str, dict[str, dict[str, float]]]:
    """Return Dice and HD95 of every class on every case of a side, ``development`` being *validate*."""
    names = getattr(dataset.split, "validate" if side == "development" else side)
    return {name: _score_case(dataset, dataset.case(name), draw) for name in names}


def line_of(document: dict[str, Any]) -> str:
    """Return what a row's file holds in a line: its seconds, and the mean Dice on development cases."""
    means = "  ".join(
        f"{test} development {_mean(sides['development']):.4f}" for test, sides in document["scores"].items()
    )
    who = f"{document['experiment']}  {document['row']:34s} seed {document['seed']}"
    return f"{who}  {document['seconds_training']} s  {means}"


def _mean(scores: dict[str, dict[str, dict[str, float]]]) -> float:
    return float(np.mean([np.nanmean([one["dice"] for one in classes.values()]) for classes in scores.values()]))


def _score_case(dataset: Dataset, case: Case, draw: Callable[[Case, Volume], Mask]) -> dict[str, dict[str, float]]:
    (task,) = dataset.tasks.values()
    annotation = case.annotations[task.name]
    if isinstance(annotation, ClassLabel):
        raise TypeError(case.id)
    volume = read_volume(case.images, channels=dataset.channels, modality=dataset.modality)
    truth = read_mask(annotation, task, grid=volume.grid, label_map=dataset.label_maps.get(task.name))
    labels = _merged(draw(case, volume).labels, task)
    found = measure_masks(labels, truth.labels, task.classes, volume.grid.spacing, volume.grid.unit)
    return {measures.name: {"dice": measures.dice, "hd95": measures.hd95} for measures in found}


def _merged(labels: np.ndarray, task: Task) -> np.ndarray:
    """Return labels with all foreground classes as one, where the test's protocol has one class."""
    return np.minimum(labels, 1) if len(task.classes) == 2 else labels
