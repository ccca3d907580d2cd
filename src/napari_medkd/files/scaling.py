"""From the numbers a file stores to the intensities they stand for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def scaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Return ``stored * slope + intercept``; whole numbers stay whole numbers where slope and intercept are whole."""
    if (slope, intercept) == (1.0, 0.0):
        return stored
    if stored.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        ends = [int(end) * int(slope) + int(intercept) for end in (stored.min(), stored.max())]
        needed = [*ends, int(slope), int(intercept)]
        for kind in (np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64)):
            if np.iinfo(kind).min <= min(needed) and max(needed) <= np.iinfo(kind).max:
                whole: NDArray[Any] = np.multiply(stored.astype(kind), int(slope), dtype=kind)
                whole += int(intercept)
                return whole
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite and will be counted
        return np.asarray(stored * slope + intercept, dtype=np.float32)
