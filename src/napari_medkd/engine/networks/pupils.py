"""Networks that answer the tasks of several datasets, and such a network seen from one of them."""

from typing import Literal

import torch
from torch import Tensor, nn

from napari_medkd.core.settings import Settings
from napari_medkd.engine.networks.heads import CONVOLUTION, HeadsShape, Output


class Pupil(Settings):
    """What a network is asked for one dataset: its image channels, and the questions."""

    in_channels: int
    answers: HeadsShape


class ForPupils(nn.Module):
    """A network with heads for several datasets.

    Parameters
    ----------
    dimensions
        2 for planes, 3 for volumes.
    pupils
        One for each dataset.
    """

    def __init__(self, dimensions: Literal[2, 3], pupils: tuple[Pupil, ...]) -> None:
        super().__init__()
        self.dimensions: Literal[2, 3] = dimensions
        self.pupils = pupils

    def forward(self, image_BCZYX: Tensor, pupil: int = 0) -> Output:
        """Return the answers to images of one dataset, given by its position."""
        raise NotImplementedError

    def for_pupil(self, pupil: int) -> "OfPupil":
        """Return the network as one for a single dataset's images."""
        return OfPupil(self, pupil)


class OfPupil(nn.Module):
    """A network for several datasets that answers the questions of one.

    Its weights are those of the whole network, under the same names.
    """

    def __init__(self, whole: ForPupils, pupil: int) -> None:
        super().__init__()
        self.whole = whole
        self.pupil = pupil
        self.dimensions = whole.dimensions

    def forward(self, image_BCZYX: Tensor) -> Output:
        """Return the answers to images of the dataset."""
        output: Output = self.whole(image_BCZYX, self.pupil)
        return output


def stem(dimensions: Literal[2, 3], in_channels: int, out_channels: int) -> nn.Conv2d | nn.Conv3d:
    """Return a 1x1 convolution that at first hands each channel on, or the mean of all where their numbers differ."""
    made = CONVOLUTION[dimensions](in_channels, out_channels, kernel_size=1)
    weight = torch.eye(out_channels) if in_channels == out_channels else torch.ones(out_channels, in_channels)
    with torch.no_grad():
        made.weight.copy_((weight / weight.sum(1, keepdim=True)).reshape(made.weight.shape))
    if made.bias is not None:
        nn.init.zeros_(made.bias)
    return made
