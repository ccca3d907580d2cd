"""Boxes as the lines of a table: those that reach a threshold, then the true ones they miss. No Qt."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.box_matching import MatchedBoxes

State: TypeAlias = Literal["true", "extra", "missed", "unknown"]


@dataclass(frozen=True, slots=True, eq=False)
class BoxRow:
    """One box.

    Parameters
    ----------
    score
        None for a true box that was missed.
    iou
        Overlap with the true box it is paired with; None where it has none, or no truth is known.
    state
        ``"true"`` with a true box, ``"extra"`` without one, ``"missed"`` where it is a true box that was not found,
        ``"unknown"`` where no truth is known.
    corners
        z0, y0, x0, z1, y1, x1: voxel edges on the image's grid.
    size
        (z, y, x) in the grid's unit.
    """

    class_name: str
    score: float | None
    iou: float | None
    state: State
    corners: NDArray[np.float64]
    size: NDArray[np.float64]

    @property
    def middle(self) -> tuple[float, float, float]:
        """The voxel point (z, y, x) in its middle; voxel centres are integers."""
        z, y, x = ((self.corners[:3] + self.corners[3:]) / 2 - 0.5).tolist()
        return z, y, x


def rows_of(boxes: MatchedBoxes, threshold: float) -> tuple[BoxRow, ...]:
    """Return a row for each box of at least that score, the surest first, then for each true box they miss."""
    rows = [_found(boxes, index) for index in range(boxes.num_kept(threshold))]
    if boxes.truth is not None:
        for index in boxes.missed(threshold):
            corners = boxes.truth.corners[index]
            size = _size(corners, boxes.truth.grid.spacing)
            rows.append(BoxRow(boxes.truth.classes[index], None, None, "missed", corners, size))
    return tuple(rows)


def summary_of(boxes: MatchedBoxes, threshold: float) -> str:
    """Return in words how many boxes are shown, and how they stand to the truth."""
    kept, of = boxes.num_kept(threshold), len(boxes.found.scores)
    shown = f"{kept} of {of} boxes"
    if boxes.truth is None:
        return f"{shown} · truth not known"
    num_true = len(boxes.truth.classes)
    paired = int((boxes.pairs_N[:kept] >= 0).sum())
    return f"{shown} · {paired} of {num_true} true boxes found, {kept - paired} extra"


def _found(boxes: MatchedBoxes, index: int) -> BoxRow:
    is_paired = bool(boxes.pairs_N[index] >= 0)
    state: State = "unknown" if boxes.truth is None else "true" if is_paired else "extra"
    corners = boxes.found.boxes.corners[index]
    iou = float(boxes.ious_N[index]) if is_paired else None
    size = _size(corners, boxes.found.boxes.grid.spacing)
    return BoxRow(boxes.found.boxes.classes[index], float(boxes.found.scores[index]), iou, state, corners, size)


def _size(corners: NDArray[np.float64], spacing: tuple[float, float, float]) -> NDArray[np.float64]:
    size: NDArray[np.float64] = (corners[3:] - corners[:3]) * np.array(spacing)
    return size
