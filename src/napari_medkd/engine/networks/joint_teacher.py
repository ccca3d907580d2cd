"""A teacher that reads the maps of several experts and answers the tasks of every dataset.

Legend: B batch, C channel, Z Y X space (no Z for planes). Level 0 has full resolution; every further one has half.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_medkd.engine.networks.heads import CONVOLUTION, Heads, Output
from napari_medkd.engine.networks.normalised_activation import NormalisedActivation
from napari_medkd.engine.networks.pupils import ForPupils, Pupil, stem
from napari_medkd.engine.networks.unet import UNet

_INSTANCE_NORM: dict[int, type[nn.InstanceNorm2d | nn.InstanceNorm3d]] = {2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


class JointTeacher(ForPupils):
    """Experts, one for each dataset, whose maps are fused level by level; a light decoder and heads for each dataset.

    Every expert sees every dataset's images through a 1x1 convolution of its own for that dataset. At each level the
    experts' maps are brought to one width, put side by side and mixed to the student's width.

    Parameters
    ----------
    experts
        Trained, one for each dataset; the teacher has copies of them.
    pupils
        One for each dataset, in the same order.
    widths
        Channels of the fused maps, full resolution first: those of the students.
    adds
        Whether its answers are added to those of the dataset's own expert, which it starts from, and its experts of
        masks and boxes learn on with it; otherwise its answers are its own, and nothing in the experts changes any
        more. Those of classes alone never do: few images, each with one label, are learned by heart before long.

    References
    ----------
    .. [1] "Multi-Dataset Cross-Domain Knowledge Distillation for Unified Medical Image Segmentation, Classification,
       and Detection", arXiv 2605.01563: the joint teacher.
    """

    def __init__(
        self, experts: Sequence[UNet], pupils: Sequence[Pupil], widths: tuple[int, ...], *, adds: bool
    ) -> None:
        super().__init__(experts[0].dimensions, tuple(pupils))
        self.widths = widths
        self.adds = adds
        self.divisor = 2 ** (len(widths) - 1)
        self.experts = nn.ModuleList(deepcopy(expert) for expert in experts)
        for expert, pupil in zip(self.experts, pupils, strict=True):
            expert.requires_grad_(adds and pupil.answers.says_where)
        self.stems = nn.ModuleList(
            nn.ModuleList(stem(self.dimensions, pupil.in_channels, expert.in_channels) for expert in experts)
            for pupil in pupils
        )
        finest = min(pupil.answers.finest_level(len(widths)) for pupil in pupils)
        coarse_to_fine = range(len(widths) - 1, finest - 1, -1)
        self.fusions = nn.ModuleList(
            Fusion(self.dimensions, _channels_at(level, experts), widths[level]) for level in coarse_to_fine
        )
        self.merges = nn.ModuleList(
            Merge(self.dimensions, widths[level + 1], widths[level]) for level in coarse_to_fine[1:]
        )
        heads = [Heads(self.dimensions, widths, pupil.answers) for pupil in pupils]
        if adds:
            for each in heads:
                each.say_nothing()
        self.heads = nn.ModuleList(heads)

    def forward(self, image_BCZYX: Tensor, pupil: int = 0) -> Output:
        """Return the answers to images of one dataset, and the fused maps, coarse to fine.

        Parameters
        ----------
        image_BCZYX
            Normalised intensities of the pupil's channels; each side is a multiple of ``divisor``.
        pupil
            Position of the dataset.
        """
        stems = cast("nn.ModuleList", self.stems[pupil])
        said: list[Output] = [expert(first(image_BCZYX)) for expert, first in zip(self.experts, stems, strict=True)]
        pyramids = [each.pyramid for each in said]
        num_levels, answers = len(self.widths), self.pupils[pupil].answers
        levels = range(num_levels - 1, answers.finest_level(num_levels) - 1, -1)
        fused = tuple(
            fusion([pyramid[at] for pyramid, at in _at_level(level, pyramids, self.experts)])
            for fusion, level in zip(self.fusions, levels, strict=False)
        )
        decoded = [fused[0]]
        for merge, finer in zip(self.merges, fused[1:], strict=False):
            decoded.append(merge(decoded[-1], finer))
        output: Output = self.heads[pupil](tuple(decoded))
        return (output.adding(said[pupil]) if self.adds else output)._replace(pyramid=fused)

    def channels_for(self, pupil: int) -> tuple[int, ...]:
        """Return the channels of the fused maps that one dataset's answers are read from, coarse to fine."""
        finest = self.pupils[pupil].answers.finest_level(len(self.widths))
        return tuple(reversed(self.widths[finest:]))


class Fusion(nn.Module):
    """The experts' maps of one level, each normalised and brought to one width, side by side, mixed."""

    def __init__(self, dimensions: Literal[2, 3], channels: Sequence[int], width: int) -> None:
        super().__init__()
        norm, convolution = _INSTANCE_NORM[dimensions], CONVOLUTION[dimensions]
        self.alike = nn.ModuleList(nn.Sequential(norm(each), convolution(each, width, 1)) for each in channels)
        together = len(channels) * width
        self.mixing = nn.Sequential(norm(together, affine=True), nn.GELU(), convolution(together, width, 1))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Return the fused map."""
        alike = [bring(map_BCZYX) for bring, map_BCZYX in zip(self.alike, maps, strict=True)]
        fused: Tensor = self.mixing(torch.cat(alike, dim=1))
        return fused


class Merge(nn.Module):
    """One step of the light decoder: what is known of a coarser level joins a fused map."""

    def __init__(self, dimensions: Literal[2, 3], coarser: int, width: int) -> None:
        super().__init__()
        convolution = CONVOLUTION[dimensions]
        self.alike = convolution(coarser, width, 1)
        self.mixing = nn.Sequential(convolution(width, width, 3, padding=1, bias=False), NormalisedActivation(width))

    def forward(self, coarser_BCZYX: Tensor, fused_BCZYX: Tensor) -> Tensor:
        """Return the decoder's map of the finer level."""
        enlarged = functional.interpolate(self.alike(coarser_BCZYX), fused_BCZYX.shape[2:], mode="nearest")
        merged: Tensor = self.mixing(fused_BCZYX + enlarged)
        return merged


def _channels_at(level: int, experts: Sequence[UNet]) -> list[int]:
    """Return the channels of the maps that experts have at a level."""
    return [expert.pyramid_channels[at] for expert in experts if (at := _place(level, expert)) is not None]


def _place(level: int, expert: UNet) -> int | None:
    """Return where a level is in an expert's pyramid, which runs from coarse to fine; None where it has none."""
    at = len(expert.widths) - 1 - level
    return at if 0 <= at < len(expert.pyramid_channels) else None


def _at_level(
    level: int, pyramids: Sequence[tuple[Tensor, ...]], experts: nn.ModuleList
) -> list[tuple[tuple[Tensor, ...], int]]:
    found = ((pyramid, _place(level, expert)) for pyramid, expert in zip(pyramids, experts, strict=True))  # type: ignore[arg-type]
    return [(pyramid, at) for pyramid, at in found if at is not None]
