"""The boxes a detector starts from: a few sizes at every position of some levels of a feature pyramid.

Legend: N boxes or anchors, D spatial axes in the order (z, y, x). A box is (N, 2 D): its low edges, then its high ones.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.cluster.vq import kmeans2
from torch import Tensor

from napari_medkd.core.settings import Settings

#: Sizes at every position of a level.
SIZES = 3

#: A box is looked for where its side is about this many steps of the level.
_STEPS_OF_A_SIDE = 4.0

#: A level that would hold fewer than this share of the boxes is left to its neighbour.
_FEWEST = 0.05

#: Full resolution is never used: it would hold most of all anchors, for boxes of a few voxels.
_FINEST = 1


class AnchorSizes(Settings):
    """Which boxes a detector starts from.

    Level 0 has full resolution; every further one has half of it.
    """

    levels: tuple[int, ...]
    """Fine to coarse."""
    sizes: tuple[tuple[tuple[float, ...], ...], ...]
    """Sides in voxels, by level; as many for each."""

    @property
    def per_position(self) -> int:
        """Anchors at every position."""
        return len(self.sizes[0])


def anchor_sizes(sides_ND: NDArray[np.float64], num_levels: int) -> AnchorSizes:
    """Return anchor sizes that fit the boxes of a dataset: the middles of groups of alike sizes, level by level.

    Parameters
    ----------
    sides_ND
        Sides of all boxes that are learned from, in voxels of the network's input.
    num_levels
        Levels of the network.

    Raises
    ------
    ValueError
        Where there is no box.
    """
    if not len(sides_ND):
        raise ValueError("There is no box to choose anchors from.")
    logs_ND = np.log(np.maximum(sides_ND, 1.0))
    wanted_N = np.rint(np.log2(np.exp(logs_ND.mean(1)) / _STEPS_OF_A_SIDE)).astype(int)
    level_N = np.clip(wanted_N, min(_FINEST, num_levels - 1), num_levels - 1)
    shares = np.bincount(level_N, minlength=num_levels) / len(level_N)
    levels = np.flatnonzero(shares >= _FEWEST)
    used = range(int(levels.min()), int(levels.max()) + 1)
    level_N = np.clip(level_N, used[0], used[-1])
    sizes = tuple(_middles(logs_ND[level_N == level] if (level_N == level).any() else logs_ND) for level in used)
    return AnchorSizes(levels=tuple(used), sizes=sizes)


def _middles(logs_ND: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    """Return the middles of groups of sizes; where there are too few boxes, the mean size with a smaller and larger."""
    if len(np.unique(logs_ND, axis=0)) < SIZES:
        mean_D = logs_ND.mean(0)
        middles = np.stack([mean_D + np.log(2) * (place - 1) / SIZES for place in range(SIZES)])
    else:
        middles, _ = kmeans2(logs_ND, SIZES, minit="++", seed=0, missing="warn")
    ordered = sorted(np.exp(middles).round(2).tolist(), key=prod)
    return tuple(tuple(float(side) for side in sides) for sides in ordered)


def anchors_of(anchors: AnchorSizes, shapes: Sequence[tuple[int, ...]], device: torch.device) -> Tensor:
    """Return all anchors (N, 2 D): level by level, position by position, size by size.

    Parameters
    ----------
    shapes
        Positions along each axis of every level's map, in the order of the levels.
    """
    found = []
    for level, sizes, shape in zip(anchors.levels, anchors.sizes, shapes, strict=True):
        step = float(2**level)
        axes = [(torch.arange(count, device=device) + 0.5) * step for count in shape]
        centres = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).reshape(-1, 1, len(shape))
        half = torch.tensor(sizes, device=device) / 2
        found.append(torch.cat([centres - half, centres + half], dim=-1).flatten(0, 1))
    return torch.cat(found)
