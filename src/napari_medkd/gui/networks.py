"""Which networks of a run can be asked, read from the cards beside its weights."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.core.task import Task

#: In the order in which a person looks for them.
_STAGES = ("student", "teacher")
_WEIGHTS = ("done", "best")


@dataclass(frozen=True, slots=True)
class Network:
    """A trained network of a run.

    Parameters
    ----------
    stage
        The stage that made it: ``"student"`` or ``"teacher"``.
    sees
        What it must be shown: ``"image"``, or ``"class means"`` or ``"label map"``, for which a mask is needed.
    """

    stage: str
    sees: str
    task: Task
    channels: tuple[str, ...]

    @property
    def needs_mask(self) -> bool:
        """Whether it answers only when it is shown something made from a mask."""
        return self.sees != "image"


def networks_of(run: Path) -> tuple[Network, ...]:
    """Return the networks of a run that have weights and draw masks; none while its first epoch lasts."""
    found = (_network(run, stage) for stage in _STAGES)
    return tuple(network for network in found if network is not None)


def _network(run: Path, stage: str) -> Network | None:
    for which in _WEIGHTS:
        weights = checkpoint_path(run, stage, which)
        card = _card(weights.with_suffix(".json"))
        if card is None or not weights.is_file():
            continue
        task = card["task"]
        if task["kind"] != "segmentation":
            return None
        known = Task(task["name"], task["kind"], tuple(task["classes"]))
        return Network(stage, card["sees"], known, tuple(card["preprocessing"]["channels"]))
    return None


def _card(path: Path) -> dict[str, Any] | None:
    """Return a card that has what is needed; None where it is not there, damaged, or of another kind of network."""
    try:
        card: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return card if {"sees", "task", "preprocessing"} <= card.keys() else None


def title_of(stage: str, shown: str) -> str:
    """Return how an answer is headed, with what the network was shown if it was not the image alone."""
    if shown == "image":
        return stage
    return f"{stage}, given {shown}".replace("student mask", "student's mask")
