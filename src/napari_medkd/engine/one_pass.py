"""A network that is asked several questions about one image, of which one pass answers all."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from napari_medkd.engine.networks.heads import Output


class OnePass(nn.Module):
    """A network before one image that fits into its window: it is passed once, whoever reads the answer.

    Where a gradient is asked for, or about another image, there is a pass of its own.

    Parameters
    ----------
    network
        In the training state it should answer in.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self._said: tuple[Tensor, Output] | None = None

    @property
    def dimensions(self) -> int:
        """2 for planes, 3 for volumes."""
        dimensions: int = self.network.dimensions  # type: ignore[assignment]  # of every network of ours
        return dimensions

    def forward(self, image_BCZYX: Tensor) -> Output:
        """Return the network's output for the image."""
        if torch.is_grad_enabled():
            output: Output = self.network(image_BCZYX)
            return output
        if self._said is None or not torch.equal(self._said[0], image_BCZYX):
            output = self.network(image_BCZYX)
            # Maps are large, and read for gradients alone.
            self._said = image_BCZYX, output._replace(pyramid=(), scored_beside=())
        return self._said[1]


def asked_once(network: nn.Module, sides: Sequence[int], patch: Sequence[int], num_tasks: int) -> nn.Module:
    """Return what to ask all tasks of one image: the network, or what passes it once, where one window holds all.

    Parameters
    ----------
    sides
        Voxels (z, y, x) of the image on the network's grid.
    patch
        Of the network's window.
    """
    fits = all(side <= room for side, room in zip(sides, patch, strict=True))
    return OnePass(network) if fits and num_tasks > 1 else network
