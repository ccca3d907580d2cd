"""Tells whether a layer still shows the voxels that were read, or someone has put others in their place."""

from zlib import crc32

import numpy as np

#: Voxels that are looked at, evenly spread: a filter or a shift changes some of them.
_NUM_LOOKED_AT = 4096


def fingerprint_of(array: object) -> int | None:
    """Return a number that an array of other values hardly shares, in less than a millisecond.

    None where the array is not in memory: to look at it would read it.
    """
    if not isinstance(array, np.ndarray) or not array.size:
        return None
    step = max(1, array.size // _NUM_LOOKED_AT) | 1  # odd: else it could stay in a few columns
    return crc32(np.ascontiguousarray(array.flat[::step]).tobytes())
