"""Registration that goes on where its network ends: each flow is improved on the very two images it belongs to.

Legend: B batch, C channel, D spatial axes in the order (z, y, x), Z Y X space (no Z for planes).
"""

import torch
from torch import Tensor, nn

from napari_medkd.engine.data.warp import warp
from napari_medkd.engine.losses.similarity import local_correlation
from napari_medkd.engine.losses.smoothness import roughness
from napari_medkd.engine.networks.registration import Matching, RegistrationNetwork

#: How far a voxel goes in a step, in voxels, before its neighbours hold it back.
_STEP = 0.4
#: Standard deviation of the Gaussian that keeps neighbours together, in voxels.
_SMOOTHING = 2.5
#: Weight of the roughness that is left after smoothing.
_SMOOTHNESS = 0.02


class Refined(nn.Module):
    """A registration network whose flows are improved image by image. It says what the network says, but closer.

    Parameters
    ----------
    network
        Where each flow begins.
    steps
        Of gradient descent on a flow itself; 0 leaves it as it is.

    References
    ----------
    .. [1] Balakrishnan et al., "VoxelMorph", IEEE TMI 2019, instance-specific optimisation.
    """

    def __init__(self, network: RegistrationNetwork, steps: int) -> None:
        super().__init__()
        self.network = network
        # Part of the state, so that flows of other steps have another digest.
        self.register_buffer("steps", torch.tensor(steps))
        self._steps = steps

    def forward(self, moving_BCZYX: Tensor, fixed_BCZYX: Tensor) -> Matching:
        """Return the flow that brings moving images onto fixed ones, and the embeddings of the fixed ones."""
        matching: Matching = self.network(moving_BCZYX, fixed_BCZYX)
        if not self._steps:
            return matching
        return matching._replace(flow_BDZYX=improved(matching.flow_BDZYX, moving_BCZYX, fixed_BCZYX, self._steps))


def improved(flow_BDZYX: Tensor, moving_BCZYX: Tensor, fixed_BCZYX: Tensor, steps: int) -> Tensor:
    """Return a smooth flow that brings the moving images closer to the fixed ones than the given one does.

    Parameters
    ----------
    flow_BDZYX
        For each voxel of the fixed image, how far away it lies in the moving one, in voxels.
    moving_BCZYX, fixed_BCZYX
        Intensities in the order of 0 to 1, of one shape.

    References
    ----------
    .. [1] Vercauteren et al., "Diffeomorphic demons", NeuroImage 2009, for a Gaussian that holds neighbours together.
    """
    weights = [_gaussian(size).to(flow_BDZYX) for size in flow_BDZYX.shape[2:]]
    with torch.enable_grad(), torch.autocast(flow_BDZYX.device.type, enabled=False):
        free_BDZYX = flow_BDZYX.detach().clone().requires_grad_()
        optimizer = torch.optim.Adam([free_BDZYX], lr=_STEP)
        for _ in range(steps):
            smooth_BDZYX = _smoothed(free_BDZYX, weights)
            likeness = local_correlation(warp(moving_BCZYX, smooth_BDZYX), fixed_BCZYX)
            loss = 1 - likeness + _SMOOTHNESS * roughness(smooth_BDZYX)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            optimizer.zero_grad()
        return _smoothed(free_BDZYX.detach(), weights)


def _gaussian(size: int) -> Tensor:
    """Return the weight (size, size) of every voxel of an axis in the mean around each; each row sums to 1."""
    place = torch.arange(size, dtype=torch.float32)
    weights = torch.exp(-0.5 * ((place[:, None] - place) / _SMOOTHING).square())
    return weights / weights.sum(1, keepdim=True)


def _smoothed(field_BDZYX: Tensor, weights: list[Tensor]) -> Tensor:
    for axis, weight in enumerate(weights, start=2):
        field_BDZYX = (field_BDZYX.movedim(axis, -1) @ weight.T).movedim(-1, axis)
    return field_BDZYX
