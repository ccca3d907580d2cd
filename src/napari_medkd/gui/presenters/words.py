"""Numbers and names as a person reads them: durations, sizes, lists, runs, tasks."""

import re
from collections.abc import Sequence

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.task import Task

_MINUTE = 60
_HOUR = 3600
_DAY = 24 * _HOUR
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_STEP = 1024


def duration(seconds: float) -> str:
    """Return ``"48 s"``, ``"12 min"``, ``"3 h 5 min"`` or ``"2 d 4 h"``: two units at most, rounded."""
    if seconds < _MINUTE - 0.5:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / _MINUTE)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < _DAY // _MINUTE:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    days, rest = divmod(round(seconds / _HOUR), 24)
    return f"{days} d {rest} h" if rest else f"{days} d"


def memory(num_bytes: float) -> str:
    """Return ``"1.4 GiB"``."""
    size = float(num_bytes)
    for unit in _UNITS:
        if size < _STEP or unit == _UNITS[-1]:
            break
        size /= _STEP
    return f"{size:.0f} {unit}" if unit == _UNITS[0] or size >= 100 else f"{size:.1f} {unit}"


def count(number: int, thing: str, things: str = "") -> str:
    """Return ``"1 case"`` or ``"24 cases"``."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


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


_DRAWN = {"segmentation": "mask", "classification": "class", "detection": "boxes"}


def task_in_words(task: Task, most: int = 3) -> str:
    """Return what a task asks for: ``"mask: liver, spleen"``, ``"class: benign, malignant"``, ``"boxes: nodule"``."""
    what = "classes" if task.multilabel else _DRAWN[task.kind]
    return f"{what}: {listed(task.foreground, most)}"


def sides_in_words(datasets: Sequence[Dataset]) -> str:
    """Return how many cases of all the datasets teach and validate: ``"8 cases to train, 2 to validate"``."""
    train, validate = (sum(len(getattr(one.split, side)) for one in datasets) for side in ("train", "validate"))
    if not train:
        return f"{sum(len(one.cases) for one in datasets)} cases"
    return f"{train} cases to train, {validate} to validate"
