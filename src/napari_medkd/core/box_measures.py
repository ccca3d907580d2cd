"""How well boxes were found: average precision and FROC, in numpy.

A found box hits a true one of its class that it overlaps enough. Found boxes choose in the order of their scores, each
the true box it overlaps most among those that are left; one that hits nothing, or what was hit before, is a false
positive. A class without true boxes is *not applicable*: its measures are nan, and nan stays out of means.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.measures import mean_of_applicable
from napari_medkd.core.prediction import ScoredBoxes

Numbers: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.integer[Any]]
Truths: TypeAlias = NDArray[np.bool_]

#: The overlaps (intersection over union) of the mean that is written mAP@[.5:.95].
COCO_OVERLAPS = tuple(np.linspace(0.5, 0.95, 10).tolist())
#: What counts as found in an image of one plane, and in a volume, where boxes overlap less.
FLAT_OVERLAP, VOLUME_OVERLAP = 0.5, 0.1
#: Mean false positives an image at which FROC reads the sensitivity.
FROC_RATES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
#: Average precision looks at no more found boxes of a class in an image, those of the highest scores.
MOST_BOXES = 100
_RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True, eq=False)
class ImageBoxes:
    """The boxes that were found in an image, and the true ones.

    Parameters
    ----------
    corners
        (N, 6) as z0, y0, x0, z1, y1, x1: voxel edges, half-open. In an image of one plane z runs from 0 to 1.
    scores
        (N,), higher is surer.
    classes
        (N,), index of each box's class.
    true_corners, true_classes
        (M, 6) and (M,).

    Raises
    ------
    VolumeProblem
        Where shapes do not fit, a box is empty, or a corner or score is no finite number.
    """

    corners: Numbers
    scores: Numbers
    classes: Indices
    true_corners: Numbers
    true_classes: Indices

    def __post_init__(self) -> None:
        _refuse_no_boxes(self.corners, self.classes, "found boxes")
        _refuse_no_boxes(self.true_corners, self.true_classes, "true boxes")
        if self.scores.shape != self.classes.shape or not np.isfinite(self.scores).all():
            raise VolumeProblem(
                "found boxes",
                f"The scores have the shape {self.scores.shape} for {len(self.classes)} boxes, or one is not finite.",
                "Give a finite score for each box.",
            )

    @classmethod
    def of(cls, found: ScoredBoxes, truth: Boxes) -> "ImageBoxes":
        """Return what was found in an image beside its truth; classes are counted as in the truth's task."""
        known = {name: number for number, name in enumerate(truth.task.classes)}
        strangers = sorted(set(found.boxes.classes) - set(known))
        if strangers:
            raise VolumeProblem(
                "found boxes",
                f"The classes {strangers} are not among {', '.join(known)}.",
                "Measure against a truth of the same classes.",
            )
        indices = (np.array([known[name] for name in one.classes], dtype=np.intp) for one in (found.boxes, truth))
        return cls(found.boxes.corners, found.scores, next(indices), truth.corners, next(indices))


@dataclass(frozen=True, slots=True)
class BoxMeasures:
    """How well the boxes of one class were found, or the mean over classes.

    Attributes
    ----------
    name
        The class's name, or ``"all"``.
    num_images
        Images that were searched.
    num_true, num_found
        Boxes in all of them.
    ap10, ap50
        Average precision at an overlap of 0.1 and of 0.5.
    ap50_95
        Mean of the average precision at the overlaps 0.5, 0.55, ... 0.95.
    sensitivities
        Share of true boxes found at `FROC_RATES` false positives an image.
    froc
        Their mean.
    """

    name: str
    num_images: int
    num_true: int
    num_found: int
    ap10: float
    ap50: float
    ap50_95: float
    sensitivities: tuple[float, ...]
    froc: float


@dataclass(frozen=True, slots=True)
class DetectionMeasures:
    """How well the boxes of a set of images were found.

    Attributes
    ----------
    classes
        One for each class, in their order.
    overall
        Means over the classes that have true boxes; counts are sums.
    froc_overlap
        The overlap at which a box counts as found for the sensitivities.
    """

    classes: tuple[BoxMeasures, ...]
    overall: BoxMeasures
    froc_overlap: float


def iou(first: Numbers, second: Numbers) -> Numbers:
    """Return the intersection over union (N, M) of boxes (N, 6) and (M, 6), z0, y0, x0, z1, y1, x1, voxel edges.

    Both are on one grid; whatever its voxels' size, the quotient is the same.
    """
    shared = np.ones((len(first), len(second)))
    for axis in range(3):
        low = np.maximum(first[:, None, axis], second[None, :, axis])
        high = np.minimum(first[:, None, axis + 3], second[None, :, axis + 3])
        shared *= np.maximum(high - low, 0)
    sizes, other_sizes = (np.prod(boxes[:, 3:] - boxes[:, :3], axis=1) for boxes in (first, second))
    overlap: Numbers = shared / (sizes[:, None] + other_sizes[None, :] - shared)
    return overlap


