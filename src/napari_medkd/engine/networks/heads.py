"""What is read off a pyramid of maps: a class for every voxel, scores for the whole image, boxes.

Legend: B batch, C channel, K class, N anchors, D spatial axes, Z Y X space. Names end in ZYX for planes, too.
"""

import math
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_medkd.core.settings import Settings
from napari_medkd.engine.networks.anchors import AnchorSizes, anchors_of
from napari_medkd.engine.networks.normalised_activation import SLOPE, NormalisedActivation

CONVOLUTION: dict[int, type[nn.Conv2d | nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}

#: What a detector believes of an anchor before it has learned anything.
_CHANCE_OF_A_BOX = 0.01


class HeadsShape(Settings):
    """Which questions a network answers; 0 and None stand for those it does not."""

    num_classes: int = 0
    """Of the segmentation, background included."""
    num_scores: int = 0
    """Classes that the whole image is given a score for."""
    num_box_classes: int = 0
    anchors: AnchorSizes | None = None
    """What boxes start from, where there are box classes."""
    read_to: int | None = None
    """Finest level that somebody else reads."""

    @property
    def says_where(self) -> bool:
        """Whether masks or boxes are among the answers."""
        return bool(self.num_classes or self.num_box_classes)

    def finest_level(self, num_levels: int) -> int:
        """Return the finest level that is read; 0 has full resolution."""
        if self.num_classes:
            return 0
        levels = (num_levels - 1, *(self.anchors.levels if self.anchors else ()))
        return min(levels if self.read_to is None else (*levels, self.read_to))


class BoxMaps(NamedTuple):
    """What a detector says of every anchor."""

    logits_BNK: Tensor
    """Before the sigmoid."""
    offsets_BND: Tensor
    """From anchor to box, (B, N, 2 D): shifts in sides of the anchor, then logarithms of how much larger."""
    anchors_ND: Tensor
    """(N, 2 D), low and high edges in voxels of the network's input."""
    positions: tuple[int, ...]
    """Of each level, in order; the anchors of one follow each other."""


class Output(NamedTuple):
    """What a network says about a batch."""

    pyramid: tuple[Tensor, ...]
    """Maps (B, C, Z, Y, X), coarse to fine, from the coarsest level to the finest that is used."""
    segmentation: Tensor | None = None
    """Logits (B, K, Z, Y, X) at full resolution."""
    classification: Tensor | None = None
    """Logits (B, K) of the whole image."""
    detection: BoxMaps | None = None
    scored_beside: tuple[tuple[Tensor, Tensor], ...] = ()
    """Of each network whose scores of the whole image are among these: its logits, and its coarsest map."""

    @property
    def features(self) -> tuple[Tensor, ...]:
        """The pyramid without its coarsest map; the last one feeds the last 1x1 convolution of a segmentation."""
        return self.pyramid[1:]

    @property
    def logits(self) -> Tensor:
        """The segmentation's logits.

        Raises
        ------
        TypeError
            Where the network draws no masks.
        """
        if self.segmentation is None:
            raise TypeError("This network draws no masks.")
        return self.segmentation

    def adding(self, other: "Output") -> "Output":
        """Return the answers with those of another network to the same questions added, and this one's maps."""
        added = self
        if self.segmentation is not None and other.segmentation is not None:
            added = added._replace(segmentation=self.segmentation + other.segmentation)
        if self.classification is not None and other.classification is not None:
            beside = (*self.scored_beside, (other.classification, other.pyramid[0]), *other.scored_beside)
            added = added._replace(classification=self.classification + other.classification, scored_beside=beside)
        if self.detection is not None and other.detection is not None:
            boxes, others = self.detection, other.detection
            logits, offsets = boxes.logits_BNK + others.logits_BNK, boxes.offsets_BND + others.offsets_BND
            added = added._replace(detection=boxes._replace(logits_BNK=logits, offsets_BND=offsets))
        return added


class Heads(nn.Module):
    """The heads a network has.

    Parameters
    ----------
    dimensions
        2 for planes, 3 for volumes.
    widths
        Channels of the pyramid's levels, full resolution first.
    shape
        Which heads.
    """

    def __init__(self, dimensions: Literal[2, 3], widths: tuple[int, ...], shape: HeadsShape) -> None:
        super().__init__()
        self.shape = shape
        if shape.num_classes:
            self.segmentation = CONVOLUTION[dimensions](widths[0], shape.num_classes, kernel_size=1)
        if shape.num_scores:
            self.classification = Classification(dimensions, widths[-1], shape.num_scores)
        if shape.anchors:
            self.detection = Detection(dimensions, widths, shape.num_box_classes, shape.anchors)

    def say_nothing(self) -> None:
        """Make every answer 0 until something is learned, for heads whose answers are added to those of others."""
        last: list[nn.Module] = []
        if self.shape.num_classes:
            last.append(self.segmentation)
        if self.shape.num_scores:
            last.append(self.classification.scores)
        if self.shape.anchors:
            last += [self.detection.classes, self.detection.offsets]
        for parameter in (each for layer in last for each in layer.parameters()):
            nn.init.zeros_(parameter)

    def forward(self, pyramid: tuple[Tensor, ...]) -> Output:
        """Return the answers to the maps of a batch, coarse to fine."""
        output = Output(pyramid)
        if self.shape.num_classes:
            output = output._replace(segmentation=self.segmentation(pyramid[-1]))
        if self.shape.num_scores:
            output = output._replace(classification=self.classification(pyramid[0]))
        if self.shape.anchors:
            output = output._replace(detection=self.detection(pyramid))
        return output


class Classification(nn.Module):
    """Scores of the whole image: one convolution that mixes the coarsest map, its mean and maximum, a linear layer.

    The convolution has no normalisation after it: the mean of a normalised map would say nothing.
    """

    def __init__(self, dimensions: Literal[2, 3], channels: int, num_scores: int) -> None:
        super().__init__()
        self.mixing = CONVOLUTION[dimensions](channels, channels, kernel_size=3, padding=1)
        self.scores = nn.Linear(2 * channels, num_scores)

    def forward(self, map_BCZYX: Tensor) -> Tensor:
        """Return logits (B, K)."""
        mixed = functional.leaky_relu(self.mixing(map_BCZYX), SLOPE).flatten(2)
        logits: Tensor = self.scores(torch.cat([mixed.mean(2), mixed.amax(2)], dim=1))
        return logits


class Detection(nn.Module):
    """A class and a box for every anchor, by the same convolutions on every level that is used.

    References
    ----------
    .. [1] Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017 (RetinaNet).
    .. [2] Jaeger et al., "Retina U-Net", ML4H 2019: the same on the decoder's maps of a U-Net.
    """

    def __init__(
        self, dimensions: Literal[2, 3], widths: tuple[int, ...], num_box_classes: int, anchors: AnchorSizes
    ) -> None:
        super().__init__()
        convolution = CONVOLUTION[dimensions]
        channels = widths[anchors.levels[-1]]
        each = anchors.per_position
        self.coarsest = len(widths) - 1
        self.anchors = anchors
        self.num_box_classes = num_box_classes
        self.alike = nn.ModuleList(convolution(widths[level], channels, kernel_size=1) for level in anchors.levels)
        self.of_class = _tower(dimensions, channels)
        self.of_place = _tower(dimensions, channels)
        self.classes = convolution(channels, each * num_box_classes, kernel_size=3, padding=1)
        self.offsets = convolution(channels, each * 2 * dimensions, kernel_size=3, padding=1)
        nn.init.constant_(self.classes.bias, -math.log((1 - _CHANCE_OF_A_BOX) / _CHANCE_OF_A_BOX))  # type: ignore[arg-type]
        for last in (self.classes, self.offsets):
            nn.init.normal_(last.weight, std=0.01)

    def forward(self, pyramid: tuple[Tensor, ...]) -> BoxMaps:
        """Return what is said of the anchors on the pyramid's maps, coarse to fine."""
        logits, offsets, shapes = [], [], []
        for level, alike in zip(self.anchors.levels, self.alike, strict=True):
            common = alike(pyramid[self.coarsest - level])
            shapes.append(tuple(common.shape[2:]))
            logits.append(_by_anchor(self.classes(self.of_class(common)), self.num_box_classes))
            offsets.append(_by_anchor(self.offsets(self.of_place(common)), 2 * len(shapes[-1])))
        found = anchors_of(self.anchors, shapes, common.device)
        positions = tuple(math.prod(shape) for shape in shapes)
        return BoxMaps(torch.cat(logits, dim=1), torch.cat(offsets, dim=1), found, positions)


def _tower(dimensions: Literal[2, 3], channels: int) -> nn.Sequential:
    """Return a convolution, normalised and rectified."""
    return nn.Sequential(
        CONVOLUTION[dimensions](channels, channels, kernel_size=3, padding=1, bias=False),
        NormalisedActivation(channels),
    )


def _by_anchor(map_BCZYX: Tensor, numbers: int) -> Tensor:
    """Return a map's channels as so many numbers of every anchor, (B, N, numbers), position by position."""
    last = map_BCZYX.flatten(2).transpose(1, 2)
    return last.reshape(len(map_BCZYX), -1, numbers)
