"""Everything that is wrong with a dataset's files, as far as one is willing to read them."""

from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.core.grid import Grid
from napari_medkd.files.dataset_paths import problems_of_names
from napari_medkd.files.opening import (
    IMAGE_SUFFIXES,
    doubts_about,
    is_image,
    read_boxes,
    read_mask,
    read_volume,
    refuse_not_finite,
)
from napari_medkd.files.series_path import on_disk
from napari_medkd.files.web_path import is_there


def problems_of_dataset(dataset: Dataset, *, read_images: bool) -> list[Problem]:
    """Return everything wrong with the dataset's files, in the order of its cases; empty means usable.

    Parameters
    ----------
    dataset
        As opened.
    read_images
        Whether to open every file. Without, only missing files, names that no document can hold, formats that cannot
        be opened and missing labels are found; with, also damaged files, NaN, masks and boxes that do not fit their
        image, labels of no class, and 2-D mixed with 3-D.
    """
    opened = {case.id for case in dataset.cases} if read_images else set()
    return inspected(dataset, opened).problems


def doubts_about_cases(cases: Iterable[Case]) -> list[Problem]:
    """Return why images may lie elsewhere than they are taken to lie, in the order of the cases; all can be used.

    Headers alone are read. An image that cannot be opened is left out: it is a problem.
    """
    doubts: list[Problem] = []
    for case in cases:
        with suppress(InputProblem):
            doubts += [_in_case(doubt, case) for path in case.images for doubt in doubts_about(path)]
    return doubts


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found in a dataset's files.

    Parameters
    ----------
    problems
        In the order of the cases.
    grids
        Of the images that were opened, by case.
    """

    problems: list[Problem]
    grids: dict[str, Grid]


def inspected(dataset: Dataset, opened: Container[str]) -> Inspection:
    """Return everything wrong with the files, as `problems_of_dataset`, and the grids of the cases that are opened."""
    problems = _problems_of_contents(dataset)
    grids: dict[str, Grid] = {}
    for case in dataset.cases:
        missing = problems_of_names(case, dataset.folder) or _missing_files(case)
        problems += missing
        if case.id in opened and not missing:
            problems += _problems_inside(case, dataset, grids)
    return Inspection(problems + _problems_of_mixture(dataset, grids), grids)


def _problems_of_contents(dataset: Dataset) -> list[Problem]:
    where = f"dataset {dataset.name}"
    if not dataset.cases:
        return [Problem(where, "There is no case.", "List cases in medkd-dataset.json, or add images to the folder.")]
    return [
        Problem(where, f"No case has an annotation for task {name!r}.", "Annotate a case, or take the task out.")
        for name in dataset.tasks
        if not dataset.labelled(name)
    ]


def _missing_files(case: Case) -> list[Problem]:
    problems = []
    for path in (*case.images, *(known for known in case.annotations.values() if isinstance(known, Path))):
        if not is_there(on_disk(path)):
            hint = "Put the file there, or correct its path; relative paths start at the dataset's folder."
            problems.append(Problem(f"cases.{case.id}", f"The file {path} does not exist.", hint))
        elif path in case.images and not is_image(path):
            hint = f"Use one of {', '.join(IMAGE_SUFFIXES)}."
            problems.append(Problem(f"cases.{case.id}", f"{path} is of no image format that can be opened.", hint))
    return problems


def _problems_inside(case: Case, dataset: Dataset, grids: dict[str, Grid]) -> list[Problem]:
    problems: list[Problem] = []
    with _gathering(problems, case):
        volume = read_volume(case.images, channels=dataset.channels, modality=dataset.modality)
        grids[case.id] = volume.grid
        if volume.is_on_disk:
            refuse_not_finite(volume, case.images[0])
    for name, known in case.annotations.items():
        if not isinstance(known, ClassLabel):
            with _gathering(problems, case):
                problems += _problems_of_annotation(case, name, known, dataset, grids.get(case.id))
    return problems


def _problems_of_annotation(case: Case, name: str, path: Path, dataset: Dataset, grid: Grid | None) -> list[Problem]:
    task = dataset.task(name)
    if task.kind == "segmentation":
        read_mask(path, task, grid=grid, label_map=dataset.label_maps.get(name))
        return []
    boxes = read_boxes(path, task, grid or Grid.upright((1, 1, 1)))
    if grid is None:
        return []
    reach_out = (boxes.corners[:, :3] < 0).any(axis=1) | (boxes.corners[:, 3:] > np.array(grid.shape)).any(axis=1)
    return [
        Problem(
            f"cases.{case.id}",
            f"{path}: box {number} ({boxes.corners[number].tolist()}) reaches outside the image of {grid.describe()}.",
            "Write z0, y0, x0, z1, y1, x1 in voxel edges, from 0 to the image's size.",
        )
        for number in np.flatnonzero(reach_out)
    ]


def _problems_of_mixture(dataset: Dataset, grids: dict[str, Grid]) -> list[Problem]:
    """Return a problem where one network could not take all the images."""
    kinds: dict[str, list[str]] = {}
    for name, grid in grids.items():
        kinds.setdefault(f"{'2-D' if grid.is_flat else '3-D'} in {grid.unit}", []).append(name)
    if len(kinds) < 2:
        return []
    listed = "; ".join(f"{len(names)} are {kind} (such as {names[0]})" for kind, names in kinds.items())
    return [
        Problem(
            f"dataset {dataset.name}", f"The images are of several kinds: {listed}.", "Make a dataset of each kind."
        )
    ]


def _in_case(found: Problem, case: Case) -> Problem:
    return Problem(f"cases.{case.id}", f"{found.where}: {found.problem}", found.hint)


@contextmanager
def _gathering(problems: list[Problem], case: Case) -> Iterator[None]:
    try:
        yield
    except InputProblem as error:
        problems += [_in_case(found, case) for found in error.problems]
