"""Masks that a person paints: written into the dataset's folder and listed in its manifest, originals untouched."""

from dataclasses import replace
from pathlib import Path

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Dataset, LabelMap
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import MANIFEST, write_dataset
from napari_medkd.files.opening import mask_suffix, write_mask

#: Folder of a dataset that painted masks are kept in, by task.
ANNOTATIONS = "annotations"


def annotation_path(dataset: Dataset, case: str, mask: Mask) -> Path:
    """Return the file a painted mask is kept in; its format is that of a predicted mask on the same grid."""
    return dataset.folder / ANNOTATIONS / mask.task.name / f"{case}{mask_suffix(mask.grid)}"


def refuse_unstorable(dataset: Dataset, task: Task) -> None:
    """Refuse a task whose masks cannot be saved, before anybody paints for it.

    Raises
    ------
    DatasetProblem
        Where the dataset maps stored labels to others and no stored label is read as one of the classes.
    """
    label_map = dataset.label_maps.get(task.name, LabelMap())
    labels = dict(enumerate(task.classes)) | ({} if task.ignore is None else {task.ignore: "the label to ignore"})
    lost = [name for label, name in labels.items() if label_map.stored_value(label) is None]
    if lost:
        raise DatasetProblem(
            f"tasks.{task.name}.label_map",
            f"No stored label is read as {', '.join(map(repr, lost))}, so what is painted of it could not be saved.",
            f"Map a label that no mask holds to it in {MANIFEST}, or paint for a task of another name.",
        )


def save_annotation(dataset: Dataset, case: str, mask: Mask) -> Dataset:
    """Write a case's mask, in the labels that the task's files have, and return the dataset that knows it.

    The mask is written first, atomically; the manifest only where it does not name the file or the classes yet. A case
    that is on no side of the split joins the training side. A mask the case came with stays where it is, and is no
    longer named.

    Raises
    ------
    DatasetProblem
        As `refuse_unstorable`; nothing is written then.
    """
    task = mask.task
    refuse_unstorable(dataset, task)
    path = annotation_path(dataset, case, mask)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(path, mask, label_map=dataset.label_maps.get(task.name))
    known = dataset.case(case)
    annotated = replace(known, annotations={**known.annotations, task.name: path})
    if annotated == known and dataset.tasks.get(task.name) == task and (dataset.folder / MANIFEST).is_file():
        return dataset
    listed = {*dataset.split.train, *dataset.split.validate, *dataset.split.test}
    split = dataset.split if case in listed else replace(dataset.split, train=(*dataset.split.train, case))
    changed = replace(
        dataset,
        tasks={**dataset.tasks, task.name: task},
        cases=tuple(annotated if one.id == case else one for one in dataset.cases),
        split=split,
    )
    write_dataset(changed, dataset.folder)
    return changed


def take_back_annotation(before: Dataset, case: str, mask: Mask) -> None:
    """Undo `save_annotation` of a mask: the manifest lists what the dataset held before, and the mask's file is gone.

    Raises
    ------
    DatasetProblem
        Where the manifest cannot be written; nothing is undone then.
    """
    write_dataset(before, before.folder)
    path = annotation_path(before, case, mask)
    if before.case(case).annotations.get(mask.task.name) != path:
        path.unlink(missing_ok=True)
