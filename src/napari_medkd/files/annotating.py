"""Masks that a person paints: written into the dataset's folder and listed in its manifest, originals untouched."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Case, Dataset, LabelMap, Split
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import is_ours, manifest_of, refuse_unnamed, write_back
from napari_medkd.files.manifest_reading import read_manifest
from napari_medkd.files.opening import mask_suffix, write_mask
from napari_medkd.files.plain_name import plain_name

#: Folder of a dataset that painted masks are kept in, by task.
ANNOTATIONS = "annotations"


def annotation_path(dataset: Dataset, case: str, mask: Mask) -> Path:
    """Return the file a painted mask is kept in; its format is that of a predicted mask on the same grid."""
    folder = dataset.folder / ANNOTATIONS / plain_name(mask.task.name)
    return folder / f"{plain_name(case)}{mask_suffix(mask.grid)}"


def refuse_unstorable(dataset: Dataset, task: Task) -> None:
    """Refuse a task whose masks cannot be saved, before anybody paints for it.

    Raises
    ------
    DatasetProblem
        Where the dataset maps stored labels to others and no stored label is read as one of the classes; where its
        manifest cannot name one of its files.
    """
    _refuse_unmapped(dataset, task)
    refuse_unnamed(dataset, dataset.folder)


def _refuse_unmapped(dataset: Dataset, task: Task) -> None:
    label_map = dataset.label_maps.get(task.name, LabelMap())
    labels = dict(enumerate(task.classes)) | ({} if task.ignore is None else {task.ignore: "the label to ignore"})
    lost = [name for label, name in labels.items() if label_map.stored_value(label) is None]
    if lost:
        raise DatasetProblem(
            f"tasks.{task.name}.label_map",
            f"No stored label is read as {', '.join(map(repr, lost))}, so what is painted of it could not be saved.",
            f"Map a label that no mask holds to it in {manifest_of(dataset).name}, or paint for another task.",
        )


def save_annotation(dataset: Dataset, case: str, mask: Mask) -> Dataset:
    """Write a case's mask, in the labels that the task's files have, and return the dataset that knows it.

    The mask is written first, atomically; the manifest only where it does not name the file or the classes yet. What
    others wrote into the manifest since the dataset was opened stays: case, task and split are put into what is there.
    A case that is on no side of the split joins the training side, unless its patient is on another side. A mask the
    case came with stays where it is, and is no longer named; a file of this name that no manifest names is kept aside.
    Where two classes become more, the masks that others made are still read as they were: 255 as the second class.

    Raises
    ------
    DatasetProblem
        As `refuse_unstorable`, or where the manifest contradicts itself by now; nothing is written then. Where it is
        no manifest of ours any more; the mask is written then.
    """
    task, path = mask.task, annotation_path(dataset, case, mask)
    _refuse_unmapped(dataset, task)
    is_known = _is_known(dataset, case, task, path)
    try:
        there = _as_on_disk(dataset, case)
    except DatasetProblem:
        if not is_known:
            raise
        there = dataset  # strokes are not lost because somebody spoilt the manifest meanwhile
    if is_ours(manifest_of(dataset)) and _is_known(there, case, task, path):
        _refuse_unmapped(there, task)
        write_mask(path, mask, label_map=there.label_maps.get(task.name))
        return dataset if is_known else there
    there = replace(there, label_maps=_label_maps(there, case, task))
    refuse_unstorable(there, task)
    known = there.case(case)
    if known.annotations.get(task.name) != path:
        _keep_aside(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(path, mask, label_map=there.label_maps.get(task.name))
    annotated = replace(known, annotations={**known.annotations, task.name: path})
    changed = replace(
        there,
        name=dataset.name,
        tasks={**there.tasks, task.name: task},
        cases=tuple(annotated if one.id == case else one for one in there.cases),
        split=_with_training(there, known),
    )
    write_back(changed)
    return changed


def take_back_annotation(before: Dataset, case: str, mask: Mask) -> Dataset:
    """Undo `save_annotation` of a mask in the manifest as it is now, delete the mask's file, and return the dataset.

    Parameters
    ----------
    before
        What was known before it was saved.

    Raises
    ------
    DatasetProblem
        Where the manifest cannot be written; nothing is undone then.
    """
    name, path, there = mask.task.name, annotation_path(before, case, mask), _as_on_disk(before, case)
    was, known = before.case(case).annotations.get(name), there.case(case)
    others = {task: one for task, one in known.annotations.items() if task != name}
    again = replace(known, annotations=others if was is None else {**others, name: was})
    is_used = any(name in one.annotations for one in there.cases if one.id != case)
    tasks = dict(there.tasks) | {task: one for task, one in before.tasks.items() if task == name}
    if not is_used and name not in before.tasks:
        tasks.pop(name, None)
    train = there.split.train
    if case not in before.split.train:
        train = tuple(one for one in train if one != case)
    changed = replace(
        there,
        tasks=tasks,
        cases=tuple(again if one.id == case else one for one in there.cases),
        split=replace(there.split, train=train),
    )
    write_back(changed)
    if was != path:
        path.unlink(missing_ok=True)
    return changed


def _is_known(dataset: Dataset, case: str, task: Task, path: Path) -> bool:
    """Return whether a dataset says of a case that its mask of a task lies there."""
    return dataset.case(case).annotations.get(task.name) == path and dataset.tasks.get(task.name) == task


def _as_on_disk(dataset: Dataset, case: str) -> Dataset:
    """Return the dataset as its manifest has it now, with a case that may have been taken out of it meanwhile."""
    manifest = manifest_of(dataset)
    if not is_ours(manifest):
        return dataset
    there = read_manifest(manifest)
    if any(one.id == case for one in there.cases):
        return there
    return replace(there, cases=(*there.cases, dataset.case(case)))


def _label_maps(dataset: Dataset, case: str, task: Task) -> Mapping[str, LabelMap]:
    """Return the label maps with what `read_mask` does for two classes written down, before a task has another number.

    Only where a mask of another case may need it: one that was painted here holds no 255.
    """
    maps, known = dataset.label_maps, dataset.tasks.get(task.name)
    is_read_as_two = known is not None and len(known.classes) == 2 and known.ignore != 255
    is_mapped = bool(maps.get(task.name, LabelMap()).values)
    if not is_read_as_two or is_mapped or len(task.classes) == 2 or task.ignore == 255:
        return maps
    painted = dataset.folder / ANNOTATIONS
    others = (one.annotations.get(task.name) for one in dataset.cases if one.id != case)
    if not any(isinstance(path, Path) and painted not in path.parents for path in others):
        return maps
    return {**maps, task.name: LabelMap({255: 1})}


def _with_training(dataset: Dataset, case: Case) -> Split:
    """Return the split with a case on its training side, where neither it nor its patient is on a side already."""
    split = dataset.split
    groups = {dataset.case(name).group for name in (*split.validate, *split.test)}
    if case.id in split.train or case.group in groups:
        return split
    return replace(split, train=(*split.train, case.id))


def _keep_aside(path: Path) -> None:
    """Give what is in the way of a new file another name; a person may have painted it."""
    number = 1
    while (aside := path.with_name(f"earlier-{number}_{path.name}")).exists():
        number += 1
    if path.exists():
        path.rename(aside)
