"""How much each place of a map counts where boxes are all that is asked: small ones as much as large ones.

Legend: B batch, N boxes, D spatial axes, Z Y X space (no Z for planes).
"""

import torch
from torch import Tensor

from napari_medkd.engine.data.batch import BoxTarget


def box_weights(
    boxes: tuple[BoxTarget | None, ...], shape: tuple[int, ...], sides: tuple[int, ...], device: torch.device
) -> Tensor:
    """Return the weight (B, Z, Y, X) of each place of a map: half of a sample's for its boxes, half for what is around.

    Every box of a sample weighs the same, as the inverse of its area says; a sample without boxes, or of which they are
    not known, weighs the same everywhere. The weights of each sample have the mean 1.

    Parameters
    ----------
    boxes
        In voxels of the image.
    shape
        Places of the map along each axis.
    sides
        Voxels of the image along each axis.

    References
    ----------
    .. [1] Yang et al., "Focal and Global Knowledge Distillation for Detectors", CVPR 2022, eq. 2 to 4: the scale mask.
    """
    weights = torch.ones(len(boxes), *shape, device=device)
    for index, truth in enumerate(boxes):
        if truth is not None and len(truth.corners_ND):
            weights[index] = _of_sample(truth.corners_ND, weights[index], sides)
    return weights


def _of_sample(corners_ND: Tensor, ones_ZYX: Tensor, sides: tuple[int, ...]) -> Tensor:
    inside_ZYX = torch.zeros_like(ones_ZYX)
    shape, dimensions = ones_ZYX.shape, len(sides)
    for corners in corners_ND.tolist():
        where = []
        for low, high, places, side in zip(corners[:dimensions], corners[dimensions:], shape, sides, strict=True):
            first = min(int(low * places / side), places - 1)
            where.append(slice(first, max(first + 1, min(places, -int(-high * places // side)))))
        box = inside_ZYX[tuple(where)]
        inside_ZYX[tuple(where)] = torch.maximum(box, torch.full_like(box, 1 / box.numel()))
    around_ZYX = (inside_ZYX == 0).to(inside_ZYX.dtype)
    found = inside_ZYX / inside_ZYX.sum()
    if around_ZYX.any():
        found = (found + around_ZYX / around_ZYX.sum()) / 2
    return found * found.numel()
