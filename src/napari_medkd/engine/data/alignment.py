"""Lays one image roughly over another: an affine map, found by mutual information, that no label influences."""

from math import prod
from typing import Any

import numpy as np
import SimpleITK
from numpy.typing import NDArray

#: Its functions carry no types.
sitk: Any = SimpleITK

#: Larger images are aligned as coarser copies: 512 x 512 or 64 x 64 x 64 voxels tell an affine map what there is.
MOST_VOXELS = 2**18
#: Mutual information is estimated from this share of the voxels, or from so many if that is more: a histogram of fewer
#: is mostly noise.
_SHARE_SAMPLED, _FEWEST_SAMPLED = 0.25, 10_000
_SEED = 1
_HISTOGRAM_BINS = 32
_STEPS = 60
#: (shrink factor, smoothing in voxels) of each resolution, coarse to fine.
_RESOLUTIONS = ((4, 2.0), (2, 1.0))
#: An axis of fewer voxels is neither shrunk nor smoothed: recursive filters refuse it. Coarser copies have no fewer.
_FEWEST_SMOOTHED = 4


def align(
    moving_CZYX: NDArray[np.float32], fixed_CZYX: NDArray[np.float32], spacing: tuple[float, ...]
) -> NDArray[np.float32]:
    """Return where the fixed image's voxels lie in the moving one, as an affine map.

    Where intensities tell nothing, as those of an empty image do, one centre is laid on the other. Of images
    of more than `MOST_VOXELS`, coarser copies are looked at.

    Parameters
    ----------
    moving_CZYX, fixed_CZYX
        Intensities of two prepared cases; planes have Z = 1. Channels are averaged.
    spacing
        Voxel size (z, y, x) of both.

    Returns
    -------
    ndarray of shape (D, D + 1), float32
        Over (z, y, x) voxels, or (y, x) for planes: ``position_moving = m[:, :D] @ position_fixed + m[:, D]``.
    """
    fixed, moving = _image(fixed_CZYX, spacing), _image(moving_CZYX, spacing)
    dimensions = fixed.GetDimension()
    centred = sitk.CenteredTransformInitializer(
        fixed, moving, sitk.AffineTransform(dimensions), sitk.CenteredTransformInitializerFilter.GEOMETRY
    )
    return _matrix(_refined(centred, _coarse(fixed), _coarse(moving)), spacing[-dimensions:])


def _coarse(image: Any) -> Any:
    """Return an image of at most `MOST_VOXELS`, where its axes allow it, at the same place; a smaller one as it is.

    Voxels become whole blocks of voxels, twice as long again and again where they are shortest.
    """
    factors = np.ones(image.GetDimension(), dtype=int)
    sizes, lengths = np.array(image.GetSize()), np.array(image.GetSpacing())
    while prod((sizes // factors).tolist()) > MOST_VOXELS:
        may_shrink = sizes // (2 * factors) >= _FEWEST_SMOOTHED
        if not may_shrink.any():
            break
        factors[np.where(may_shrink, factors * lengths, np.inf).argmin()] *= 2
    return image if (factors == 1).all() else sitk.BinShrink(image, factors.tolist())


def _refined(centred: Any, fixed: Any, moving: Any) -> Any:
    """Return a transform improved at one resolution after the other, or as it was where mutual information fails."""
    if any(np.ptp(sitk.GetArrayViewFromImage(image)) == 0 for image in (fixed, moving)):
        return centred
    found = centred
    for number, (factor, sigma) in enumerate(_RESOLUTIONS):
        factors = [factor if size >= _FEWEST_SMOOTHED else 1 for size in fixed.GetSize()]
        domain = sitk.Shrink(fixed, factors)
        method = _method(is_thin=min(*fixed.GetSize(), *moving.GetSize()) < _FEWEST_SMOOTHED)
        share = max(_SHARE_SAMPLED, min(1.0, _FEWEST_SAMPLED / domain.GetNumberOfPixels()))
        method.SetMetricSamplingPercentage(share, _SEED + number)
        method.SetVirtualDomainFromImage(domain)
        method.SetInitialTransform(found, inPlace=False)
        try:
            found = method.Execute(_smoothed(fixed, sigma), _smoothed(moving, sigma))
        except RuntimeError:  # how the library says that too few samples overlap, or that they have one intensity
            return centred
    return found


def _method(*, is_thin: bool) -> Any:
    method = sitk.ImageRegistrationMethod()
    method.SetNumberOfThreads(1)  # sums in one order: the same answer each time
    method.SetMetricAsMattesMutualInformation(_HISTOGRAM_BINS)
    method.SetMetricSamplingStrategy(method.REGULAR)
    if is_thin:  # gradients are differences of neighbours then: the filter needs as many voxels as smoothing does
        method.SetMetricUseFixedImageGradientFilter(False)
        method.SetMetricUseMovingImageGradientFilter(False)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, _STEPS)
    method.SetOptimizerScalesFromPhysicalShift()
    return method


def _smoothed(image: Any, sigma: float) -> Any:
    """Return an image smoothed by so many voxels along every axis that is long enough."""
    last = image.GetDimension() - 1
    for axis in (last, *range(last)):
        if image.GetSize()[axis] >= _FEWEST_SMOOTHED:
            order = sitk.RecursiveGaussianImageFilter.ZeroOrder
            image = sitk.RecursiveGaussian(image, sigma * image.GetSpacing()[axis], False, order, axis)
    return image


def _image(image_CZYX: NDArray[np.float32], spacing: tuple[float, ...]) -> Any:
    mean_ZYX = image_CZYX.mean(0)
    flat = mean_ZYX.shape[0] == 1
    image = sitk.GetImageFromArray(mean_ZYX[0] if flat else mean_ZYX)
    image.SetSpacing(tuple(reversed(spacing[1:] if flat else spacing)))
    return image


def _matrix(found: Any, spacing: tuple[float, ...]) -> NDArray[np.float32]:
    """Return a transform of (x, y, z) lengths as a matrix over (z, y, x) voxels."""
    size_D = np.array(spacing)
    corners = np.vstack([np.zeros(len(size_D)), np.diag(size_D)])
    moved = np.array([found.TransformPoint(tuple(corner[::-1]))[::-1] for corner in corners]) / size_D
    return np.column_stack([(moved[1:] - moved[0]).T, moved[0]]).astype(np.float32)
