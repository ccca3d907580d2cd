"""What a network said about an image."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes, Mask
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
