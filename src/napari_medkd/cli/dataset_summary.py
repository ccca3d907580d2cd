"""What a dataset holds, in numbers: cases, patients, domains, sides, and how often each class is there."""

from collections import Counter
from pathlib import Path
from typing import Any

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.words import count
from napari_medkd.files.opening import read_boxes


def summary_of(dataset: Dataset) -> dict[str, Any]:
    """Return the numbers as a document: name, cases, groups, domains, split, and tasks by name."""
    return {
        "name": dataset.name,
        "cases": len(dataset.cases),
        "groups": len({case.group for case in dataset.cases}),
        "channels": list(dataset.channels),
        "domains": dict(Counter(case.domain for case in dataset.cases if case.domain)),
        "split": {side: len(getattr(dataset.split, side)) for side in ("train", "validate", "test")},
        "tasks": {name: _of_task(task, dataset) for name, task in dataset.tasks.items()},
    }


def lines_of(summary: dict[str, Any]) -> list[str]:
    """Return a summary as lines."""
    sides = ", ".join(f"{number} {side}" for side, number in summary["split"].items())
    fewer = f" of {summary['groups']} patients" if summary["groups"] < summary["cases"] else ""
    lines = [f"{summary['name']}: {count(summary['cases'], 'case')}{fewer} ({sides})"]
    if summary["domains"]:
        lines.append(f"domains: {_counted(summary['domains'])}")
    for name, task in summary["tasks"].items():
        several = ", several at once" if task["multilabel"] else ""
        labelled = "cases not counted" if task["labelled"] is None else count(task["labelled"], "case")
        lines.append(f"{name}: {task['kind']}{several}, {labelled}: {_counted(task['classes'])}")
    return lines


def _counted(counts: dict[str, int | None]) -> str:
    return ", ".join(name if number is None else f"{name} {number}" for name, number in counts.items())


def _of_task(task: Task, dataset: Dataset) -> dict[str, Any]:
    labelled = dataset.labelled(task.name)
    counts: dict[str, int | None] = dict.fromkeys(task.classes)  # of masks nothing is counted, which would read them
    if task.kind != "segmentation":
        seen = Counter(name for case in labelled for name in _classes_in(case, task))
        counts = {name: seen[name] for name in task.classes}
    return {"kind": task.kind, "multilabel": task.multilabel, "labelled": len(labelled), "classes": counts}


def _classes_in(case: Case, task: Task) -> tuple[str, ...]:
    """Return the class of each box of a case, or the classes that the case shows."""
    known = case.annotations[task.name]
    if isinstance(known, ClassLabel):
        return tuple(known.present)
    return read_boxes(Path(known), task, Grid.upright((1, 1, 1))).classes
