"""What an expert said about an image: a mask, a class, boxes."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import UNKNOWN, Task


@dataclass(frozen=True, slots=True, eq=False)
class Mask:
    """A class label for every voxel.

    Parameters
    ----------
    labels
        (z, y, x) of uint8 or uint16; value ``i`` is ``task.classes[i]``. Those of a large mask may stay on the disk, as
        an array of dask: whoever makes it has looked at their values.
    grid
        Where the voxels are.
    task
        What the values mean.

    Raises
    ------
    VolumeProblem
        Where the shape differs from the grid's, or a value is no class of the task.
    """

    labels: NDArray[np.uint8] | NDArray[np.uint16]
    grid: Grid
    task: Task

    def __post_init__(self) -> None:
        if self.labels.shape != self.grid.shape:
            raise VolumeProblem(
                f"mask of {self.task.name}",
                f"The mask has shape {self.labels.shape} but its grid {self.grid.shape}.",
                "Resample the mask to the image.",
            )
        if self.labels.dtype not in (np.uint8, np.uint16):
            raise VolumeProblem(
                f"mask of {self.task.name}",
                f"The labels are of type {self.labels.dtype}; expected uint8 or uint16.",
                "Save the mask as whole numbers.",
            )
        if self.is_on_disk:
            return
        allowed = set(range(len(self.task.classes))) | ({self.task.ignore} if self.task.ignore is not None else set())
        strangers = sorted(set(np.unique(self.labels).tolist()) - allowed)
        if strangers:
            raise VolumeProblem(
                f"mask of {self.task.name}",
                f"The mask holds the labels {strangers[:8]}; the classes are 0 to {len(self.task.classes) - 1}: "
                f"{', '.join(self.task.classes)}.",
                "List the missing classes in the task, or map the labels in medkd-dataset.json.",
            )

    @property
    def is_on_disk(self) -> bool:
        """Whether labels are read only when they are looked at."""
        return type(self.labels) is not np.ndarray

    def counted(self, labels_ZYX: NDArray[Any]) -> NDArray[Any]:
        """Return labels on this grid with background where this mask says that a voxel counts nowhere."""
        ignore = self.task.ignore
        return labels_ZYX if ignore is None else np.where(self.labels != ignore, labels_ZYX, 0)


@dataclass(frozen=True, slots=True)
class ClassLabel:
    """The classes present in an image; one, unless the task is multilabel.

    Parameters
    ----------
    unknown
        Classes that may be present or not, of a multilabel task; all others are absent.
    """

    present: frozenset[str]
    task: Task
    unknown: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        strangers = sorted((self.present | self.unknown) - set(self.task.classes))
        if strangers:
            raise VolumeProblem(
                f"class label of {self.task.name}",
                f"The classes {strangers} are not among {', '.join(self.task.classes)}.",
                "Correct the label, or list the class in the task.",
            )
        if not self.task.multilabel and (len(self.present) != 1 or self.unknown):
            more = f" and {len(self.unknown)} unknown" if self.unknown else ""
            raise VolumeProblem(
                f"class label of {self.task.name}",
                f"{len(self.present)} classes are given{more}; this task takes exactly one.",
                "Give one class, or set multilabel in the task.",
            )
        if both := sorted(self.present & self.unknown):
            raise VolumeProblem(
                f"class label of {self.task.name}",
                f"The class {both[0]} is present and unknown at once.",
                "List each class once.",
            )

    @property
    def presences(self) -> tuple[int, ...]:
        """Of each class of the task 1 where it is present, 0 where it is absent, -1 where that is not known."""
        return tuple(UNKNOWN if name in self.unknown else int(name in self.present) for name in self.task.classes)


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """Axis-aligned boxes on a grid.

    Parameters
    ----------
    corners
        (N, 6) as z0, y0, x0, z1, y1, x1: voxel *edges*, half-open. A voxel ``i`` spans the edges ``i`` to ``i + 1``.
    classes
        A class name for each box.
    """

    corners: NDArray[np.float64]
    classes: tuple[str, ...]
    grid: Grid
    task: Task

    def __post_init__(self) -> None:
        if self.corners.ndim != 2 or self.corners.shape[1] != 6 or len(self.corners) != len(self.classes):
            raise VolumeProblem(
                f"boxes of {self.task.name}",
                f"The corners have shape {self.corners.shape} for {len(self.classes)} classes; expected (N, 6) and N.",
                "Write z0, y0, x0, z1, y1, x1 for each box.",
            )
        if not np.isfinite(self.corners).all() or (self.corners[:, 3:] <= self.corners[:, :3]).any():
            raise VolumeProblem(
                f"boxes of {self.task.name}",
                "A box ends where or before it begins, or a corner is no finite number.",
                "Write the smaller corner first.",
            )
        unknown = sorted(set(self.classes) - set(self.task.classes))
        if unknown:
            raise VolumeProblem(
                f"boxes of {self.task.name}",
                f"The classes {unknown} are not among {', '.join(self.task.classes)}.",
                "Correct the boxes, or list the class in the task.",
            )

    @classmethod
    def from_mask(cls, mask: Mask, task: Task) -> "Boxes":
        """Return the tight box of every connected component of every foreground class the task knows."""
        from scipy import ndimage  # 0.1 s, which a viewer that only lists cases need not wait for

        corners: list[list[int]] = []
        classes: list[str] = []
        for value, name in enumerate(mask.task.classes):
            if value == 0 or name not in task.classes:
                continue
            components, _ = ndimage.label(mask.labels == value, structure=np.ones((3, 3, 3)))
            for found in ndimage.find_objects(components):
                corners.append([s.start for s in found] + [s.stop for s in found])
                classes.append(name)
        return cls(np.array(corners, dtype=np.float64).reshape(-1, 6), tuple(classes), mask.grid, task)

    @property
    def is_inside(self) -> NDArray[np.bool_]:
        """Which of the boxes (N,) lie in the grid, at least in part."""
        cut = np.clip(self.corners, 0, np.array(self.grid.shape * 2, dtype=np.float64))
        inside: NDArray[np.bool_] = np.all(cut[:, 3:] > cut[:, :3], axis=1)
        return inside

    def clipped(self) -> "Boxes":
        """Return the boxes cut to the grid; those that lie outside are left out."""
        kept, shape = self.is_inside, np.array(self.grid.shape * 2, dtype=np.float64)
        classes = tuple(name for name, keep in zip(self.classes, kept.tolist(), strict=True) if keep)
        return Boxes(np.clip(self.corners, 0, shape)[kept], classes, self.grid, self.task)

    def first(self, count: int) -> "Boxes":
        """Return so many of the boxes, from the first on."""
        return Boxes(self.corners[:count], self.classes[:count], self.grid, self.task)

    def to_world(self) -> NDArray[np.float64]:
        """Return the eight corner points (N, 8, 3) of every box in world coordinates."""
        picks = np.array(np.meshgrid((0, 3), (1, 4), (2, 5), indexing="ij")).reshape(3, -1).T
        edges = self.corners[:, picks]
        return self.grid.to_world(edges.reshape(-1, 3) - 0.5).reshape(-1, 8, 3)


Annotation: TypeAlias = Mask | ClassLabel | Boxes
