"""How long a box a detector sees well at a spacing, and from which spacing on it sees most of them well.

Legend: N boxes, D spatial axes in the order (z, y, x), without z for planes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.engine.data.preprocess import network_grid
from napari_medkd.engine.learned_boxes import BoxedImage, sides_of

#: This share of the boxes is to be seen well; the few that are longer must not cost the others their resolution.
MOST = 0.9

#: Of the boxes all but as many of the smallest stay so many voxels long: what the finest level boxes are looked for on
#: is made for.
_LEAST_SIDE = 8.0

#: By how much boxes may be longer before anything is changed.
_ROUNDING = 1.02


def voxels_seen(num_levels: int) -> int:
    """Return over how many voxels along an axis the head of boxes sees on the coarsest level of a U-Net.

    Each 3x3 convolution adds two steps of its level: two convolutions of every level, of which the first of a coarser
    one steps over the level before, and two of the head. At four levels these are 79 voxels.
    """
    coarsest: int = 2 ** (num_levels - 1)
    return 10 * coarsest - 1


def lengths(images: Sequence[BoxedImage], preprocessing: Preprocessing, num_levels: int) -> NDArray[np.float64]:
    """Return of all boxes (N,) how many times as long they are, along any axis, as the longest that is seen well.

    To tell both ends of a box, what lies between must be seen. Of an image that is larger than a patch, windows that
    overlap by half count the boxes whose middle lies in their inner half, and these are whole in them up to half of
    the patch.
    """
    first, seen = 3 - preprocessing.dimensions, voxels_seen(num_levels)
    patch_D = np.array(preprocessing.patch[first:])
    shapes = [network_grid(image.boxes.grid, preprocessing).shape[first:] for image in images]
    shapes_ND = np.repeat(shapes, [len(image.boxes.corners) for image in images], axis=0)
    longest_ND = np.where(shapes_ND <= patch_D, seen, np.minimum(seen, patch_D / 2))
    found: NDArray[np.float64] = (sides_of(images, preprocessing) / longest_ND).max(1)
    return found


def share_beyond(lengths_N: NDArray[np.float64]) -> float:
    """Return the share of the boxes that are too long to be seen well, 0 to 1."""
    return float((lengths_N > _ROUNDING).mean())


def coarser_spacing(
    images: Sequence[BoxedImage], preprocessing: Preprocessing, num_levels: int
) -> tuple[float, float, float] | None:
    """Return a spacing at which more boxes are seen well; None where most are, or small ones would be lost.

    The finest axes are made coarser first, so that voxels come nearer to cubes.
    """
    too_long = float(np.quantile(lengths(images, preprocessing, num_levels), MOST))
    small = float(np.quantile(sides_of(images, preprocessing).max(1), 1 - MOST))
    factor = min(too_long, small / _LEAST_SIDE)
    if factor <= _ROUNDING:
        return None
    first = 3 - preprocessing.dimensions
    least = min(preprocessing.spacing[first:]) * factor
    z, y, x = (
        float(f"{max(side, least):.3g}") if axis >= first else side for axis, side in enumerate(preprocessing.spacing)
    )
    return z, y, x
