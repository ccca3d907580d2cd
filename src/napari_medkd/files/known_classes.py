"""A dataset's masks for a run that does not know all its classes: a person added some after the run had begun."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import is_ours, manifest_of
from napari_medkd.files.manifest_reading import read_manifest
from napari_medkd.files.opening import read_mask


def mask_as_learned(
    path: Path, task: Task, dataset: Dataset, grid: Grid, *, later: Literal["background", "nowhere"]
) -> Mask:
    """Return a dataset's mask in a run's classes, of which the dataset may have further ones by now, at the end.

    Parameters
    ----------
    task
        The run's.
    dataset
        As it is now.
    later
        As what voxels of the further classes count. Background: as they did before somebody painted them, which is what
        the run learned, and goes on to learn. Nowhere, for measures: the run could not know of these classes, so
        whatever it says there is not held against it. The mask's task ignores them.

    Raises
    ------
    VolumeProblem
        As `read_mask`.
    """
    now, label_map = dataset.tasks.get(task.name, task), dataset.label_maps.get(task.name)
    if len(now.classes) <= len(task.classes):
        return read_mask(path, task, grid=grid, label_map=label_map)
    labels: Any = read_mask(path, now, grid=grid, label_map=label_map).labels
    is_later = (labels >= len(task.classes)) & (labels < len(now.classes))
    ignored = now.ignore if now.ignore is not None else max(np.iinfo(np.uint8).max, len(now.classes))
    dtype = labels.dtype if later == "background" else np.result_type(labels.dtype, np.min_scalar_type(ignored))
    known = np.where(is_later, 0 if later == "background" else ignored, labels).astype(dtype)
    return Mask(known, grid, replace(task, ignore=now.ignore if later == "background" else ignored))


def mask_to_learn(path: Path, task: Task, dataset: Dataset, grid: Grid) -> Mask:
    """Return `mask_as_learned` as background, also where a class was added after the dataset had been opened."""
    try:
        return mask_as_learned(path, task, dataset, grid, later="background")
    except VolumeProblem:
        manifest = manifest_of(dataset)
        now = read_manifest(manifest).tasks.get(task.name) if is_ours(manifest) else None
        if now is None or len(now.classes) <= len(task.classes) or now.classes[: len(task.classes)] != task.classes:
            raise
        known = replace(dataset, tasks={**dataset.tasks, task.name: now})
        return mask_as_learned(path, task, known, grid, later="background")
