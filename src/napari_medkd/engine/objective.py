"""What a stage minimises: named, weighted loss terms. The shared shapes of objectives; methods choose among them."""

from collections.abc import Mapping
from typing import TypeAlias

import torch
from torch import Tensor, nn

from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.losses.overlap import cross_entropy, dice_loss
from napari_medkd.engine.networks.unet import Output, UNet

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

    def __init__(self, network: UNet) -> None:
        self._network = network.eval().requires_grad_(False)

    def __call__(self, image: Tensor) -> Output:
        """Return the network's output for (B, C, ...) images."""
        with torch.no_grad():
            return self._network(image)  # type: ignore[no-any-return]


def segmentation_terms(
    logits: Tensor, label: Tensor, cross_entropy_weight: float, dice_weight: float
) -> dict[str, Tensor]:
    """Return the task's terms with their weights; a term of weight 0 is not there."""
    terms: dict[str, Tensor] = {}
    if cross_entropy_weight:
        terms["cross-entropy"] = cross_entropy_weight * cross_entropy(logits, label)
    if dice_weight:
        terms["dice"] = dice_weight * dice_loss(logits, label)
    return terms


class Supervised(Objective):
    """A network learns the labels of what it is shown.

    Parameters
    ----------
    network
        Trains.
    cross_entropy_weight, dice_weight
        Weights of the two terms; at least one is above 0.
    """

    def __init__(self, network: UNet, cross_entropy_weight: float = 1.0, dice_weight: float = 1.0) -> None:
        super().__init__()
        self.network = network
        self.cross_entropy_weight = cross_entropy_weight
        self.dice_weight = dice_weight

    def forward(self, batch: Batch) -> LossParts:
        """Return cross-entropy and Dice loss on what the network is shown."""
        logits = self.network(batch.shown_or_image()).logits.float()
        return segmentation_terms(logits, batch.label_BZYX, self.cross_entropy_weight, self.dice_weight)
