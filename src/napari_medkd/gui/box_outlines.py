"""The outlines of boxes as line segments in voxel points: on a slice, in space, dashed. No Qt, no viewer.

A segment is its start and the way to its end, (2, 3) in (z, y, x); voxel centres are integers, and edges lie half a
voxel before and behind them.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Segments (M, 2, 3), and for each the index of its box (M,).
Outlines: TypeAlias = tuple[NDArray[np.float64], NDArray[np.intp]]

#: The corners of a unit box, and the pairs of them that differ along one axis: its edges.
CORNERS = np.array(np.meshgrid((0, 1), (0, 1), (0, 1), indexing="ij")).reshape(3, -1).T
EDGES = np.array([(a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(CORNERS[a] - CORNERS[b]).sum() == 1])

_FEWEST_PIECES = 3
_TILT = 1e-3


def planes_of(corners_N6: NDArray[np.float64], axis: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first slice across an axis (0 z, 1 y, 2 x) that shows each box, and one past the last, both (N,).

    A slice shows a box that holds its centre; a box too thin to hold any is on the nearest one.
    """
    low, high = corners_N6[:, axis] - 0.5, corners_N6[:, axis + 3] - 0.5
    first, last = np.ceil(low).astype(np.intp), np.ceil(high).astype(np.intp)
    is_thin = last <= first
    first = np.where(is_thin, np.rint((low + high) / 2).astype(np.intp), first)
    return first, np.where(is_thin, first + 1, last)


def shown_on(corners_N6: NDArray[np.float64], axis: int, plane: int) -> NDArray[np.intp]:
    """Return the indices of the boxes that a slice across the axis shows."""
    first, last = planes_of(corners_N6, axis)
    return np.flatnonzero((first <= plane) & (plane < last))


def on_slice(corners_N6: NDArray[np.float64], axis: int, plane: int) -> Outlines:
    """Return four sides of every box that a slice across the axis shows."""
    owners = shown_on(corners_N6, axis, plane)
    low, high = corners_N6[owners, :3] - 0.5, corners_N6[owners, 3:] - 0.5
    one, other = (at for at in range(3) if at != axis)
    points = np.empty((len(owners), 4, 3))
    points[:, :, axis] = plane
    for corner, (of_one, of_other) in enumerate(((low, low), (low, high), (high, high), (high, low))):
        points[:, corner, one], points[:, corner, other] = of_one[:, one], of_other[:, other]
    ways = np.roll(points, -1, axis=1) - points
    return np.stack([points, ways], axis=2).reshape(-1, 2, 3), np.repeat(owners, 4)


def in_space(corners_N6: NDArray[np.float64]) -> Outlines:
    """Return the twelve edges of every box, tilted by a thousandth of their length.

    In space, napari (to 0.9 at least) makes two ribbons of a line, across it and two of the axes: of a line along one
    of these axes a single one is left, which is gone when seen from its edge, as from the front.
    """
    low, high = corners_N6[:, None, :3] - 0.5, corners_N6[:, None, 3:] - 0.5
    points = low + CORNERS * (high - low)
    starts, ends = points[:, EDGES[:, 0]], points[:, EDGES[:, 1]]
    ways = ends - starts
    tilt = _TILT * np.linalg.norm(ways, axis=2, keepdims=True) * (ways == 0)
    segments = np.stack([starts, ways + tilt], axis=2).reshape(-1, 2, 3)
    return segments, np.repeat(np.arange(len(corners_N6)), len(EDGES))


def dashed(outlines: Outlines, spacing: tuple[float, float, float], length: float) -> Outlines:
    """Return every segment as dashes with gaps as long as they are, a dash at both ends.

    Parameters
    ----------
    spacing
        Of the voxels along (z, y, x), so that dashes are equally long in every direction.
    length
        Of a dash, in the unit of the spacing, nearly; a short segment gets two dashes all the same.
    """
    segments, owners = outlines
    lengths = np.linalg.norm(segments[:, 1] * np.array(spacing), axis=1)
    pieces = np.maximum(_FEWEST_PIECES, 2 * (np.ceil(lengths / length).astype(np.intp) // 2) + 1)
    counts = (pieces + 1) // 2
    of_segment = np.repeat(np.arange(len(segments)), counts)
    number = np.arange(len(of_segment)) - np.repeat(np.cumsum(counts) - counts, counts)
    way = segments[of_segment, 1] / pieces[of_segment, None]
    start = segments[of_segment, 0] + 2 * number[:, None] * way
    return np.stack([start, way], axis=1), owners[of_segment]
