"""Smooth fields over a patch from a few control points: uniform cubic B-splines, one axis at a time.

Legend: B batch, V values of a field, n control points of an axis, Z Y X space (no Z for planes).
"""

import torch
from torch import Tensor

#: Control points an axis has beyond its intervals.
EXTRA_POINTS = 3


def control_positions(num_voxels: int, intervals: int) -> Tensor:
    """Return where the control points of an axis lie, in voxels; the outermost are beyond its ends.

    A field whose control values are a linear function of these positions is that function everywhere.

    Parameters
    ----------
    num_voxels
        Voxels of the axis.
    intervals
        Pieces of the spline, 1 or more.

    Returns
    -------
    Tensor of shape (intervals + 3,)
    """
    return (torch.arange(intervals + EXTRA_POINTS, dtype=torch.float32) - 1) * _piece(num_voxels, intervals)


def spline_weights(num_voxels: int, intervals: int) -> Tensor:
    """Return the weight of every control point at every voxel of an axis; each row sums to 1.

    Parameters
    ----------
    num_voxels
        Voxels of the axis.
    intervals
        Pieces of the spline, 1 or more.

    Returns
    -------
    Tensor of shape (num_voxels, intervals + 3)
    """
    place = torch.arange(num_voxels, dtype=torch.float64) / _piece(num_voxels, intervals)
    distance = (place[:, None] - (torch.arange(intervals + EXTRA_POINTS) - 1)).abs()
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance).clamp(min=0) ** 3 / 6
    return torch.where(distance < 1, near, far).float()


def dense_field(controls: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the field of every voxel from its control values.

    Parameters
    ----------
    controls
        (B, n, …, n, V): a value of each component at each control point; one n per spatial axis.
    shape
        Voxels of each spatial axis.

    Returns
    -------
    Tensor of shape (B, Z, Y, X, V)
    """
    batch, *points, components = controls.shape
    *leading, last = (
        spline_weights(size, count - EXTRA_POINTS).to(controls) for size, count in zip(shape, points, strict=True)
    )
    field = controls
    done = batch
    for weights in leading:
        field = weights @ field.reshape(done, weights.shape[1], -1)
        done *= len(weights)
    # The last axis with all components is one large product instead of very many small ones.
    together = torch.kron(last, torch.eye(components).to(controls))
    return (field.reshape(done, -1) @ together.T).reshape(batch, *shape, components)


def _piece(num_voxels: int, intervals: int) -> float:
    """Voxels between two control points."""
    return max(num_voxels - 1, 1) / intervals
