"""How well a network tells what is in an image: AUC, accuracy, F1 and calibration of class probabilities, in numpy.

N image, K class. Labels of one class an image are (N,) with the class's index, labels of any number of classes are
(N, K) of 0 and 1; -1 is unknown and counts nowhere. The answer is the most probable class (the first of equals), or
every class with a probability of at least one half. What cannot be said of the labels that there are is nan, and nan
stays out of means.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import InputProblem
from napari_medkd.core.measures import mean_of_applicable
from napari_medkd.core.task import UNKNOWN

Probabilities: TypeAlias = NDArray[np.floating[Any]]
Labels: TypeAlias = NDArray[np.integer[Any]] | NDArray[np.bool_]
Truths: TypeAlias = NDArray[np.bool_]
Numbers: TypeAlias = NDArray[np.float64]

#: Bins of the calibration error, equally wide.
CALIBRATION_BINS = 15
#: From this probability on, a class of which others may be present as well is said to be present.
THRESHOLD = 0.5
_ROUNDING = 1e-5  # by this much a sum of single-precision probabilities may pass 1


@dataclass(frozen=True, slots=True)
class PresenceMeasures:
    """How well one class was told from the others, or all classes together.

    Attributes
    ----------
    name
        The class's name, or ``"all"``.
    num_images
        Images of which the label is known; of all classes together, those of which any label is.
    num_present
        Known labels that say the class is there.
    auc
        See the function; between 0 and 1, as all that follow, or nan.
    accuracy
        Share of right answers.
    balanced_accuracy
        Mean of sensitivity and specificity, nan for a class that is in all images or in none; of all classes of one
        class an image, the mean over the classes of how many of their images were found.
    f1
        Twice the hits over the sum of how often a class was said and how often it was there; nan where neither.
    calibration_error
        Expected calibration error: how far a probability is from the share of times that it is right. The images fall
        into 15 equally wide bins, closed above, by the class's probability, or, of all classes of one class an image,
        by that of the answer (Guo et al. 2017, arXiv 1706.04599, equation 3).
    """

    name: str
    num_images: int
    num_present: int
    auc: float
    accuracy: float
    balanced_accuracy: float
    f1: float
    calibration_error: float


@dataclass(frozen=True, slots=True)
class ClassificationMeasures:
    """How well the images of a set were classified.

    Attributes
    ----------
    classes
        Each class against the rest, in the classes' order.
    overall
        Of all classes: AUC and F1 are means over classes; the accuracies and the calibration error are those of the
        answers, and of labels (N, K) means over classes, too.
    """

    classes: tuple[PresenceMeasures, ...]
    overall: PresenceMeasures


def auc(probabilities: Probabilities, labels: Labels) -> Numbers:
    """Return each class's area under the ROC curve (K,): how often an image with it has more of it than one without.

    Equal probabilities count one half. It depends on the order of the probabilities alone.

    Parameters
    ----------
    probabilities
        (N, K), between 0 and 1.
    labels
        (N,) or (N, K), as the module says.

    Returns
    -------
    Array of shape (K,)
        nan where a class is present in all images or in none.

    Raises
    ------
    InputProblem
        Where shapes or values are not as the module says.
    """
    return _auc(_judged(probabilities, labels))


def measure_classes(probabilities: Probabilities, labels: Labels, classes: Sequence[str]) -> ClassificationMeasures:
    """Return all measures of each class against the rest, and of all classes.

    Parameters
    ----------
    probabilities
        (N, K), between 0 and 1.
    labels
        (N,) or (N, K), as the module says.
    classes
        Names of the K classes.

    Raises
    ------
    InputProblem
        Where shapes or values are not as the module says.
    """
    judged = _judged(probabilities, labels)
    num_classes = judged.probabilities_NK.shape[1]
    if len(classes) != num_classes:
        raise InputProblem(
            "class probabilities",
            f"There are {num_classes} for an image; expected {len(classes)}: {', '.join(classes)}.",
            "Give one probability for each class.",
        )
    known_NK = judged.present_NK | judged.absent_NK
    each = zip(
        classes,
        known_NK.sum(0).tolist(),
        judged.present_NK.sum(0).tolist(),
        _auc(judged).tolist(),
        _shares_right(judged).tolist(),
        _means_of_both_sides(judged).tolist(),
        _f1(judged).tolist(),
        _calibration_errors(judged).tolist(),
        strict=True,
    )
    overall = PresenceMeasures(
        name="all",
        num_images=int(known_NK.any(1).sum()),
        num_present=int(judged.present_NK.sum()),
        auc=mean_of_applicable(_auc(judged)),
        accuracy=_accuracy(judged),
        balanced_accuracy=_balanced_accuracy(judged),
        f1=mean_of_applicable(_f1(judged)),
        calibration_error=_calibration_error(judged),
    )
    return ClassificationMeasures(tuple(PresenceMeasures(*one) for one in each), overall)


@dataclass(frozen=True, slots=True, eq=False)
class _Judged:
    """What was said and what is true of every image and class; a class is neither present nor absent where unknown."""

    probabilities_NK: Numbers
    said_NK: Truths
    present_NK: Truths
    absent_NK: Truths
    is_one_class: bool


def _judged(probabilities: Probabilities, labels: Labels) -> _Judged:
    probabilities_NK, known = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    is_one_class = known.ndim == 1
    _refuse_other_shapes(probabilities_NK, known)
    _refuse_no_probabilities(probabilities_NK)
    classes = np.arange(probabilities_NK.shape[1])
    _refuse_unknown_labels(known, len(classes) - 1 if is_one_class else 1)
    if is_one_class:
        said_NK = probabilities_NK.argmax(1)[:, None] == classes
        present_NK = known[:, None] == classes
        absent_NK = ~present_NK & (known != UNKNOWN)[:, None]
    else:
        said_NK = probabilities_NK >= THRESHOLD
        present_NK, absent_NK = known == 1, known == 0
    return _Judged(probabilities_NK, said_NK, present_NK, absent_NK, is_one_class)


def _auc(judged: _Judged) -> Numbers:
    columns = zip(judged.probabilities_NK.T, judged.present_NK.T, judged.absent_NK.T, strict=True)
    return np.array([_auc_of_class(*column) for column in columns])


def _auc_of_class(probabilities_N: Numbers, present_N: Truths, absent_N: Truths) -> float:
    """Return the share of pairs in the right order, from the sum of ranks; equal ones share the middle rank."""
    num_present, num_absent = int(present_N.sum()), int(absent_N.sum())
    if not num_present or not num_absent:
        return float("nan")
    known_N = present_N | absent_N
    _, places, counts = np.unique(probabilities_N[known_N], return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[places]
    least = num_present * (num_present + 1) / 2
    return float((ranks[present_N[known_N]].sum() - least) / (num_present * num_absent))


def _f1(judged: _Judged) -> Numbers:
    hits = (judged.said_NK & judged.present_NK).sum(0)
    said = (judged.said_NK & (judged.present_NK | judged.absent_NK)).sum(0)
    return _quotient(2 * hits, said + judged.present_NK.sum(0))


def _accuracy(judged: _Judged) -> float:
    if not judged.is_one_class:
        return mean_of_applicable(_shares_right(judged))
    return float(_quotient((judged.said_NK & judged.present_NK).sum(), judged.present_NK.sum()))


def _balanced_accuracy(judged: _Judged) -> float:
    return mean_of_applicable(_sensitivities(judged) if judged.is_one_class else _means_of_both_sides(judged))


def _calibration_error(judged: _Judged) -> float:
    if not judged.is_one_class:
        return mean_of_applicable(_calibration_errors(judged))
    known_N = np.asarray(judged.present_NK.any(1))
    is_right_N = np.asarray((judged.said_NK & judged.present_NK).any(1))
    return _distance_from_shares(judged.probabilities_NK.max(1)[known_N], is_right_N[known_N])


def _shares_right(judged: _Judged) -> Numbers:
    right = (judged.said_NK & judged.present_NK) | (~judged.said_NK & judged.absent_NK)
    return _quotient(right.sum(0), (judged.present_NK | judged.absent_NK).sum(0))


def _sensitivities(judged: _Judged) -> Numbers:
    return _quotient((judged.said_NK & judged.present_NK).sum(0), judged.present_NK.sum(0))


def _means_of_both_sides(judged: _Judged) -> Numbers:
    specificities = _quotient((~judged.said_NK & judged.absent_NK).sum(0), judged.absent_NK.sum(0))
    return (_sensitivities(judged) + specificities) / 2


def _calibration_errors(judged: _Judged) -> Numbers:
    columns = zip(judged.probabilities_NK.T, judged.present_NK.T, judged.absent_NK.T, strict=True)
    return np.array(
        [
            _distance_from_shares(column[present | absent], present[present | absent])
            for column, present, absent in columns
        ]
    )


def _distance_from_shares(probabilities: Numbers, is_so: Truths) -> float:
    """Return the mean over all (n,) of how far their bin's mean probability is from the share that is so."""
    if not len(probabilities):
        return float("nan")
    bins = np.clip(np.ceil(probabilities * CALIBRATION_BINS).astype(np.intp) - 1, 0, CALIBRATION_BINS - 1)
    excess = np.bincount(bins, weights=probabilities - is_so, minlength=CALIBRATION_BINS)
    return float(np.abs(excess).sum() / len(probabilities))


