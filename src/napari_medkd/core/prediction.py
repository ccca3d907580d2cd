"""What a network said about an image."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task


@dataclass(frozen=True, slots=True)
class ClassScores:
    """A probability for every class of a classification task."""

    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class ScoredBoxes:
    """Boxes with a score in [0, 1] for each, of shape (N,)."""

    boxes: Boxes
    scores: NDArray[np.float64]

    def clipped(self) -> "ScoredBoxes":
        """Return the boxes cut to the grid; those that lie outside are left out with their scores."""
        return ScoredBoxes(self.boxes.clipped(), self.scores[self.boxes.is_inside])


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """Where a network looks when it decides on a class (Grad-CAM).

    Parameters
    ----------
    class_name
        The class that is decided on.
    map_ZYX
        (z, y, x) of float32 in [0, 1] on the image's grid; 1 is looked at most.

    Raises
    ------
    VolumeProblem
        Where the map has no three axes, or a value that is no number in [0, 1].
    """

    class_name: str
    map_ZYX: NDArray[np.float32]

    def __post_init__(self) -> None:
        where = f"attention for {self.class_name}"
        if self.map_ZYX.ndim != 3:
            raise VolumeProblem(
                where, f"The map has {self.map_ZYX.ndim} axes; expected z, y, x.", "Give a flat image's map one plane."
            )
        low, high = float(self.map_ZYX.min()), float(self.map_ZYX.max())
        if not (low >= 0 and high <= 1):
            raise VolumeProblem(
                where, f"The map holds values from {low:g} to {high:g}; expected 0 to 1.", "Predict the case again."
            )


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """Enough to draw an overlay, and to say where it came from.

    Parameters
    ----------
    case
        Id of the case, or name of the image file.
    task
        What was predicted.
    grid
        The image's grid.
    mask, scores, boxes
        What was said; None where the task has no such answer.
    made_by
        Name of the run, and ``checkpoint`` the weights in it.
    shown
        What the network saw, if it was not the image alone: ``"class means of the true mask"``.
    uncertainty
        How unsure the network is of its mask, from 0 to 1; None where nobody asked.
    attention
        Where the network looked; None where it was not asked, or tells nothing of it.

    Raises
    ------
    VolumeProblem
        Where the attention is for no class of the task, or lies on another grid than the image's.
    """

    case: str
    task: Task
    grid: Grid
    made_by: str
    checkpoint: str
    mask: Mask | None = None
    scores: ClassScores | None = None
    boxes: ScoredBoxes | None = None
    shown: str = "image"
    uncertainty: float | None = None
    attention: Attention | None = None

    def __post_init__(self) -> None:
        if self.attention is None:
            return
        name, shape = self.attention.class_name, self.attention.map_ZYX.shape
        if name not in self.task.classes or shape != self.grid.shape:
            raise VolumeProblem(
                f"attention of {self.case}",
                f"It is for class {name!r}, of shape {shape}; expected one of {', '.join(self.task.classes)}, "
                f"of the image's shape {self.grid.shape}.",
                "Predict the case again.",
            )
