"""Box files: JSON with the corners z0, y0, x0, z1, y1, x1 as voxel edges in our order, half-open.

::

    {"schema_version": 1, "axes": "IPL",
     "boxes": [{"class": "lesion", "corners": [3, 10, 12, 6, 15, 20]}]}
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import ConfigDict, Field, ValidationError

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.settings import Settings
from napari_medkd.core.task import Task
from napari_medkd.files.atomic import write_json

#: What a file of boxes looks like, for messages.
FORM = '{"axes": "IPL", "boxes": [{"class": NAME, "corners": [z0, y0, x0, z1, y1, x1]}]}'


class BoxRecord(Settings):
    """One box."""

    model_config = ConfigDict(populate_by_name=True)

    class_name: str = Field(alias="class")
    corners: tuple[float, float, float, float, float, float]


class BoxFile(Settings):
    """A file of boxes."""

    schema_version: Literal[1] = 1
    axes: Literal["IPL"]
    """Where the voxel indices z, y, x grow: Inferior, Posterior, Left, whatever the image file's own order is."""
    boxes: tuple[BoxRecord, ...]


def records_of(boxes: Boxes) -> tuple[BoxRecord, ...]:
    """Return the boxes as they are written."""
    return tuple(
        BoxRecord.model_validate({"class": name, "corners": tuple(corners)})
        for name, corners in zip(boxes.classes, boxes.corners.tolist(), strict=True)
    )


def boxes_of(records: tuple[BoxRecord, ...], task: Task, grid: Grid) -> Boxes:
    """Return the boxes that were written."""
    corners = np.array([record.corners for record in records], dtype=np.float64).reshape(-1, 6)
    return Boxes(corners, tuple(record.class_name for record in records), grid, task)


def read(path: Path, task: Task, grid: Grid) -> Boxes:
    """Return the boxes of a file.

    Raises
    ------
    VolumeProblem
        Naming the file and each box that is not one.
    """
    records = _stored(path)
    try:
        return boxes_of(records, task, grid)
    except VolumeProblem as error:
        raise VolumeProblem.of(Problem(str(path), f.problem, f.hint) for f in error.problems) from error


def read_inside(path: Path, task: Task, grid: Grid) -> Boxes:
    """Return the boxes of a file as they teach and are scored: cut to the image, without those that lie outside."""
    return read(path, task, grid).clipped()


def classes_in(path: Path) -> tuple[str, ...]:
    """Return the class of each box of a file, which may be of no task.

    Raises
    ------
    VolumeProblem
        Naming the file, where it is no file of boxes.
    """
    return tuple(record.class_name for record in _stored(path))


def write_renamed(path: Path, names: Mapping[str, str], to: Path) -> None:
    """Write the boxes of a file with other names of classes into another one, without those whose name is empty."""
    records = (record.replace(class_name=names.get(record.class_name, record.class_name)) for record in _stored(path))
    file = BoxFile(axes="IPL", boxes=tuple(record for record in records if record.class_name))
    write_json(to, file.model_dump(mode="json", by_alias=True))


def holds_any(path: Path) -> bool:
    """Return whether a file holds any box.

    Raises
    ------
    VolumeProblem
        Naming the file, where it is no file of boxes.
    """
    return len(_stored(path)) > 0


def _stored(path: Path) -> tuple[BoxRecord, ...]:
    try:
        return BoxFile.model_validate_json(path.read_bytes()).boxes
    except OSError as error:
        raise VolumeProblem.from_os_error(error, path, "The boxes cannot be read") from error
    except ValidationError as error:
        raise VolumeProblem.of(
            Problem(
                f"{path}: {'.'.join(map(str, fault['loc'])) or 'the file'}",
                f"{fault['msg']}.",
                f"Write {FORM}.",
            )
            for fault in error.errors()
        ) from error


def write(path: Path, boxes: Boxes) -> None:
    """Write the boxes."""
    file = BoxFile(axes="IPL", boxes=records_of(boxes))
    write_json(path, file.model_dump(mode="json", by_alias=True))