def paired(iou_NM: Numbers, overlaps_T: Numbers) -> NDArray[np.intp]:
    """Return which true box each found one (by falling score) hits that no surer one did, for each overlap (T, N).

    It is the one it overlaps most, of several overlapped equally the last, as in pycocotools; -1 where there is none.

    Parameters
    ----------
    overlaps_T
        From which intersection over union on a box hits; above 0.
    """
    num_found, num_true = iou_NM.shape
    pairs_TN = np.full((len(overlaps_T), num_found), -1, np.intp)
    is_left_TM = np.ones((len(overlaps_T), num_true), np.bool_)
    enough = np.flatnonzero(iou_NM.max(axis=1, initial=0.0) >= overlaps_T.min())
    for box in enough.tolist():
        overlap_TM = np.where(is_left_TM & (iou_NM[box] >= overlaps_T[:, None]), iou_NM[box], -1.0)
        best_T = num_true - 1 - overlap_TM[:, ::-1].argmax(axis=1)
        (hitting,) = np.nonzero(overlap_TM.max(axis=1) >= 0)
        pairs_TN[hitting, box] = best_T[hitting]
        is_left_TM[hitting, best_T[hitting]] = False
    return pairs_TN


@dataclass(frozen=True, slots=True, eq=False)
class FoundInImage:
    """One class in one image: its found boxes by falling score, and what they hit at T overlaps."""

    scores_N: Numbers
    is_hit_TN: Truths
    num_true: int


def found_in(image: ImageBoxes, number: int, overlaps: Sequence[float]) -> FoundInImage:
    """Return what was found of a class in an image.

    Parameters
    ----------
    number
        Index of the class.
    overlaps
        From which intersection over union on a box hits, T of them.
    """
    chosen = np.flatnonzero(image.classes == number)
    chosen = chosen[np.argsort(-image.scores[chosen], kind="stable")]
    true_corners = image.true_corners[image.true_classes == number]
    is_hit_TN = paired(iou(image.corners[chosen], true_corners), np.asarray(overlaps)) >= 0
    return FoundInImage(image.scores[chosen], is_hit_TN, len(true_corners))


def precision_of(found: Sequence[FoundInImage]) -> Numbers:
    """Return a class's average precision over images (T,), at each of the overlaps they were searched with."""
    return _average_precision(_searched(found))


def sensitivities_of(found: Sequence[FoundInImage], which: int, rates: Sequence[float] = FROC_RATES) -> Numbers:
    """Return a class's FROC over images (R,), at one of the overlaps they were searched with."""
    return _sensitivities(_searched(found), which, rates)


def average_precision(images: Sequence[ImageBoxes], num_classes: int, overlaps: Sequence[float]) -> Numbers:
    """Return each class's average precision over all images, as COCO's evaluation defines it.

    It is the mean, over the recalls 0, 0.01, ... 1, of the best precision at that recall or a higher one, and 0 where
    no such recall was reached. In an image, a class's `MOST_BOXES` surest boxes count.

    Parameters
    ----------
    overlaps
        From which intersection over union on a box hits, T of them.

    Returns
    -------
    Array of shape (num_classes, T)
        nan for classes without a true box.
    """
    found = (_found_in_all(images, number, overlaps) for number in range(num_classes))
    return np.array([precision_of(one) for one in found]).reshape(num_classes, len(overlaps))


def sensitivities(
    images: Sequence[ImageBoxes], num_classes: int, overlap: float, rates: Sequence[float] = FROC_RATES
) -> Numbers:
    """Return each class's FROC: the share of true boxes found at a mean number of false positives an image.

    Boxes count from a score on; it is chosen so low that the false positives just stay within the rate. Boxes of one
    score come together, and nothing is interpolated.

    Parameters
    ----------
    overlap
        From which intersection over union on a box hits.
    rates
        False positives an image, R of them.

    Returns
    -------
    Array of shape (num_classes, R)
        nan for classes without a true box.
    """
    found = (_found_in_all(images, number, [overlap]) for number in range(num_classes))
    return np.array([sensitivities_of(one, 0, rates) for one in found]).reshape(num_classes, len(rates))


def measure_boxes(images: Sequence[ImageBoxes], classes: Sequence[str], *, froc_overlap: float) -> DetectionMeasures:
    """Return all measures of each class, and their means over classes.

    Parameters
    ----------
    images
        All that were searched; one without any box counts among those that false positives are spread over.
    classes
        Names of the classes that the boxes' indices stand for.
    froc_overlap
        From which intersection over union on a box counts as found: `FLAT_OVERLAP` or `VOLUME_OVERLAP`.

    Raises
    ------
    VolumeProblem
        Where a box's class is none of them.
    """
    for image in images:
        _refuse_unknown_classes(image, len(classes))
    found = tuple(_measured(images, number, name, froc_overlap) for number, name in enumerate(classes))
    columns = zip(*(one.sensitivities for one in found), strict=True)
    overall = BoxMeasures(
        name="all",
        num_images=len(images),
        num_true=sum(one.num_true for one in found),
        num_found=sum(one.num_found for one in found),
        ap10=mean_of_applicable(one.ap10 for one in found),
        ap50=mean_of_applicable(one.ap50 for one in found),
        ap50_95=mean_of_applicable(one.ap50_95 for one in found),
        sensitivities=tuple(mean_of_applicable(column) for column in columns),
        froc=mean_of_applicable(one.froc for one in found),
    )
    return DetectionMeasures(found, overall, froc_overlap)


