"""The boxes a detector learns from, before any image is prepared: how large they are, and where they can be found.

Legend: N boxes, D spatial axes in the order (z, y, x), without z for planes.
"""

from collections.abc import Sequence
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.course import Course
from napari_medkd.core.errors import DatasetProblem, Problem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.task import Task
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.data.preprocess import moved_to, network_grid
from napari_medkd.engine.data.streamed import is_streamed
from napari_medkd.files.memory import MOST_VOXELS_HELD


class BoxedImage(NamedTuple):
    """An image and its boxes, on its own grid."""

    file: Path
    boxes: Boxes


def boxed_images(course: Course, task: Task, names: tuple[str, ...], preprocessing: Preprocessing) -> list[BoxedImage]:
    """Return the cases that have a box, with all of theirs; of their images nothing but the grid is looked at.

    Raises
    ------
    DatasetProblem
        Where there is no box.
    """
    annotated = course.dataset.labelled_among(names, task.name)
    cases = Cases(course.dataset, (task,), annotated, preprocessing)
    files = [course.dataset.case(name).images[0] for name in annotated]
    read = [BoxedImage(files[position], cases.original_boxes(position)) for position in cases.holding_something or ()]
    found = [image for image in read if len(image.boxes.corners)]
    if not found:
        problem = f"No box of {task.name!r} lies in any training case."
        raise DatasetProblem(f"dataset {course.dataset.name}", problem, "Draw boxes, or leave the task out.")
    return found


def sides_of(images: Sequence[BoxedImage], preprocessing: Preprocessing) -> NDArray[np.float64]:
    """Return the sides (N, D) of all boxes in voxels of the network's input."""
    moved = [moved_to(image.boxes, network_grid(image.boxes.grid, preprocessing)) for image in images]
    corners: NDArray[np.float64] = np.concatenate([boxes.corners for boxes in moved])
    return (corners[:, 3:] - corners[:, :3])[:, 3 - preprocessing.dimensions :]


def refuse_beyond_memory(grids: Sequence[tuple[Path, Grid]], preprocessing: Preprocessing) -> None:
    """Raise a VolumeProblem naming the images that are too large to find boxes in, which is done in whole images."""
    seen = [(file, network_grid(grid, preprocessing)) for file, grid in grids]
    problems = [_too_large(file, grid, preprocessing) for file, grid in seen if is_streamed(grid, preprocessing)]
    if problems:
        raise VolumeProblem.of(problems)


def _too_large(file: Path, grid: Grid, preprocessing: Preprocessing) -> Problem:
    voxels = len(preprocessing.channels) * prod(grid.shape)
    coarser = 1.01 * (voxels / MOST_VOXELS_HELD) ** (1 / preprocessing.dimensions)
    first = 3 - preprocessing.dimensions
    enough = ", ".join(f"{side * coarser if axis >= first else side:.3g}" for axis, side in enumerate(grid.spacing))
    return Problem(
        str(file),
        f"As the network sees it the image has {grid.describe()}, {voxels:.2g} in all: boxes are found in whole images "
        f"of at most {MOST_VOXELS_HELD:.2g}.",
        f"Set a coarser preprocessing.spacing, for example [{enough}], or crop the image.",
    )
