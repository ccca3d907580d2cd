"""Names as a person reads them in the viewer: lists, settings, runs, tasks."""

import re
from collections.abc import Sequence

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.task import KINDS_IN_WORDS, Task
from napari_medkd.core.words import count


def listed(names: Sequence[str], most: int = 3) -> str:
    """Return ``"a, b and 4 more"``."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"


def shown(value: object) -> str:
    """Return a setting's value as a person writes it."""
    match value:
        case None:
            return "automatic"
        case "":
            return "empty"
        case bool():
            return "on" if value else "off"
        case float():
            return f"{value:g}"
        case list() | tuple():
            return ", ".join(shown(item) for item in value)
        case _:
            return str(value)


def run_in_short(name: str) -> str:
    """Return a run's folder name with what tells runs apart first: ``"11-21 10:46 · liver · shape-intensity"``."""
    found = re.fullmatch(r"\d{4}-(\d\d-\d\d)_(\d\d)(\d\d)_([^_]+)(?:_(.+))?", name)
    if found is None:
        return name
    day, hour, minute, method, words = found.groups()
    return " · ".join(part for part in (f"{day} {hour}:{minute}", words, method) if part)


def certainty(uncertainty: float | None) -> str:
    """Return how uncertain a mask is, in words."""
    return "not measured" if uncertainty is None else f"uncertainty {uncertainty:.2f}"


def task_in_words(task: Task) -> str:
    """Return what a task asks for: ``"mask: liver, spleen"``, ``"class: benign, malignant"``, ``"boxes: nodule"``."""
    what = "classes" if task.multilabel else KINDS_IN_WORDS[task.kind]
    return f"{what}: {listed(task.foreground)}"


def sides_in_words(datasets: Sequence[Dataset]) -> str:
    """Return how many cases of all the datasets teach and validate: ``"8 cases to train, 2 to validate"``."""
    train, validate = (sum(len(getattr(one.split, side)) for one in datasets) for side in ("train", "validate"))
    if not train:
        return count(sum(len(one.cases) for one in datasets), "case")
    return f"{count(train, 'case')} to train, {validate} to validate"
