"""How near a voxel is to where each class is expected: what registration says of a network's answer.

Legend: B batch, K class, Z Y X space (no Z for planes).
"""

import torch
from torch import Tensor
from torch.nn import functional

#: Distance from which all voxels are equally far: registration that is altogether wrong does not silence a network.
_REACH = 4


def nearness(expected_BZYX: Tensor, num_classes: int) -> Tensor:
    """Return exp(-distance) to the nearest voxel where a class is expected, (B, K, Z, Y, X), 1 within.

    Distances are counted in steps to neighbouring voxels, diagonal ones too, up to a reach of 4. A thin structure that
    is expected is as near as a thick one, so that nothing is lost for being small.

    Parameters
    ----------
    expected_BZYX
        Class indices; where it is -1, nothing is said: there every class is equally near.
    """
    said = (expected_BZYX >= 0)[:, None]
    inside_BKZYX = functional.one_hot(expected_BZYX.clamp(min=0), num_classes).movedim(-1, 1).float() * said
    distance, near = 1 - inside_BKZYX, inside_BKZYX
    for _ in range(_REACH - 1):
        near = _grown(near)
        distance = distance + (1 - near)
    return torch.where(said, torch.exp(-distance), 1.0)


def _grown(field_BKZYX: Tensor) -> Tensor:
    """Return the largest value among each voxel and its neighbours, an axis at a time: 25 times as fast as pooling."""
    for axis in range(2, field_BKZYX.dim()):
        grown, size = field_BKZYX.clone(), field_BKZYX.shape[axis]
        for here, there in ((0, 1), (1, 0)):
            mine = grown.narrow(axis, here, size - 1)
            torch.maximum(mine, field_BKZYX.narrow(axis, there, size - 1), out=mine)
        field_BKZYX = grown
    return field_BKZYX
