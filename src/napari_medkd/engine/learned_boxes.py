"""The boxes a detector learns from, before any image is prepared: how large they are, and where they can be found.

Legend: N boxes, D spatial axes in the order (z, y, x), without z for planes.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.course import Course
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.task import Task
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.data.preprocess import moved_to, network_grid


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
