"""Answers of networks to all three kinds of task, made by hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes, ClassLabel, Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Attention, ClassScores, Prediction, ScoredBoxes
from napari_medkd.core.task import Task
from napari_medkd.gui.answers import Answer, answer_of

ORGANS = Task("organs", "segmentation", ("background", "liver"))
GRADE = Task("grade", "classification", ("benign", "malignant"))
SIGNS = Task("signs", "classification", ("effusion", "nodule"), multilabel=True)
FOUND = Task("found", "detection", ("cyst", "tumour"))


def predicted(task: Task, grid: Grid, stage: str = "student", case: str = "patient", **said: Any) -> Prediction:
    """Return what a network says, on a grid."""
    return Prediction(case, task, grid, "a-run", f"{stage}.done", **said)


def graded(
    grid: Grid, malignant: float, truth: str | None = None, stage: str = "student", looks: bool = False
) -> Answer:
    """Return an answer about a class, and where it looked: most at the first voxel."""
    attention = Attention("malignant", ramp(grid)) if looks else None
    scores = ClassScores({"benign": 1 - malignant, "malignant": malignant})
    label = None if truth is None else ClassLabel(frozenset({truth}), GRADE)
    return answer_of(predicted(GRADE, grid, stage, scores=scores, attention=attention), grid, label)


def signed(grid: Grid, effusion: float, nodule: float, truth: set[str], stage: str = "student") -> Answer:
    """Return an answer about classes of which several can be present."""
    scores = ClassScores({"effusion": effusion, "nodule": nodule})
    return answer_of(predicted(SIGNS, grid, stage, scores=scores), grid, ClassLabel(frozenset(truth), SIGNS))


def boxed(
    grid: Grid,
    corners: list[tuple[float, ...]],
    scores: list[float],
    truth: list[tuple[float, ...]] | None = None,
    stage: str = "student",
) -> Answer:
    """Return an answer of tumours; the last corner's box is a cyst."""
    classes = (*["tumour"] * (len(corners) - 1), "cyst")[-len(corners) :] if corners else ()
    found = ScoredBoxes(Boxes(_corners(corners), classes, grid, FOUND), np.array(scores))
    known = None if truth is None else Boxes(_corners(truth), ("tumour",) * len(truth), grid, FOUND)
    return answer_of(predicted(FOUND, grid, stage, boxes=found), grid, known)


def masked(grid: Grid, labels: NDArray[np.uint8], truth: NDArray[np.uint8] | None, stage: str = "student") -> Answer:
    """Return an answer with a mask."""
    known = None if truth is None else Mask(truth, grid, ORGANS)
    return answer_of(predicted(ORGANS, grid, stage, mask=Mask(labels, grid, ORGANS)), grid, known)


def ramp(grid: Grid) -> NDArray[np.float32]:
    """Return values that fall from 1 at the first voxel to 0 at the last."""
    return np.linspace(1, 0, int(np.prod(grid.shape)), dtype=np.float32).reshape(grid.shape)


def _corners(corners: list[tuple[float, ...]]) -> NDArray[np.float64]:
    return np.array(corners, dtype=np.float64).reshape(-1, 6)
