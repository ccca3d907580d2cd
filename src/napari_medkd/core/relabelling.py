"""What stored labels of masks, or classes of images and boxes, are to mean: how datasets get the same classes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import LabelMap
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.core.task import Task

#: In place of a class's name: voxels of that label count nowhere, an image or a box of that class has none.
NOWHERE = ""

#: What files hold: labels of masks, names of the classes of images and boxes.
Stored: TypeAlias = int | str

#: A task with the classes that are meant, and what is read as which of them: labels by a map, names by other names.
Change: TypeAlias = tuple[Task, LabelMap | Mapping[str, str]]

_IGNORE = 255


def meanings_of(task: Task, label_map: LabelMap, stored: Iterable[int]) -> dict[int, str | None]:
    """Return how each stored label is read: a class's name, `NOWHERE`, or None where it is none of these.

    Parameters
    ----------
    stored
        The labels that masks hold; those of the task's classes and of the map are added.
    """
    labels = {*stored, *label_map.values, *_stored_for_classes(task, label_map)}
    if not label_map.values and len(task.classes) == 2 and {*stored} <= {0, 255} and 255 in labels:
        label_map = LabelMap({255: 1})
    return {label: _meaning(task, label_map.values.get(label, label)) for label in sorted(labels)}


def changed(task: Task, meanings: Mapping[Stored, str | None], orders: Sequence[Sequence[str]] = ()) -> Change:
    """Return a task of any kind with the classes that are meant, as `relabelled` or `renamed`."""
    if task.kind == "segmentation":
        return relabelled(task, {int(label): meant for label, meant in meanings.items()}, orders)
    return renamed(task, {str(name): meant for name, meant in meanings.items()}, orders)


def renamed(
    task: Task, meanings: Mapping[str, str | None], orders: Sequence[Sequence[str]] = ()
) -> tuple[Task, dict[str, str]]:
    """Return a task of images or boxes with the classes that are meant, and by class what it is called now.

    Parameters
    ----------
    meanings
        By class, another name, that of another class to merge the two, or `NOWHERE`.
    orders
        Lists of classes of other tasks; where one holds the same classes, its order is taken. Else a class keeps its
        place.

    Raises
    ------
    DatasetProblem
        Where nothing is chosen for a class, or too few classes are left.
    """
    where, meant = f"tasks.{task.name}", {name: meanings.get(name, name) for name in task.classes}
    unknown = [repr(name) for name, other in meant.items() if other is None]
    if unknown:
        hint = "Choose a class for each, or let it count nowhere."
        raise DatasetProblem(where, f"Nothing is chosen for {', '.join(unknown)}.", hint)
    names = tuple(dict.fromkeys(other for other in meant.values() if other))
    classes = next((tuple(order) for order in orders if {*order} == {*names}), names)
    after = replace(task, classes=classes, colours=_colours(task, classes))
    return after, {name: other for name, other in meant.items() if other is not None and other != name}


def label_renamed(label: ClassLabel, task: Task, names: Mapping[str, str]) -> ClassLabel | None:
    """Return what is said of an image in the classes of a task that was renamed; None where nothing is left of it.

    Of classes that are one now, the one is present where any of them is, and unknown where that cannot be told.
    """
    present, unknown = (
        frozenset(names.get(name, name) for name in said) - {NOWHERE} for said in (label.present, label.unknown)
    )
    if not present and not task.multilabel:
        return None
    return ClassLabel(present, task, unknown - present)


def relabelled(
    task: Task, meanings: Mapping[int, str | None], orders: Sequence[Sequence[str]] = ()
) -> tuple[Task, LabelMap]:
    """Return the task with the classes that are meant, and the map from stored labels to them.

    Parameters
    ----------
    meanings
        By stored label, as `meanings_of` returns them, changed.
    orders
        Lists of classes of other tasks; where one holds the same classes, its order is taken, so that a label means the
        same in both. Else classes keep their order, and new ones follow.

    Raises
    ------
    DatasetProblem
        Where a stored label means nothing, or no class but the background is left.
    """
    where, background = f"tasks.{task.name}", task.classes[0]
    unknown = [label for label, name in meanings.items() if name is None]
    if unknown:
        found = "Nothing is chosen for the stored labels" if len(unknown) > 1 else "Nothing is chosen for stored label"
        hint = "Choose a class for each, or let it count nowhere."
        raise DatasetProblem(where, f"{found} {', '.join(map(str, unknown))}.", hint)
    meant = [name for name in meanings.values() if name and name != background]
    if not meant:
        hint = "Choose a class for at least one stored label."
        raise DatasetProblem.of([Problem(where, "Every stored label is the background or counts nowhere.", hint)])
    classes = _ordered(task, dict.fromkeys(meant), orders)
    ignore = _ignored(task, meanings, classes)
    number = {name: label for label, name in enumerate(classes)} | ({} if ignore is None else {NOWHERE: ignore})
    values = {label: number[name] for label, name in meanings.items() if name is not None and number[name] != label}
    after = replace(task, classes=classes, ignore=ignore, colours=_colours(task, classes[1:]))
    return after, LabelMap(values)


def _stored_for_classes(task: Task, label_map: LabelMap) -> set[int]:
    found = (label_map.stored_value(label) for label in range(len(task.classes)))
    return {label for label in found if label is not None}


def _meaning(task: Task, label: int) -> str | None:
    if label == task.ignore:
        return NOWHERE
    return task.classes[label] if label < len(task.classes) else None


def _ordered(task: Task, meant: Iterable[str], orders: Sequence[Sequence[str]]) -> tuple[str, ...]:
    background, names = task.classes[0], [*meant]
    for order in orders:
        if order and order[0] == background and {*order[1:]} == {*names}:
            return tuple(order)
    kept = [name for name in task.classes[1:] if name in names]
    return (background, *kept, *(name for name in names if name not in kept))


def _ignored(task: Task, meanings: Mapping[int, str | None], classes: Sequence[str]) -> int | None:
    """Return the label that counts nowhere: the task's, as far as it is no class's now."""
    if task.ignore is None and NOWHERE not in meanings.values():
        return None
    return task.ignore if task.ignore is not None and task.ignore >= len(classes) else max(_IGNORE, len(classes))


def _colours(task: Task, foreground: Sequence[str]) -> tuple[str, ...]:
    """Return the chosen colours of the classes, up to the first that has none."""
    known = dict(zip(task.foreground, task.colours, strict=False))
    chosen = []
    for name in foreground:
        if name not in known:
            break
        chosen.append(known[name])
    return tuple(chosen)