@dataclass(frozen=True, slots=True, eq=False)
class _Searched:
    """One class in all images: its found boxes by falling score, and what they hit at T overlaps."""

    scores_N: Numbers
    is_hit_TN: Truths
    places_N: Indices
    """How many surer boxes of the class there are in the same image."""
    num_true: int
    num_images: int


def _found_in_all(images: Sequence[ImageBoxes], number: int, overlaps: Sequence[float]) -> list[FoundInImage]:
    """Return what was found of a class in each image; where there is none, nothing in one."""
    nothing = FoundInImage(np.empty(0), np.empty((len(overlaps), 0), np.bool_), 0)
    return [found_in(image, number, overlaps) for image in images] or [nothing]


def _searched(images: Sequence[FoundInImage]) -> _Searched:
    scores_N = np.concatenate([image.scores_N for image in images])
    places_N = np.concatenate([np.arange(len(image.scores_N)) for image in images])
    order = np.argsort(-scores_N, kind="stable")
    is_hit_TN = np.concatenate([image.is_hit_TN for image in images], axis=1)[:, order]
    num_true = sum(image.num_true for image in images)
    return _Searched(scores_N[order], is_hit_TN, places_N[order], num_true, len(images))


def _average_precision(searched: _Searched) -> Numbers:
    """Return the average precision (T,) at each of the overlaps."""
    is_hit_TN = searched.is_hit_TN[:, searched.places_N < MOST_BOXES]
    if not searched.num_true:
        return np.full(len(is_hit_TN), np.nan)
    num_hits_TN = np.cumsum(is_hit_TN, axis=1)
    recall_TN = num_hits_TN / searched.num_true
    precision_TN = num_hits_TN / np.arange(1, is_hit_TN.shape[1] + 1)
    best_TN = np.maximum.accumulate(precision_TN[:, ::-1], axis=1)[:, ::-1]
    means = []
    for recall_N, best_N in zip(recall_TN, best_TN, strict=True):
        reached = np.searchsorted(recall_N, _RECALLS, side="left")
        means.append(np.append(best_N, 0.0)[reached].mean())
    return np.array(means)


def _sensitivities(searched: _Searched, which: int, rates: Sequence[float]) -> Numbers:
    """Return the share of true boxes found (R,) at each rate of false positives, for one of the overlaps."""
    if not searched.num_true:
        return np.full(len(rates), np.nan)
    is_hit_N = searched.is_hit_TN[which]
    is_last_of_score_N = np.append(searched.scores_N[1:] != searched.scores_N[:-1], True)[: len(is_hit_N)]
    num_hits = np.append(0, np.cumsum(is_hit_N)[is_last_of_score_N])
    num_false = np.append(0, np.cumsum(~is_hit_N)[is_last_of_score_N])
    allowed = np.asarray(rates) * searched.num_images
    sensitivity: Numbers = num_hits[np.searchsorted(num_false, allowed, side="right") - 1] / searched.num_true
    return sensitivity


def _measured(images: Sequence[ImageBoxes], number: int, name: str, froc_overlap: float) -> BoxMeasures:
    overlaps = [froc_overlap, VOLUME_OVERLAP, *COCO_OVERLAPS]
    searched = _searched(_found_in_all(images, number, overlaps))
    precision = _average_precision(searched)[1:]
    found = _sensitivities(searched, 0, FROC_RATES)
    return BoxMeasures(
        name=name,
        num_images=len(images),
        num_true=searched.num_true,
        num_found=len(searched.scores_N),
        ap10=float(precision[0]),
        ap50=float(precision[1]),
        ap50_95=float(precision[1:].mean()),
        sensitivities=tuple(found.tolist()),
        froc=float(found.mean()),
    )


def _refuse_no_boxes(corners: Numbers, classes: Indices, where: str) -> None:
    if corners.ndim != 2 or corners.shape[1] != 6 or classes.shape != (len(corners),):
        raise VolumeProblem(
            where,
            f"The corners have shape {corners.shape} and the classes {classes.shape}; expected (N, 6) and (N,).",
            "Write z0, y0, x0, z1, y1, x1 and a class for each box.",
        )
    if not np.isfinite(corners).all() or (corners[:, 3:] <= corners[:, :3]).any():
        raise VolumeProblem(
            where,
            "A box ends where or before it begins, or a corner is no finite number.",
            "Write the smaller corner first.",
        )


def _refuse_unknown_classes(image: ImageBoxes, num_classes: int) -> None:
    for where, classes in (("found boxes", image.classes), ("true boxes", image.true_classes)):
        strangers = sorted(set(classes.tolist()) - set(range(num_classes)))
        if strangers:
            raise VolumeProblem(
                where,
                f"There are boxes of the classes {strangers[:8]}; expected 0 to {num_classes - 1}.",
                "Map the boxes to the task's classes before measuring.",
            )
