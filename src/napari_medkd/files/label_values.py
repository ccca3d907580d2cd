"""How often each label is in a mask, counted without a copy of the mask."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.files.giving_up import go_on_if_wanted

_NUM_LABELS = 2**16
_BLOCK = 2**16  # voxels, which stay in the processor's cache


def counts_of(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return the number of voxels by label, of 8 or 16 bits; of a mask on the disk they are counted chunk by chunk."""
    counts = np.zeros(_NUM_LABELS, np.int64)
    if type(labels) is not np.ndarray:
        from dask.base import compute

        values, numbers = compute(*np.unique(labels, return_counts=True))  # type: ignore[no-untyped-call]
        counts[values] = numbers
        return counts
    flat = labels.ravel(order="K")
    for first in range(0, flat.size, _BLOCK):
        go_on_if_wanted()
        block = flat[first : first + _BLOCK]
        low, high = block.min(), block.max()
        if low == high:  # most of a mask is nothing but background
            counts[low] += block.size
        else:
            counts[: int(high) + 1] += np.bincount(block)
    return counts
