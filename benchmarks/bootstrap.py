"""Paired bootstrap intervals over seeds and patients: the one routine behind every claim of accuracy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000


@dataclass(frozen=True)
class Comparison:
    """Mean difference of A over B, and its 95 % interval."""

    difference: float
    low: float
    high: float


def per_patient(values: NDArray[np.float64], patients: list[str]) -> NDArray[np.float64]:
    """Return (seeds, patients) means of (seeds, cases) values; images of one patient are never independent."""
    names = sorted(set(patients))
    member = np.array([[patient == name for patient in patients] for name in names])
    with np.errstate(invalid="ignore"):
        return np.stack([np.nanmean(np.where(row, values, np.nan), axis=1) for row in member], axis=1)


def compare(a: NDArray[np.float64], b: NDArray[np.float64], patients: list[str]) -> Comparison:
    """Return how much A is above B, where both hold (seeds, cases) with the same seeds and cases in the same order.

    Seeds and patients are drawn with replacement, independently of each other; the same draw serves A and B.
    """
    difference = per_patient(a - b, patients)
    seeds, number = difference.shape
    random = np.random.default_rng(0)
    means = np.empty(RESAMPLES)
    for index in range(RESAMPLES):
        drawn = difference[np.ix_(random.integers(seeds, size=seeds), random.integers(number, size=number))]
        means[index] = np.nanmean(drawn)
    low, high = np.percentile(means, (2.5, 97.5))
    return Comparison(float(np.nanmean(difference)), float(low), float(high))
