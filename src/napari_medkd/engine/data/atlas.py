"""A labelled reference, and where every other case lies in it.

Legend: B batch, C channel, D spatial axes in the order (z, y, x), Z Y X space (no Z for planes).
"""

from functools import cached_property
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from napari_medkd.engine.data.cases import PreparedCase
from napari_medkd.engine.data.warp import read_at

#: A registration grid has at most this many voxels, by dimensions: what a step of two pairs takes a second for.
MOST_VOXELS = {2: 192 * 192, 3: 56**3}


def as_tensor(array_CZYX: NDArray[Any], device: torch.device) -> Tensor:
    """Return a prepared image as (1, C, Z, Y, X), or (1, C, Y, X) where it is a plane."""
    image = torch.from_numpy(array_CZYX).to(device)[None]
    return image[:, :, 0] if image.shape[2] == 1 else image


def coarse_shape(sides: tuple[int, ...], spacing: tuple[float, ...]) -> tuple[int, ...]:
    """Return the voxels along each axis of a grid of about `MOST_VOXELS` at most over an image.

    Its finest axes become coarser first, until all are as coarse: slices that are thick already stay as they are.
    """
    most, finest_first = MOST_VOXELS[len(sides)], np.argsort(spacing, kind="stable").tolist()
    if prod(sides) <= most:
        return sides
    shape = list(sides)
    for count in range(1, len(sides) + 1):
        coarser, kept = finest_first[:count], finest_first[count:]
        voxels = prod(sides[axis] * spacing[axis] for axis in coarser) * prod(sides[axis] for axis in kept)
        size = (voxels / most) ** (1 / count)
        if not kept or size <= spacing[kept[0]]:
            for axis in coarser:
                shape[axis] = max(1, round(sides[axis] * spacing[axis] / size))
            break
    return tuple(shape)


class Atlas:
    """A reference case on the device, with a coarse grid over it on which flows are computed and kept.

    Parameters
    ----------
    case
        The reference, with its label.
    device
        Where its image and label are to be.

    Attributes
    ----------
    image_BCZYX, label_BZYX
        (1, C, Z, Y, X) intensities, float32, and (1, Z, Y, X) class indices, int64.
    shape
        Voxels of the coarse grid.
    step_D
        Voxels of the reference between two of the grid.
    """

    def __init__(self, case: PreparedCase, device: torch.device) -> None:
        self.case = case
        self.image_BCZYX = as_tensor(case.image_CZYX, device)
        self.label_BZYX = as_tensor(case.label_ZYX[None].astype(np.int64), device)[:, 0]
        sides = self.image_BCZYX.shape[2:]
        self.shape = coarse_shape(tuple(sides), case.grid.spacing[-len(sides) :])
        self.step_D = torch.tensor(sides, device=device) / torch.tensor(self.shape, device=device)

    @cached_property
    def coarse_image_BCZYX(self) -> Tensor:
        """Return the reference's intensities on the coarse grid."""
        return self.coarse(self.case.image_CZYX, self.grid_positions())

    def coarse(self, image_CZYX: NDArray[np.float32], positions_BZYXD: Tensor) -> Tensor:
        """Return what an image (1, C, Z, Y, X) has where the coarse grid's voxels lie in it.

        Smoothed first where the grid is coarser than the image: single voxels, read far apart, are mostly noise.
        """
        sigma_D = ((self.step_D.cpu().numpy() - 1) / 2).clip(0)
        if sigma_D.any():
            sigma = np.pad(sigma_D, (image_CZYX.ndim - len(sigma_D), 0))
            image_CZYX = ndimage.gaussian_filter(image_CZYX, sigma, mode="nearest")
        return read_at(as_tensor(image_CZYX, positions_BZYXD.device), positions_BZYXD)

    def grid_positions(self) -> Tensor:
        """Return where the grid's voxels lie in the reference, (1, Z, Y, X, D) in its voxels."""
        axes = [torch.arange(size, device=self.step_D.device) for size in self.shape]
        index = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).unsqueeze(0)
        return (index + 0.5) * self.step_D - 0.5

    def on_grid(self, positions_BZYXD: Tensor) -> Tensor:
        """Return positions in the reference's voxels as positions in the grid's."""
        return (positions_BZYXD + 0.5) / self.step_D - 0.5


def mapped(positions_BZYXD: Tensor, matrix: NDArray[np.float32]) -> Tensor:
    """Return positions under an affine map (D, D + 1)."""
    affine = torch.from_numpy(matrix).to(positions_BZYXD)
    return positions_BZYXD @ affine[:, :-1].T + affine[:, -1]


def inverted(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the affine map (D, D + 1) that leads back."""
    back = np.linalg.inv(matrix[:, :-1])
    return np.column_stack([back, -back @ matrix[:, -1]]).astype(np.float32)
