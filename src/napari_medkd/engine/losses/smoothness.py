"""How rough a flow is.

Legend: B batch, D spatial axes, Z Y X space (no Z for planes).
"""

import torch
from torch import Tensor


def roughness(flow_BDZYX: Tensor) -> Tensor:
    """Return the mean squared change of a flow from voxel to voxel, averaged over the axes; 0 for a translation.

    An axis of one voxel has no neighbours, and does not count.

    Parameters
    ----------
    flow_BDZYX
        Displacements in voxels.

    References
    ----------
    .. [1] Balakrishnan et al., "VoxelMorph", IEEE TMI 2019, eq. 7.
    """
    axes = [axis for axis in range(2, flow_BDZYX.dim()) if flow_BDZYX.shape[axis] > 1]
    changes = [flow_BDZYX.diff(dim=axis).square().mean() for axis in axes]
    return torch.stack(changes).mean()
