"""A network whose weights follow another's slowly: steadier answers, to learn from."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from napari_medkd.engine.networks.heads import Output
from napari_medkd.engine.networks.unet import UNet

#: Share of the old weights that a step keeps.
_KEPT = 0.99


class RunningAverage(nn.Module):
    """An exponential average of a network's weights. It is saved with the objective, but nothing trains it.

    Parameters
    ----------
    network
        What is followed; at first both are equal.

    References
    ----------
    .. [1] Tarvainen and Valpola, "Mean teachers are better role models", NeurIPS 2017.
    """

    def __init__(self, network: UNet) -> None:
        super().__init__()
        self.network = deepcopy(network).requires_grad_(False)

    @torch.no_grad()
    def begin_at(self, network: UNet) -> None:
        """Take a network's weights as they are."""
        self.network.load_state_dict(network.state_dict())

    @torch.no_grad()
    def follow(self, network: UNet) -> None:
        """Take a step towards a network's weights."""
        for mine, theirs in zip(self.network.parameters(), network.parameters(), strict=True):
            mine.lerp_(theirs, 1 - _KEPT)

    @torch.no_grad()
    def forward(self, image_BCZYX: Tensor) -> Output:
        """Return the averaged network's answer, without a gradient."""
        answer: Output = self.network(image_BCZYX)
        return answer
