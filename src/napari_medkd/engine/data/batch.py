"""What one training step sees.

Shape legend: B batch, C channel, K class, N boxes, D spatial axes, Z Y X space. A batch of 2-D images has no Z:
(B, C, Y, X).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor


class BoxTarget(NamedTuple):
    """The true boxes of a sample."""

    corners_ND: Tensor
    """(N, 2 D): low edges, then high ones, in voxels of the sample."""
    classes_N: Tensor
    """Class indices, int64."""
    partly_ND: Tensor | None = None
    """What is seen of boxes of which too little lies in the sample, corners as above: anchors there are taught neither
    that there is an object nor that there is none. None is the same as no such box."""

    def to(self, device: torch.device) -> "BoxTarget":
        """Return the boxes on a device."""
        partly_ND = None if self.partly_ND is None else self.partly_ND.to(device)
        return BoxTarget(self.corners_ND.to(device), self.classes_N.to(device), partly_ND)


class Said(NamedTuple):
    """What a teacher said beforehand of the images, moved along with them: logits, None where there are none."""

    mask_BKZYX: Tensor | None
    classes_BK: Tensor | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Augmented samples on the device.

    Parameters
    ----------
    image_BCZYX
        Preprocessed intensities.
    label_BZYX
        Class index of each voxel, int64; -1 counts nowhere.
    shown_BCZYX
        What a teacher is shown instead of the image; set by a view.
    varied_BCZYX
        What is shown, with another appearance: for a student that is to answer both alike.
    expected_BZYX
        Class index that registration expects at each voxel of what is shown: beyond the reference's edge, the edge's;
        -1 beyond what is shown itself.
    present_BK
        For each class of the whole image 1 or 0, or -1 where it is not known; None where nobody asks.
    boxes
        Of each sample, None where they are not known; None altogether where nobody asks.
    said
        What a teacher said beforehand; None where it is asked in every step, or not at all.
    pupil
        Position of the dataset, where a step learns from several.
    others
        The step's samples from other datasets.
    """

    image_BCZYX: Tensor
    label_BZYX: Tensor
    shown_BCZYX: Tensor | None = None
    varied_BCZYX: Tensor | None = None
    expected_BZYX: Tensor | None = None
    present_BK: Tensor | None = None
    boxes: tuple[BoxTarget | None, ...] | None = None
    said: Said | None = None
    pupil: int = 0
    others: "tuple[Batch, ...]" = ()

    @property
    def parts(self) -> "tuple[Batch, ...]":
        """The samples of each dataset, this one's first."""
        return (self, *self.others)

    def showing(self, shown_BCZYX: Tensor) -> "Batch":
        """Return the batch with something to show to the teacher."""
        return replace(self, shown_BCZYX=shown_BCZYX)

    def shown_or_image(self) -> Tensor:
        """Return what a view made to be shown, else the image itself."""
        return self.image_BCZYX if self.shown_BCZYX is None else self.shown_BCZYX


#: Turns an augmented batch into what a stage needs. It is applied to training and validation alike.
View: TypeAlias = Callable[[Batch], Batch]
