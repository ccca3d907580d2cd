"""A plain U-Net for planes or volumes, with or without skip connections, that also returns its maps.

Legend: B batch, C channel, K class, Z Y X space. Names end in ZYX for both; a 2-D network has no Z.
"""

from math import prod
from typing import Literal

import torch
from torch import Tensor, nn

from napari_medkd.engine.networks.heads import CONVOLUTION, Heads, HeadsShape, Output
from napari_medkd.engine.networks.normalised_activation import NormalisedActivation

ENLARGEMENT: dict[int, type[nn.ConvTranspose2d | nn.ConvTranspose3d]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


class UNet(nn.Module):
    """Encoder and decoder of equal depth; each level is two convolutions, normalised per instance and rectified.

    Parameters
    ----------
    dimensions
        2 for planes (B, C, Y, X), 3 for volumes (B, C, Z, Y, X).
    in_channels
        Image channels.
    answers
        Which heads it has. The decoder goes as far as they read it: not at all for scores of the whole image.
    widths
        Channels of each level, full resolution first; every further level halves the resolution.
    skips
        Whether the decoder sees the encoder's maps. Without them its maps have the same channels, so that the features
        of the two kinds can be compared; the network then has to form its answer in the bottleneck.

    Attributes
    ----------
    divisor
        Every side of an image must be a multiple of this.
    pyramid_channels
        Channels of the maps of its output's pyramid, coarse to fine.

    References
    ----------
    .. [1] Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015.
    .. [2] Çiçek et al., "3D U-Net: Learning Dense Volumetric Segmentation from Sparse Annotation", MICCAI 2016.
    """

    def __init__(
        self,
        *,
        dimensions: Literal[2, 3],
        in_channels: int,
        answers: HeadsShape,
        widths: tuple[int, ...] = (16, 32, 64, 128),
        skips: bool = True,
    ) -> None:
        super().__init__()
        if len(widths) < 2:
            raise ValueError(f"widths has {len(widths)} level(s); a U-Net needs at least 2, full resolution first.")
        self.dimensions: Literal[2, 3] = dimensions
        self.in_channels = in_channels
        self.answers = answers
        self.widths = widths
        self.skips = skips
        self.divisor = 2 ** (len(widths) - 1)
        finest = answers.finest_level(len(widths))
        decoded = tuple(reversed(widths[finest:-1]))
        self.encoder = nn.ModuleList(
            _level(dimensions, narrow, wide, stride=1 if depth == 0 else 2)
            for depth, (narrow, wide) in enumerate(zip((in_channels, *widths[:-1]), widths, strict=True))
        )
        self.enlargements = nn.ModuleList()
        self.decoder = nn.ModuleList()
        for deep, width in zip(reversed(widths[finest + 1 :]), decoded, strict=True):
            self.enlargements.append(ENLARGEMENT[dimensions](deep, width, kernel_size=2, stride=2))
            self.decoder.append(_level(dimensions, 2 * width if skips else width, width))
        self.pyramid_channels = tuple(reversed(widths)) if not decoded else (widths[-1], *decoded)
        self.heads = Heads(dimensions, widths, answers)

    def forward(self, image_BCZYX: Tensor) -> Output:
        """Return answers and maps for a batch of images.

        Parameters
        ----------
        image_BCZYX
            Normalised intensities; for a 2-D network (B, C, Y, X). Each side is a multiple of ``divisor``.

        Returns
        -------
        Output
            What the heads say; the pyramid is the bottleneck and the decoder's maps, or the encoder's where there is
            no decoder.
        """
        self._refuse_sides(tuple(image_BCZYX.shape[2:]))
        encoded = []
        current = image_BCZYX
        for level in self.encoder:
            current = level(current)
            encoded.append(current)
        if not self.decoder:
            return self.heads(tuple(reversed(encoded)))  # type: ignore[no-any-return]
        pyramid = [current]
        for enlarge, level, skipped in zip(
            self.enlargements, self.decoder, reversed(encoded[-1 - len(self.decoder) : -1]), strict=True
        ):
            current = enlarge(current)
            current = level(torch.cat((current, skipped), dim=1) if self.skips else current)
            pyramid.append(current)
        return self.heads(tuple(pyramid))  # type: ignore[no-any-return]

    def _refuse_sides(self, sides: tuple[int, ...]) -> None:
        if len(sides) != self.dimensions:
            raise ValueError(f"The image has {len(sides)} spatial axes; this network sees {self.dimensions}.")
        if any(side % self.divisor for side in sides):
            fitting = tuple(-(-side // self.divisor) * self.divisor for side in sides)
            raise ValueError(
                f"An image of {sides} voxels cannot be halved {len(self.encoder) - 1} times: "
                f"every side must be a multiple of {self.divisor}. Pad it to {fitting}."
            )
        if prod(sides) == self.divisor**self.dimensions:
            raise ValueError(
                f"An image of {sides} voxels leaves a single voxel at the coarsest level, which cannot be normalised. "
                f"Double at least one side, or use fewer levels."
            )


def _level(dimensions: int, in_channels: int, channels: int, stride: int = 1) -> nn.Sequential:
    """Two 3x3 convolutions; the bias is left to the normalisation."""
    convolution = CONVOLUTION[dimensions]
    return nn.Sequential(
        convolution(in_channels, channels, kernel_size=3, stride=stride, padding=1, bias=False),
        NormalisedActivation(channels),
        convolution(channels, channels, kernel_size=3, padding=1, bias=False),
        NormalisedActivation(channels),
    )
