"""From the numbers a file stores to the intensities they stand for."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.files.lazy_array import computed

_WHOLE = (np.dtype(np.int16), np.dtype(np.int32), np.dtype(np.int64))
_FRACTIONS = np.dtype(np.float32)


def scaled(stored: NDArray[Any], slope: float, intercept: float) -> NDArray[Any]:
    """Return ``stored * slope + intercept``; whole numbers stay whole numbers where slope and intercept are whole.

    Of an array on the disk nothing is read before a part of it is needed.
    """
    if (slope, intercept) == (1.0, 0.0):
        return stored
    kind = _kind(stored, slope, intercept)
    if type(stored) is np.ndarray:
        return _scaled(stored, slope, intercept, kind)
    on_disk: NDArray[Any] = computed(stored, lambda part: _scaled(part, slope, intercept, kind), kind)
    return on_disk


def _kind(stored: NDArray[Any], slope: float, intercept: float) -> np.dtype[Any]:
    """Return the smallest type that holds the scaled numbers; on the disk they are all that their type can be."""
    if stored.dtype.kind in "iu" and slope.is_integer() and intercept.is_integer():
        in_memory, all_there_are = type(stored) is np.ndarray, np.iinfo(stored.dtype)
        low, high = (stored.min(), stored.max()) if in_memory else (all_there_are.min, all_there_are.max)
        ends = [int(end) * int(slope) + int(intercept) for end in (low, high)]
        needed = [*ends, int(slope), int(intercept)]
        for kind in _WHOLE:
            if np.iinfo(kind).min <= min(needed) and max(needed) <= np.iinfo(kind).max:
                return kind
    return _FRACTIONS


def _scaled(stored: NDArray[Any], slope: float, intercept: float, kind: np.dtype[Any]) -> NDArray[Any]:
    if kind != _FRACTIONS:
        whole: NDArray[Any] = np.multiply(stored.astype(kind), int(slope), dtype=kind)
        whole += int(intercept)
        return whole
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is infinite and will be counted
        return np.asarray(stored * slope + intercept, dtype=np.float32)
