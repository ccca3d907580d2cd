"""What a mask is learned by: cross-entropy and Dice, weighted; the settings that all methods have for them."""

from typing import Any, Protocol, TypeVar

from pydantic import Field
from torch import Tensor

from napari_medkd.engine.losses.overlap import cross_entropy, dice_loss, log_dice_loss

CROSS_ENTROPY: Any = Field(
    1.0, ge=0, le=10, title="Cross-entropy weight", description="Weight of a mask's voxel-wise cross-entropy."
)
DICE: Any = Field(1.0, ge=0, le=10, title="Dice weight", description="Weight of a mask's soft Dice loss.")
LOG_DICE: Any = Field(
    True,
    title="Logarithm of Dice",
    description="Whether the class that is found least pulls most, so that small structures are learned early.",
)


class MaskWeights(Protocol):
    """What every method's settings say of the terms of a mask."""

    @property
    def cross_entropy(self) -> float:
        """Weight of cross-entropy; a term of weight 0 is not there."""

    @property
    def dice(self) -> float:
        """Weight of the soft Dice loss."""

    @property
    def log_dice(self) -> bool:
        """Whether that is the logarithm of Dice."""


W = TypeVar("W", bound=MaskWeights)


def refuse_nothing_to_learn(settings: W) -> W:
    """Return a method's settings; as the validator of these, refuse them where no term of a mask is left.

    Raises
    ------
    ValueError
        Where both weights are 0.
    """
    if not settings.cross_entropy and not settings.dice:
        raise ValueError("cross_entropy and dice are both 0; of masks there would be nothing to learn")
    return settings


def mask_terms(logits_BKZYX: Tensor, label_BZYX: Tensor, weights: MaskWeights) -> dict[str, Tensor]:
    """Return the terms with their weights."""
    terms: dict[str, Tensor] = {}
    if weights.cross_entropy:
        terms["cross-entropy"] = weights.cross_entropy * cross_entropy(logits_BKZYX, label_BZYX)
    if weights.dice:
        loss = log_dice_loss if weights.log_dice else dice_loss
        terms["dice"] = weights.dice * loss(logits_BKZYX, label_BZYX)
    return terms