def _quotient(part: NDArray[Any] | np.integer[Any], whole: NDArray[Any] | np.integer[Any]) -> Numbers:
    """Return part over whole, nan where the whole is 0."""
    numerator, denominator = np.asarray(part, dtype=np.float64), np.asarray(whole, dtype=np.float64)
    quotient = np.full(denominator.shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator > 0)
    return quotient


def _refuse_other_shapes(probabilities: Numbers, labels: NDArray[Any]) -> None:
    expected = probabilities.shape[: labels.ndim] if labels.ndim in (1, 2) else None
    if probabilities.ndim != 2 or not probabilities.shape[1] or labels.shape != expected:
        raise InputProblem(
            "class probabilities",
            f"Their shape is {probabilities.shape}, the labels' {labels.shape}; expected (N, K), and (N,) or (N, K).",
            "Give a row of class probabilities and a label, or a row of labels, for each image.",
        )


def _refuse_no_probabilities(probabilities: Numbers) -> None:
    fits = (probabilities >= 0) & (probabilities <= 1 + _ROUNDING)
    if not fits.all():
        raise InputProblem(
            "class probabilities",
            f"{int((~fits).sum())} of {fits.size} are no number from 0 to 1, such as {probabilities[~fits][0]}.",
            "Give probabilities: the softmax or sigmoid of a network's answers.",
        )


def _refuse_unknown_labels(labels: NDArray[Any], highest: int) -> None:
    fits = labels.dtype.kind in "biu" and bool(((labels >= UNKNOWN) & (labels <= highest)).all())
    if not fits:
        found = labels[~((labels >= UNKNOWN) & (labels <= highest))][:1].tolist() or [labels.dtype]
        raise InputProblem(
            "class labels",
            f"Found {found[0]}; expected whole numbers from 0 to {highest}, or {UNKNOWN} where nothing is known.",
            "Give the index of a class, or 0 and 1 for each class.",
        )
