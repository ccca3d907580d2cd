"""Finds where each voxel of one image lies in another: a weight-shared encoder sees both, a decoder gives a flow.

Legend: B batch, C channel, D spatial axes in the order (z, y, x), E embedding, Z Y X space (no Z for planes).
"""

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_medkd.engine.networks.heads import CONVOLUTION

#: Channels of the encoder's levels, half resolution first (OS-MedSeg, stage A).
ENCODER_WIDTHS = (32, 64, 64, 64)
_DECODER_WIDTH = 32
_SLOPE = 0.2
#: Size of the last layer's first weights: training begins at the identity.
_FIRST_FLOW = 1e-5


class Matching(NamedTuple):
    """How a moving image is brought onto a fixed one."""

    flow_BDZYX: Tensor
    """For each voxel of the fixed image, how far away it lies in the moving one, in voxels."""
    fixed_BE: Tensor
    """The fixed image's pooled embedding."""


class RegistrationNetwork(nn.Module):
    """Siamese encoder, and a decoder over the concatenated maps of both images.

    Parameters
    ----------
    dimensions
        2 for planes (B, C, Y, X), 3 for volumes (B, C, Z, Y, X).
    in_channels
        Image channels.

    References
    ----------
    .. [1] "Distillation Learning Guided by Image Reconstruction for One-Shot Medical Image Segmentation",
       arXiv 2408.03616, registration-based generation.
    .. [2] Balakrishnan et al., "VoxelMorph: A Learning Framework for Deformable Medical Image Registration", TMI 2019.
    """

    def __init__(self, *, dimensions: Literal[2, 3], in_channels: int) -> None:
        super().__init__()
        convolution = CONVOLUTION[dimensions]
        self.dimensions: Literal[2, 3] = dimensions
        self.in_channels = in_channels
        widths = (in_channels, *ENCODER_WIDTHS)
        self.encoder = nn.ModuleList(
            convolution(narrow, wide, kernel_size=3, stride=2, padding=1) for narrow, wide in pairwise(widths)
        )
        deep = 2 * ENCODER_WIDTHS[-1]
        self.decoder = nn.ModuleList()
        for skipped in (*reversed(ENCODER_WIDTHS[:-1]), in_channels):
            self.decoder.append(convolution(deep + 2 * skipped, _DECODER_WIDTH, kernel_size=3, padding=1))
            deep = _DECODER_WIDTH
        self.flow = convolution(_DECODER_WIDTH, dimensions, kernel_size=3, padding=1, bias=False)
        nn.init.normal_(self.flow.weight, std=_FIRST_FLOW)

    def forward(self, moving_BCZYX: Tensor, fixed_BCZYX: Tensor) -> Matching:
        """Return the flow that brings moving images onto fixed ones, and the embeddings of the fixed ones.

        Parameters
        ----------
        moving_BCZYX, fixed_BCZYX
            Normalised intensities of one shape, whatever its sides.
        """
        levels = self._levels(torch.cat((moving_BCZYX, fixed_BCZYX)))
        fixed_BE = _pooled(levels[-1].chunk(2)[1])
        *finer, current = (torch.cat(level.chunk(2), dim=1) for level in levels)
        for convolution, skipped in zip(self.decoder, reversed(finer), strict=True):
            current = functional.interpolate(current, size=skipped.shape[2:], mode="nearest")
            current = functional.leaky_relu(convolution(torch.cat((current, skipped), dim=1)), _SLOPE)
        return Matching(self.flow(current).float(), fixed_BE)

    def embed(self, image_BCZYX: Tensor) -> Tensor:
        """Return the pooled embedding (B, E) of images."""
        return _pooled(self._levels(image_BCZYX)[-1])

    def _levels(self, image_BCZYX: Tensor) -> list[Tensor]:
        levels = [image_BCZYX]
        for convolution in self.encoder:
            levels.append(functional.leaky_relu(convolution(levels[-1]), _SLOPE))
        return levels


def _pooled(map_BEZYX: Tensor) -> Tensor:
    return map_BEZYX.flatten(2).float().mean(2)
