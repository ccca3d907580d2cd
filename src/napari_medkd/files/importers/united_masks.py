"""Masks of images of which some have several, as one for each lesion: those are united, so that an image has one."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.files.importers.dataset_json import TASK
from napari_medkd.files.importers.mask_values import task_of_masks
from napari_medkd.files.importers.pairs import dataset_of, images_and_masks
from napari_medkd.files.importers.source import Made, Source
from napari_medkd.files.importers.tally import Tally
from napari_medkd.files.opening import read_mask

_Masks = Mapping[str, tuple[Path, ...]]


def united_pairs(folder: Path) -> Source:
    """Return the images and masks of a folder that `pairs` refuses to open in place, for an image has several masks."""
    images, masks_of = images_and_masks(folder)
    return with_masks(Source("images with masks", dataset_of(folder, images)), masks_of)


def with_masks(source: Source, masks_of: _Masks) -> Source:
    """Return a source that makes no files with the masks of its cases, by case id, as a task of its own.

    Raises
    ------
    DatasetProblem
        Where a case has several masks, and masks hold more than one label.
    """
    if not masks_of:
        return source
    task, label_map = task_of_masks([path for paths in masks_of.values() for path in paths])
    several = {case: paths for case, paths in masks_of.items() if len(paths) > 1}
    if several and (label_map.values or len(task.classes) > 2):
        raise DatasetProblem(
            str(source.dataset.folder),
            f"Images have several masks, such as {', '.join(path.name for path in next(iter(several.values())))}, and "
            f"the masks hold the labels {', '.join(name.removeprefix('label ') for name in task.classes[1:])}; only "
            "masks of one label are united.",
            "Put the masks of each image together into one.",
        )
    remarks = Tally(str(source.dataset.folder))
    for case, paths in several.items():
        remarks.add(f"{case}: {len(paths)}", "Several masks of one image are united", "Nothing need be done.")
    dataset = replace(
        _with_single(source.dataset, masks_of),
        tasks={**source.dataset.tasks, TASK: task},
        label_maps={TASK: label_map} if label_map.values else {},
    )
    return replace(source, dataset=dataset, made=partial(_made, several, task), remarks=(*source.remarks, *remarks))


def _with_single(dataset: Dataset, masks_of: _Masks) -> Dataset:
    """Return the dataset with the masks of the cases that have one."""
    single = {case: paths[0] for case, paths in masks_of.items() if len(paths) == 1}
    return replace(
        dataset,
        cases=tuple(
            replace(case, annotations={**case.annotations, TASK: single[case.id]}) if case.id in single else case
            for case in dataset.cases
        ),
    )


def _made(several: _Masks, task: Task) -> Iterator[Made]:
    for case, paths in several.items():
        yield Made(case, annotations={TASK: _united(paths, task)})


def _united(paths: tuple[Path, ...], task: Task) -> Mask:
    first = read_mask(paths[0], task)
    others = [read_mask(path, task, grid=first.grid, whose=f"{paths[0].name}'s") for path in paths[1:]]
    return Mask(np.maximum.reduce([mask.labels for mask in (first, *others)]), first.grid, task)
