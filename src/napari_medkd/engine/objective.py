"""What a stage minimises: named, weighted loss terms. The base of all objectives, the plainest one, frozen networks."""

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn

from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.networks.heads import Output
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.task_losses import TaskLosses

#: Every named term, already weighted; their sum is the objective.
LossParts: TypeAlias = Mapping[str, Tensor]


class Objective(nn.Module):
    """What one stage minimises. Networks and adapters that train are its sub-modules.

    Attributes
    ----------
    progress
        Share of the stage's steps that are done, 0 to below 1: the loop sets it before each step, for weights that
        change on the way.
    """

    progress: float = 0.0

    def forward(self, batch: Batch) -> LossParts:
        """Return the named terms of a batch."""
        raise NotImplementedError

    def take_up(self) -> None:
        """Take in that the product was given the weights of an earlier run, before the first step."""


class Frozen:
    """A trained network that only answers: eval mode, no gradient, and in no state dict, because it is no module."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network.eval().requires_grad_(False)

    def __call__(self, image: Tensor) -> Output:
        """Return the network's output for (B, C, ...) images."""
        with torch.no_grad():
            output: Output = self.network(image)
        return output


class Supervised(Objective):
    """A network learns the labels of what it is shown.

    Parameters
    ----------
    network
        Trains.
    losses
        The terms of its tasks.
    """

    def __init__(self, network: UNet, losses: TaskLosses) -> None:
        super().__init__()
        self.network = network
        self.losses = losses

    def forward(self, batch: Batch) -> LossParts:
        """Return the tasks' terms on what the network is shown."""
        terms: LossParts = self.losses(self.network(batch.shown_or_image()), batch)
        return terms
