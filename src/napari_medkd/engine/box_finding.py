"""A detector's boxes in a whole image: overlapping windows, of each the boxes near its middle.

Legend: C channel, K class, N boxes, D spatial axes, Z Y X space.
"""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import pairwise, product
from math import inf
from typing import NamedTuple

import numpy as np
import torch
from monai.data.box_utils import non_max_suppression
from numpy.typing import NDArray
from torch import Tensor, nn

from napari_medkd.core.box_measures import MOST_BOXES
from napari_medkd.engine.losses.boxes import decoded
from napari_medkd.engine.networks.heads import BoxMaps
from napari_medkd.engine.sliding_window import Place, enlarged, starts

#: Boxes that are less probable are not looked at.
LEAST_SCORE = 0.02

#: Of each window so many candidates are looked at.
_CANDIDATES = 1000

#: Of two boxes of a class that overlap more than this, the less probable is the same one again.
SAME_IN_PLANES = 0.5
SAME_IN_VOLUMES = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Boxes in an image, the most probable first.

    Parameters
    ----------
    corners_N6
        z0, y0, x0, z1, y1, x1 as voxel edges; within the image.
    classes_N
        Class indices.
    scores_N
        0 to 1.
    """

    corners_N6: NDArray[np.float64]
    classes_N: NDArray[np.int64]
    scores_N: NDArray[np.float64]


class Along(NamedTuple):
    """A window along one axis: where it begins, and from where to where the middles of boxes count in it."""

    start: int
    low: float
    high: float


def find_boxes(
    network: nn.Module,
    image_CZYX: Tensor,
    patch: Place,
    autocast: Callable[[], AbstractContextManager[object]],
) -> Generator[float, None, Found]:
    """Yield the fraction done after every window; return the boxes.

    A box counts in the window whose middle is nearest to its own. Of each class the `MOST_BOXES` surest are kept: no
    measure looks at more.

    Parameters
    ----------
    network
        In the training state it should answer in. Where the patch has one plane it sees plane by plane.
    image_CZYX
        Preprocessed intensities on the network's device.
    """
    enlarged_CZYX, inside = enlarged(image_CZYX, patch)
    axes = [_windows(size, side) for size, side in zip(enlarged_CZYX.shape[1:], patch, strict=True)]
    windows = list(product(*axes))
    found: list[tuple[Tensor, Tensor, Tensor]] = []
    for done, window in enumerate(windows, start=1):
        cut = enlarged_CZYX[:, *(slice(one.start, one.start + side) for one, side in zip(window, patch, strict=True))]
        with torch.no_grad(), autocast():
            maps: BoxMaps = network((cut[:, 0] if patch[0] == 1 else cut)[None]).detection
        found.append(_of_window(maps, window))
        yield done / len(windows)
    corners, scores, classes = (torch.cat(parts) for parts in zip(*found, strict=True))
    same = SAME_IN_PLANES if patch[0] == 1 else SAME_IN_VOLUMES
    kept = _kept(corners, scores, classes, same)
    begin = np.array([part.start or 0 for part in inside] * 2, dtype=np.float64)
    limit = np.array([*image_CZYX.shape[1:]] * 2, dtype=np.float64)
    shifted = np.clip(corners[kept].cpu().double().numpy() - begin, 0, limit)
    is_inside: NDArray[np.bool_] = (shifted[:, 3:] - shifted[:, :3]).min(1, initial=np.inf) > 0
    return Found(
        shifted[is_inside],
        classes[kept].cpu().numpy()[is_inside],
        scores[kept].cpu().double().numpy()[is_inside],
    )


def _kept(corners: Tensor, scores: Tensor, classes: Tensor, same: float) -> Tensor:
    """Return the positions of the boxes that are kept of each class, the surest of all first."""
    positions = [classes.new_zeros(0)]
    for number in sorted(set(classes.tolist())):
        of_class = torch.nonzero(classes == number)[:, 0]
        surest = non_max_suppression(corners[of_class], scores[of_class], same, max_proposals=MOST_BOXES)
        positions.append(of_class[surest])
    every = torch.cat(positions)
    return every[scores[every].argsort(descending=True, stable=True)]


def _windows(size: int, side: int) -> list[Along]:
    """Return the windows along an axis; where two overlap, each counts up to the middle of what they share."""
    begins = starts(size, side, 0.5)
    borders = [-inf, *((earlier + side + later) / 2 for earlier, later in pairwise(begins)), inf]
    return [Along(start, low, high) for start, (low, high) in zip(begins, pairwise(borders), strict=True)]


def _of_window(maps: BoxMaps, window: tuple[Along, ...]) -> tuple[Tensor, Tensor, Tensor]:
    """Return corners (N, 6) in the image, scores and classes of what a window alone can tell."""
    scores_NK = maps.logits_BNK[0].float().sigmoid()
    num_classes = scores_NK.shape[1]
    best, order = scores_NK.flatten().topk(min(_CANDIDATES, scores_NK.numel()))
    order, best = order[best > LEAST_SCORE], best[best > LEAST_SCORE]
    anchor, classes = order // num_classes, order % num_classes
    corners = decoded(maps.anchors_ND[anchor], maps.offsets_BND[0][anchor])
    dimensions = corners.shape[1] // 2
    low, high = corners[:, :dimensions], corners[:, dimensions:]
    if dimensions == 2:
        low, high = (
            torch.cat([low.new_full((len(low), 1), float(z)), edge], dim=1) for z, edge in ((0, low), (1, high))
        )
    begin = low.new_tensor([one.start for one in window])
    low, high = low + begin, high + begin
    middle = (low + high) / 2
    lowest, highest = (low.new_tensor(bounds) for bounds in zip(*((one.low, one.high) for one in window), strict=True))
    kept = ((middle >= lowest) & (middle < highest)).all(1)
    return torch.cat([low, high], dim=1)[kept], best[kept], classes[kept]
