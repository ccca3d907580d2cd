"""One trunk for several datasets, with heads for each.

Legend: B batch, C channel, Z Y X space (no Z for planes).
"""

from typing import Literal

from torch import Tensor, nn

from napari_medkd.engine.networks.heads import Heads, HeadsShape, Output
from napari_medkd.engine.networks.pupils import ForPupils, Pupil, stem
from napari_medkd.engine.networks.unet import UNet


class MultiHead(ForPupils):
    """A U-Net that every dataset shares, behind a 1x1 convolution and before heads of its own.

    Parameters
    ----------
    dimensions
        2 for planes, 3 for volumes.
    pupils
        One for each dataset.
    widths
        Channels of the trunk's levels, full resolution first.
    """

    def __init__(self, dimensions: Literal[2, 3], pupils: tuple[Pupil, ...], widths: tuple[int, ...]) -> None:
        super().__init__(dimensions, pupils)
        self.widths = widths
        self.divisor = 2 ** (len(widths) - 1)
        common = max(pupil.in_channels for pupil in pupils)
        finest = min(pupil.answers.finest_level(len(widths)) for pupil in pupils)
        self.stems = nn.ModuleList(stem(dimensions, pupil.in_channels, common) for pupil in pupils)
        self.trunk = UNet(dimensions=dimensions, in_channels=common, answers=HeadsShape(read_to=finest), widths=widths)
        self.heads = nn.ModuleList(Heads(dimensions, widths, pupil.answers) for pupil in pupils)

    def forward(self, image_BCZYX: Tensor, pupil: int = 0) -> Output:
        """Return the answers to images of one dataset, given by its position."""
        pyramid = self.trunk(self.stems[pupil](image_BCZYX)).pyramid
        levels = len(self.widths) - self.pupils[pupil].answers.finest_level(len(self.widths))
        output: Output = self.heads[pupil](pyramid[:levels])
        return output
