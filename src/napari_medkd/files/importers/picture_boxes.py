"""Rectangles on pictures as boxes of volumes with one plane, fitted to the pictures' true sizes."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, InputProblem, Problem
from napari_medkd.core.task import Task
from napari_medkd.files.importers.source import Made, Source
from napari_medkd.files.importers.tally import Tally
from napari_medkd.files.picture_size import picture_grid

_BY_A_ROUNDING = 1.0


@dataclass(frozen=True, slots=True)
class Rectangle:
    """A box on a picture: pixel edges counted from 0, x to the right and y downwards."""

    class_name: str
    x: float
    y: float
    width: float
    height: float

    @property
    def corners(self) -> tuple[float, ...]:
        """The box as z0, y0, x0, z1, y1, x1 on the picture's one plane."""
        return 0.0, self.y, self.x, 1.0, self.y + self.height, self.x + self.width

    @property
    def is_box(self) -> bool:
        """Whether all four are numbers and it has an area."""
        return all(map(math.isfinite, (self.x, self.y, self.width, self.height))) and min(self.width, self.height) > 0


def boxes_on_pictures(
    layout: str,
    dataset: Dataset,
    name: str,
    rectangles: Mapping[str, list[Rectangle]],
    remarks: Tally,
    listed: Iterable[str] = (),
) -> Source:
    """Return the dataset with a detection task; every case that is a key has been looked at, also where it has no box.

    Every picture's size is read. Boxes without an area are left out, those that reach over the edge are cut, and both
    are remarked.

    Parameters
    ----------
    name
        Of the task; its classes are those of the rectangles and those that are listed, in the order of their names.
    listed
        Classes of the task whether there is a box of them or not, which is remarked.

    Raises
    ------
    DatasetProblem
        With every picture that cannot be read, or is no picture.
    """
    shown = {box.class_name for boxes in rectangles.values() for box in boxes}
    if not shown:
        raise DatasetProblem(layout, "There is no box in any image.", "Check the coordinates, or import its classes.")
    task = Task(name, "detection", tuple(sorted(shown.union(listed))))
    for empty in sorted(set(task.classes) - shown):
        found = "A class is listed and no box is of it; it is kept, so that datasets of one list agree"
        remarks.add(empty, found, f"To leave it out, take it off the classes of {name!r} in the manifest.")
    problems: list[Problem] = []
    fitted: dict[str, Boxes] = {}
    for case in dataset.cases:
        if case.id in rectangles:
            try:
                fitted[case.id] = _fitted(case, rectangles[case.id], task, remarks)
            except InputProblem as error:
                problems += error.problems
    if problems:
        raise DatasetProblem.of(problems)
    with_task = replace(dataset, tasks={**dataset.tasks, name: task})
    return Source(layout, with_task, _made(fitted, name), tuple(remarks))


def _made(fitted: Mapping[str, Boxes], name: str) -> Callable[[], Iterator[Made]]:
    return lambda: (Made(case, annotations={name: boxes}) for case, boxes in fitted.items())


def _fitted(case: Case, rectangles: list[Rectangle], task: Task, remarks: Tally) -> Boxes:
    grid = picture_grid(case.images[0])
    sound = [box for box in rectangles if box.is_box]
    for _ in range(len(rectangles) - len(sound)):
        remarks.add(case.id, "A box has no area, and is left out", "Nothing need be done.")
    corners = np.array([box.corners for box in sound], dtype=np.float64).reshape(-1, 6)
    boxes = Boxes(corners, tuple(box.class_name for box in sound), grid, task)
    clipped = boxes.clipped()
    beyond = np.maximum(-corners[:, :3], corners[:, 3:] - np.array(grid.shape)).max(axis=1, initial=0)
    for _ in range(int((beyond > _BY_A_ROUNDING).sum())):
        remarks.add(
            case.id,
            "A box reaches more than a pixel over the image's edge, and is cut or left out",
            "Check that the images have the size that was annotated.",
        )
    return clipped
