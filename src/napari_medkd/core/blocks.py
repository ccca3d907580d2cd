"""The blocks that an array is looked through in: one that stays on the disk is never read whole."""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import TypeAlias

Window: TypeAlias = tuple[slice, ...]

#: Blocks have about so many voxels, as those that OME-Zarr is read in.
_VOXELS = 2**21


def blocks_of(window: Sequence[slice]) -> Iterator[Window]:
    """Return the blocks of a window, which has a start and a stop along every axis, along the first axis last."""
    long = sum(part.stop - part.start > 1 for part in window)
    side = round(_VOXELS ** (1 / max(1, long)))
    steps = [[slice(at, min(at + side, part.stop)) for at in range(part.start, part.stop, side)] for part in window]
    return product(*steps)


def whole(shape: Sequence[int]) -> Window:
    """Return the window that holds everything."""
    return tuple(slice(0, size) for size in shape)
