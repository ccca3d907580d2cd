"""What keeps reference cases from being learned from: no label, a half-painted mask, nothing to apply it to."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import ClassLabel, Mask
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.painting import painted_slices
from napari_medkd.core.task import KINDS_IN_WORDS, Task

_ANNOTATE = "Annotate it in the Data dock, or choose another reference."
_FILL = "Paint every few slices and let Interpolate fill those between; where another class covers them, paint over it."


def problems_of_references(
    references: tuple[str, ...],
    dataset: Dataset,
    task: Task,
    *,
    needs_images: bool = True,
    beside: tuple[Task, ...] = (),
) -> list[Problem]:
    """Return all that is wrong with references whose labels alone are learned from.

    Parameters
    ----------
    needs_images
        Whether the method needs unlabelled images beside them.
    beside
        The other tasks that are learned: a reference of one of these need not be one of this, if another is.
    """
    if not references:
        labelled = [case.id for case in dataset.labelled(task.name)]
        found = f"Labelled for {task.name!r}: {', '.join(labelled[:5])}" if labelled else "No case is labelled yet"
        hint = "Name one with --reference, or mark it in the Data dock." if labelled else "Annotate a case first."
        return [Problem("references", f"The method learns from a reference, and none is named. {found}.", hint)]
    problems: list[Problem] = []
    shown: set[str] = set()
    for index, name in enumerate(references):
        known = [case for case in dataset.cases if case.id == name]  # one that is not there is told elsewhere
        if known and not _is_for_another(known[0], references, dataset, task, beside):
            faults, classes = _problems_of(known[0], f"references[{index}]", dataset, task)
            problems += faults
            shown |= classes
    unseen = [name for name in task.foreground if name not in shown]
    if unseen and not problems:
        way = "Paint it on a reference" if task.kind == "segmentation" else "Name a reference that shows it"
        found = f"No reference shows {', '.join(unseen)}."
        problems.append(Problem("references", found, f"{way}, or take it off the list of classes."))
    kept_apart = {*dataset.set_apart(), *references}
    if needs_images and not any(case.id not in kept_apart for case in dataset.cases):
        text = "There is no unlabelled image: all other patients are set apart to choose settings or to be scored."
        problems.append(Problem("references", text, "Add images to the dataset, or take cases out of the split."))
    return problems


def notices_of_references(references: tuple[str, ...], dataset: Dataset, task: Task) -> list[str]:
    """Return which of several sound references shows not all classes: what it lacks is taught as background there."""
    known = dataset.own(references)
    if task.kind != "segmentation" or len(known) == 1:
        return []
    notices = []
    for case in dataset.cases:
        annotation = case.annotations.get(task.name)
        if case.id in known and isinstance(annotation, Path):
            shown = _classes_on(_mask_of(case, annotation, dataset, task))
            unseen = [name for name in task.foreground if name not in shown]
            if unseen:
                found = f"Reference {case.id} shows no {', '.join(unseen)}"
                notices.append(f"{found}: {'it is' if len(unseen) == 1 else 'they are'} learned as absent there.")
    return notices


def _is_for_another(
    case: Case, references: tuple[str, ...], dataset: Dataset, task: Task, beside: tuple[Task, ...]
) -> bool:
    """Return whether a reference is there for another task, and another reference for this one."""
    if task.name in case.annotations or not any(other.name in case.annotations for other in beside):
        return False
    return any(case.id in references for case in dataset.labelled(task.name))


def _problems_of(case: Case, where: str, dataset: Dataset, task: Task) -> tuple[list[Problem], set[str]]:
    """Return what is wrong with one reference, and the classes it shows; of boxes no class is missed."""
    annotation = case.annotations.get(task.name)
    if annotation is None:
        found = f"Case {case.id!r} has no {KINDS_IN_WORDS[task.kind]} for {task.name!r}."
        return [Problem(where, found, _ANNOTATE)], set()
    side = next((side for side in ("validate", "test") if case.id in getattr(dataset.split, side)), "")
    if side:
        hint = f"Take it out of split.{side} in medkd-dataset.json, or choose another reference."
        return [Problem(where, f"Case {case.id!r} is on the {side} side of the split.", hint)], set()
    if case.id in dataset.set_apart():
        found = f"Case {case.id!r} is of patient {case.group!r}, of whom other cases validate or test."
        return [Problem(where, found, "Choose a reference of another patient.")], set()
    if isinstance(annotation, ClassLabel):
        return [], set(annotation.present)
    if task.kind == "detection":
        return [], set(task.classes)
    return _problems_of_mask(case, annotation, where, dataset, task)


def _problems_of_mask(
    case: Case, path: Path, where: str, dataset: Dataset, task: Task
) -> tuple[list[Problem], set[str]]:
    """Return what is wrong with a reference's mask, and the classes it shows."""
    try:
        mask = _mask_of(case, path, dataset, task)
    except VolumeProblem as error:
        return [Problem(f"{where}: {found.where}", found.problem, found.hint) for found in error.problems], set()
    faults = half_painted(case.id, mask)
    return [replace(fault, where=where) for fault in faults], set() if faults else _classes_on(mask)


def _classes_on(mask: Mask) -> set[str]:
    classes = mask.task.classes
    return {classes[value] for value in np.unique(mask.labels).tolist() if value < len(classes)}


def _mask_of(case: Case, path: Path, dataset: Dataset, task: Task) -> Mask:
    from napari_medkd.files.opening import read_mask, read_volume

    grid = read_volume(case.images, channels=dataset.channels, modality=dataset.modality).grid
    return read_mask(path, task, grid=grid, label_map=dataset.label_maps.get(task.name))


def half_painted(name: str, mask: Mask) -> list[Problem]:
    """Return how a case's mask looks as if slices of it were left out.

    A class does that goes on from slice to slice, outline over outline, more often across empty slices than between
    neighbours. Anatomy with gaps does not: two kidneys are one gap among many neighbours, and spots here and there do
    not go on. A single slice as an image has none to leave out.
    """
    shape = mask.grid.shape
    if min(shape) == 1:
        return []
    for axis, num_slices in enumerate(shape):
        if len(painted_slices(mask.labels, axis)) == 1:
            found = f"Only one slice of case {name!r} is painted; the other {num_slices - 1} would count as empty."
            return [Problem(name, found, _FILL)]
    problems = []
    for label, called in enumerate(mask.task.foreground, start=1):
        gaps = next(filter(None, (_gaps(mask.labels == label, axis) for axis in range(3))), None)
        if gaps is not None:
            painted, left_out = gaps
            found = f"Case {name!r} shows {called} on {painted} slices, most of them without a neighbour"
            problems.append(
                Problem(name, f"{found}; on the {left_out} left out between them it would count as absent.", _FILL)
            )
    return problems


def _gaps(is_class_ZYX: NDArray[np.bool_], axis: int) -> tuple[int, int] | None:
    """Return on how many slices a class is, and how many between these are left out; None where it does not look so."""
    slices, painted = np.moveaxis(is_class_ZYX, axis, 0), painted_slices(is_class_ZYX, axis)
    goes_on = [high - low for low, high in pairwise(painted) if np.asarray(slices[low] & slices[high]).any()]
    gaps = [step - 1 for step in goes_on if step > 1]
    return (len(painted), sum(gaps)) if 2 * len(gaps) > len(goes_on) else None
