"""Which found boxes are true ones: those that the measures count as hits. On one grid, in numpy alone."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.box_measures import FLAT_OVERLAP, VOLUME_OVERLAP, iou, paired
from napari_medkd.core.prediction import ScoredBoxes


@dataclass(frozen=True, slots=True, eq=False)
class MatchedBoxes:
    """Found boxes, the surest first, each with the true box it was paired with.

    The pairing goes down the scores, so that what is left above any threshold is paired as if the rest had never been.

    Parameters
    ----------
    found
        Sorted by falling score.
    truth
        The true boxes; None where they are not known.
    pairs_N
        Index into ``truth`` for each found box, -1 where it has none.
    ious_N
        Overlap with that box, in [0, 1]; 0 where there is none.
    """

    found: ScoredBoxes
    truth: Boxes | None
    pairs_N: NDArray[np.intp]
    ious_N: NDArray[np.float64]

    def num_kept(self, threshold: float) -> int:
        """Return how many boxes have at least that score: they are the first ones."""
        return int(np.searchsorted(-self.found.scores, -threshold, side="right"))

    def missed(self, threshold: float) -> NDArray[np.intp]:
        """Return the indices of the true boxes that no box of at least that score is paired with."""
        if self.truth is None:
            return np.zeros(0, dtype=np.intp)
        paired = self.pairs_N[: self.num_kept(threshold)]
        return np.setdiff1d(np.arange(len(self.truth.classes)), paired)


def matched(found: ScoredBoxes, truth: Boxes | None) -> MatchedBoxes:
    """Return the found boxes sorted by score and paired, within each class, with the true ones of the same grid.

    Pairs overlap by what counts as found in a picture or in a volume, where small boxes overlap less.
    """
    least = FLAT_OVERLAP if found.boxes.grid.is_flat else VOLUME_OVERLAP
    order = np.argsort(-found.scores, kind="stable")
    boxes = found.boxes
    classes = tuple(boxes.classes[index] for index in order)
    ranked = ScoredBoxes(Boxes(boxes.corners[order], classes, boxes.grid, boxes.task), found.scores[order])
    if truth is None:
        return MatchedBoxes(ranked, truth, np.full(len(order), -1, dtype=np.intp), np.zeros(len(order)))
    overlaps_NM = iou(ranked.boxes.corners, truth.corners)
    overlaps_NM[np.array(classes, dtype=object)[:, None] != np.array(truth.classes, dtype=object)[None]] = 0.0
    (pairs,) = paired(overlaps_NM, np.array([least]))
    hits = np.flatnonzero(pairs >= 0)
    ious = np.zeros(len(order))
    ious[hits] = overlaps_NM[hits, pairs[hits]]
    return MatchedBoxes(ranked, truth, pairs, ious)
