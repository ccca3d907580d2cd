"""Where the voxels of an augmented patch come from: rotation, zoom, shear, shift and a smooth elastic part.

All of it is one cubic spline, because a spline reproduces every affine map exactly. Lengths are physical, so that a
rotation of thick slices stays a rotation.

Legend: B batch, C channel, D spatial axes in the order (z, y, x), Z Y X space (no Z for planes).
"""

import math
from collections.abc import Sequence
from itertools import combinations

import torch
from torch import Tensor
from torch.nn import functional

from napari_medkd.engine.data.augmentation import Augmentation
from napari_medkd.engine.data.labels_between import labels_between
from napari_medkd.engine.data.spline import control_positions, dense_field


def sampling_grid(
    augmentation: Augmentation,
    generators: Sequence[torch.Generator],
    spacing: tuple[float, ...],
    input_shape: tuple[int, ...],
    output_shape: tuple[int, ...],
) -> Tensor:
    """Return where every output voxel lies in the input, one random choice per generator.

    Parameters
    ----------
    augmentation
        Strengths; only those of space are read.
    generators
        One per sample, on the CPU.
    spacing
        Voxel size along each axis.
    input_shape, output_shape
        Voxels of the patch to sample from and of the patch to fill; their centres coincide before the shift.

    Returns
    -------
    Tensor of shape (B, Z, Y, X, D)
        Positions as ``grid_sample`` reads them with ``align_corners=False``: order (x, y, z), -1 and 1 at the outer
        edges of the input's first and last voxel.
    """
    size_D = torch.tensor(spacing, dtype=torch.float32)
    extent_D = size_D * torch.tensor(output_shape)
    intervals = _intervals(augmentation, extent_D)
    axes = [
        control_positions(size, count) - (size - 1) / 2 for size, count in zip(output_shape, intervals, strict=True)
    ]
    offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1) * size_D
    controls = torch.stack([_moved(offsets, augmentation, one, extent_D) for one in generators])
    edges = controls / (size_D * torch.tensor(input_shape)) * 2
    return dense_field(edges.flip(-1), output_shape)


def sample(images_BCZYX: Tensor, labels_BZYX: Tensor, grid_BZYXD: Tensor) -> tuple[Tensor, Tensor]:
    """Return images and labels at the grid's positions, between voxels; outside, the nearest voxel of the border.

    Parameters
    ----------
    images_BCZYX, labels_BZYX
        Patches of one shape.
    grid_BZYXD
        From ``sampling_grid``, on the device of the patches.

    Returns
    -------
    tuple of Tensor
        Images and labels of the grid's shape, in the types they came in.
    """
    moved = sample_image(images_BCZYX, grid_BZYXD)
    return moved, labels_between(labels_BZYX, lambda field: sample_image(field, grid_BZYXD))


def sample_image(images_BCZYX: Tensor, grid_BZYXD: Tensor) -> Tensor:
    """Return images at the grid's positions, linearly; outside, the nearest voxel of the border."""
    return functional.grid_sample(
        images_BCZYX, grid_BZYXD.to(images_BCZYX.dtype), mode="bilinear", padding_mode="border", align_corners=False
    )


def _intervals(augmentation: Augmentation, extent_D: Tensor) -> list[int]:
    if not augmentation.elastic:
        return [1] * len(extent_D)
    distance = augmentation.elastic_distance * extent_D.max()
    return [max(1, round(float(extent / distance))) for extent in extent_D]


def _moved(offsets: Tensor, augmentation: Augmentation, generator: torch.Generator, extent_D: Tensor) -> Tensor:
    """Return where the control points (n, …, n, D; offsets from the centre) of one sample go."""
    dimensions = len(extent_D)
    matrix_DD = _linear_part(augmentation, generator, dimensions)
    shift_D = _between(generator, augmentation.translation, dimensions) * extent_D
    moved = offsets @ matrix_DD.T + shift_D
    if augmentation.elastic:
        longest = float(extent_D.max())
        strength = augmentation.elastic * augmentation.elastic_distance * longest
        moved = moved + strength * torch.randn(moved.shape, generator=generator)
    return moved


def _linear_part(augmentation: Augmentation, generator: torch.Generator, dimensions: int) -> Tensor:
    """Return zoom, shear and rotation of one sample as a matrix over (z, y, x) lengths."""
    matrix_DD = torch.eye(dimensions)
    for first, second in combinations(range(dimensions), 2):
        in_plane = first == dimensions - 2
        limit = augmentation.rotation_degrees if in_plane else augmentation.tilt_degrees
        matrix_DD = matrix_DD @ _rotation(math.radians(float(_between(generator, limit))), first, second, dimensions)
    shear_DD = torch.eye(dimensions) + _between(generator, augmentation.shear, dimensions**2).reshape(
        dimensions, dimensions
    ).triu(1)
    low, high = (math.log(factor) for factor in augmentation.zoom)
    zoom = math.exp(low + (high - low) * float(torch.rand((), generator=generator)))
    return matrix_DD @ shear_DD / zoom


def _rotation(angle: float, first: int, second: int, dimensions: int) -> Tensor:
    matrix_DD = torch.eye(dimensions)
    matrix_DD[first, first] = matrix_DD[second, second] = math.cos(angle)
    matrix_DD[first, second], matrix_DD[second, first] = math.sin(angle), -math.sin(angle)
    return matrix_DD


def _between(generator: torch.Generator, limit: float, count: int = 1) -> Tensor:
    """Return numbers drawn evenly from -limit to limit."""
    return (2 * torch.rand(count, generator=generator) - 1) * limit
