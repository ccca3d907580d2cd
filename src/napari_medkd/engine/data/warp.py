"""Moves images along flows, and flows along flows.

A flow says, for each voxel of the image to be filled, how far away its value lies in the image to be read.

Legend: B batch, C channel, D spatial axes in the order (z, y, x), Z Y X space (no Z for planes).
"""

import torch
from torch import Tensor
from torch.nn import functional

#: Fixed-point steps of an inversion; smooth flows without folds are inverted to a hundredth of a voxel.
_INVERSION_STEPS = 20


def voxel_positions(shape: tuple[int, ...], like: Tensor) -> Tensor:
    """Return the position (1, Z, Y, X, D) of every voxel of a grid, in voxels."""
    axes = [torch.arange(size, dtype=like.dtype, device=like.device) for size in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).unsqueeze(0)


def read_at(image_BCZYX: Tensor, positions_BZYXD: Tensor) -> Tensor:
    """Return the values of an image at positions, linearly between voxels; beyond its border, those of the border.

    Parameters
    ----------
    image_BCZYX
        One image per sample, any shape.
    positions_BZYXD
        Where to read, in voxels of the image, order (z, y, x); 0 is the centre of the first voxel.

    Returns
    -------
    Tensor
        (B, C, ...) of the positions' shape.
    """
    sizes_D = torch.tensor(image_BCZYX.shape[2:], dtype=positions_BZYXD.dtype, device=positions_BZYXD.device)
    # grid_sample wants (x, y, z), with -1 and 1 at the outer edges of the border's voxels.
    grid = ((2 * positions_BZYXD + 1) / sizes_D - 1).flip(-1)
    return functional.grid_sample(
        image_BCZYX, grid.to(image_BCZYX.dtype), mode="bilinear", padding_mode="border", align_corners=False
    )


def is_beyond(positions_BZYXD: Tensor, sides: tuple[int, ...]) -> Tensor:
    """Return whether each position lies outside an image of so many voxels."""
    last_D = torch.tensor(sides).to(positions_BZYXD) - 0.5
    return ((positions_BZYXD < -0.5) | (positions_BZYXD > last_D)).any(-1)


def displaced(positions_BZYXD: Tensor, flow_BDZYX: Tensor) -> Tensor:
    """Return the positions moved along the flow that stands at each of them."""
    return positions_BZYXD + read_at(flow_BDZYX, positions_BZYXD).movedim(1, -1)


def warp(image_BCZYX: Tensor, flow_BDZYX: Tensor) -> Tensor:
    """Return the image moved along a displacement field of its own grid.

    Parameters
    ----------
    image_BCZYX
        Intensities.
    flow_BDZYX
        Displacement of each voxel in voxels, order (z, y, x), from the result to the image.

    Returns
    -------
    Tensor of shape (B, C, Z, Y, X)

    References
    ----------
    .. [1] Balakrishnan et al., "VoxelMorph", IEEE TMI 2019, eq. 3.
    """
    positions = voxel_positions(tuple(flow_BDZYX.shape[2:]), flow_BDZYX) + flow_BDZYX.movedim(1, -1)
    return read_at(image_BCZYX, positions)


def inverse(flow_BDZYX: Tensor) -> Tensor:
    """Return the flow that leads back: moving along one and then along the other ends where it began.

    Parameters
    ----------
    flow_BDZYX
        Smooth displacements in voxels; where they fold, no inverse exists and the result is only near.

    References
    ----------
    .. [1] Chen et al., "A simple fixed-point approach to invert a deformation field", Medical Physics 2008.
    """
    back_BDZYX = torch.zeros_like(flow_BDZYX)
    for _ in range(_INVERSION_STEPS):
        back_BDZYX = -warp(flow_BDZYX, back_BDZYX)
    return back_BDZYX
