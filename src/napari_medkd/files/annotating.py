"""Masks that a person paints: written into the dataset's folder and listed in its manifest, originals untouched."""

from dataclasses import replace
from pathlib import Path

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.manifest import MANIFEST, write_dataset
from napari_medkd.files.opening import mask_suffix, write_mask

#: Folder of a dataset that painted masks are kept in, by task.
ANNOTATIONS = "annotations"


def annotation_path(dataset: Dataset, case: str, mask: Mask) -> Path:
    """Return the file a painted mask is kept in; its format is that of a predicted mask on the same grid."""
    return dataset.folder / ANNOTATIONS / mask.task.name / f"{case}{mask_suffix(mask.grid)}"


def save_annotation(dataset: Dataset, case: str, mask: Mask) -> Dataset:
    """Write a case's mask, and return the dataset that knows it.

    The mask is written first, atomically; the manifest only where it does not name the file or the classes yet. A case
    that is on no side of the split joins the training side. A mask the case came with stays where it is, and is no
    longer named.

    Raises
    ------
    DatasetProblem
        Where the task's stored labels are mapped to others, so that what was painted would be read as something else.
    """
    task = mask.task
    if task.name in dataset.label_maps and dataset.label_maps[task.name].values:
        raise DatasetProblem(
            f"tasks.{task.name}",
            "The task maps the labels of its files to others, so a painted mask would be read as something else.",
            "Paint for a task of its own: give it another name.",
        )
    path = annotation_path(dataset, case, mask)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(path, mask)
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
