"""Which networks of a run can be asked, read from the cards beside its weights."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_medkd.core.errors import InputProblem
from napari_medkd.core.run_layout import CHECKPOINTS
from napari_medkd.core.task import Task

STUDENT = "student"
#: In the order in which a person looks for them. A run on several datasets has one of each for each dataset, which is
#: named after it: "student-busbra".
_ROLES = (STUDENT, "teacher", "expert")
_WEIGHTS = ("done", "best")
_SUFFIX = ".safetensors"


@dataclass(frozen=True, slots=True)
class Network:
    """A trained network of a run.

    Parameters
    ----------
    stage
        The stage that made it: ``"student"``, ``"teacher"``, ``"expert"``, or one of these with a dataset's name.
    sees
        What it must be shown: ``"image"``, or ``"class means"`` or ``"label map"``, for which a mask is needed.
    tasks
        What it answers, at least one.
    dataset
        Name of the dataset it is for; empty where the run has one.
    """

    stage: str
    sees: str
    tasks: tuple[Task, ...]
    channels: tuple[str, ...]
    dataset: str = ""

    @property
    def role(self) -> str:
        """``"student"``, ``"teacher"`` or ``"expert"``."""
        return _role_of(self.stage)

    @property
    def is_student(self) -> bool:
        """Whether it is what a run is made for."""
        return self.role == STUDENT

    @property
    def draws_masks(self) -> bool:
        """Whether one of its answers is a mask."""
        return any(task.kind == "segmentation" for task in self.tasks)

    @property
    def needs_mask(self) -> bool:
        """Whether it answers only when it is shown something made from a mask."""
        return self.sees != "image"


def networks_of(run: Path) -> tuple[Network, ...]:
    """Return the networks of a run that have weights and answer a task; none while its first epoch lasts."""
    names = [path.stem.rpartition(".") for path in (run / CHECKPOINTS).glob("*.json")]
    stages = {stage for stage, _, which in names if which in _WEIGHTS and _role_of(stage) in _ROLES}
    found = (_network(run, stage) for stage in sorted(stages, key=place_of_stage))
    return tuple(network for network in found if network is not None)


def student_for(networks: Iterable[Network], dataset: str) -> Network | None:
    """Return the student that was taught a dataset, by its name, or that of a run on one dataset; None without either.

    In the midst of a run on several datasets the first student is there before the others: it is not asked for them.
    """
    students = [one for one in networks if one.is_student and not one.needs_mask]
    fitting = [one for one in students if one.dataset == dataset] or [one for one in students if one.stage == STUDENT]
    return next(iter(fitting), None)


def place_of_stage(stage: str) -> tuple[int, str]:
    """Return a key that sorts stages: students, teachers, experts, then others, each by name."""
    role = _role_of(stage)
    return (_ROLES.index(role) if role in _ROLES else len(_ROLES)), stage


def stage_of(checkpoint: str) -> str:
    """Return the stage of a checkpoint's name: ``"student-busbra"`` of ``"student-busbra.done"``."""
    stage, dot, _ = checkpoint.rpartition(".")
    return stage if dot else checkpoint


def _role_of(stage: str) -> str:
    return stage.partition("-")[0]


def _network(run: Path, stage: str) -> Network | None:
    for which in _WEIGHTS:
        name = f"{stage}.{which}"
        card = _card(run / CHECKPOINTS / f"{name}.json")
        if card is None or not (run / CHECKPOINTS / (card.get("weights") or f"{name}{_SUFFIX}")).is_file():
            continue
        try:
            tasks = {known["name"]: _task(known) for known in (card["task"], *(card.get("tasks") or ()))}
            channels = tuple(card["preprocessing"]["channels"])
        except (InputProblem, KeyError, TypeError):
            continue
        return Network(
            stage, card["sees"], tuple(tasks.values()), channels, card.get("dataset") or stage.partition("-")[2]
        )
    return None


def _task(card: dict[str, Any]) -> Task:
    classes, colours = tuple(card["classes"]), tuple(card.get("colours") or ())
    return Task(card["name"], card["kind"], classes, bool(card.get("multilabel")), card.get("ignore"), colours)


def _card(path: Path) -> dict[str, Any] | None:
    """Return a card that has what is needed; None where it is not there, damaged, or of another kind of network."""
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return card if {"sees", "task", "preprocessing"} <= card.keys() else None


def name_of(stage: str) -> str:
    """Return what a stage is called on the screen: ``"student · busbra"``."""
    role, dash, dataset = stage.partition("-")
    return f"{role} · {dataset}" if dash and role in _ROLES else stage


def title_of(stage: str, shown: str) -> str:
    """Return how an answer is headed, with what the network was shown if it was not the image alone."""
    if shown == "image":
        return name_of(stage)
    return f"{name_of(stage)}, given {shown}".replace("student mask", "student's mask")
