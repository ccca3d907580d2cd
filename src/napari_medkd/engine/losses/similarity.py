"""How alike two images are around every voxel, whatever their brightness and contrast there.

Legend: B batch, C channel, Z Y X space (no Z for planes).
"""

from torch import Tensor
from torch.nn import functional

from napari_medkd.engine.losses.shapes import in_full_precision, refuse_unequal

#: Side of the neighbourhood, in voxels.
WINDOW = 9

#: Added to the product of the variances, so that a flat neighbourhood (intensities in 0..1) counts as 0.
_FLAT = 1e-5


def local_correlation(first_BCZYX: Tensor, second_BCZYX: Tensor, window: int = WINDOW) -> Tensor:
    """Return the squared correlation of two images within a window around each voxel, averaged.

    Parameters
    ----------
    first_BCZYX, second_BCZYX
        Intensities of one shape, in the order of 0 to 1.
    window
        Side of the neighbourhood in voxels, odd; at the border it is cut off.

    Returns
    -------
    Tensor
        A number in [0, 1]: 1 where one image is a linear function of the other in every neighbourhood, however the
        contrast turns; 0 where both have nothing in common.

    References
    ----------
    .. [1] Balakrishnan et al., "VoxelMorph", IEEE TMI 2019, eq. 6 (cc, here as a mean).
    """
    refuse_unequal(first_BCZYX, second_BCZYX)
    first, second = in_full_precision(first_BCZYX), in_full_precision(second_BCZYX)
    first_mean, second_mean = _box_mean(first, window), _box_mean(second, window)
    shared = _box_mean(first * second, window) - first_mean * second_mean
    first_spread = _box_mean(first.square(), window) - first_mean.square()
    second_spread = _box_mean(second.square(), window) - second_mean.square()
    correlation = shared.square() / (first_spread.clamp(min=0) * second_spread.clamp(min=0) + _FLAT)
    return correlation.mean()


def _box_mean(image: Tensor, window: int) -> Tensor:
    """Return the mean over a box around every voxel, one axis at a time."""
    pool = {4: functional.avg_pool2d, 5: functional.avg_pool3d}[image.dim()]
    dimensions = image.dim() - 2
    for axis in range(dimensions):
        if image.shape[2 + axis] < window:
            image = _mean_of_few(image, 2 + axis, window)
            continue
        size = tuple(window if each == axis else 1 for each in range(dimensions))
        padding = tuple(each // 2 for each in size)
        image = pool(image, size, stride=1, padding=padding, count_include_pad=False)
    return image


def _mean_of_few(image: Tensor, axis: int, window: int) -> Tensor:
    """Return the mean along an axis of fewer voxels than the window has, which torch pools in planes alone."""
    rows = image.movedim(axis, -1).flatten(1, -2)[:, None]
    means = functional.avg_pool2d(rows, (1, window), stride=1, padding=(0, window // 2), count_include_pad=False)
    return means.reshape(image.movedim(axis, -1).shape).movedim(-1, axis)
