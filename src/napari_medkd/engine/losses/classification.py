"""How far a network's scores of a whole image are from its classes.

Legend: B batch, K class.
"""

import torch
from torch import Tensor
from torch.nn import functional

from napari_medkd.core.task import UNKNOWN
from napari_medkd.engine.losses.shapes import in_full_precision


def class_cross_entropy(
    logits_BK: Tensor, present_BK: Tensor, *, multilabel: bool, weights_K: Tensor | None = None
) -> Tensor:
    """Return the mean negative log-probability of what is known of the images.

    The mean is over images, not over weights: within a batch of few images these would cancel each other.

    Parameters
    ----------
    logits_BK
        Before softmax, or, where several classes may be present, before the sigmoid of each.
    present_BK
        1 or 0 for each class; -1 where it is not known, which counts nowhere.
    multilabel
        Whether several classes may be present at once.
    weights_K
        How much each class counts where it is present; None counts all alike.

    Returns
    -------
    Tensor
        A number in nats; 0 where nothing is known.
    """
    if logits_BK.shape != present_BK.shape:
        raise ValueError(
            f"Logits of shape {tuple(logits_BK.shape)} need as many labels, not {tuple(present_BK.shape)}."
        )
    logits_BK = in_full_precision(logits_BK)
    is_known_BK = present_BK != UNKNOWN
    weights_BK = present_BK.clamp(min=0) * (1.0 if weights_K is None else weights_K.to(logits_BK))
    if multilabel:
        weights_BK = torch.where(present_BK > 0, weights_BK, 1.0) * is_known_BK
        loss_BK = functional.binary_cross_entropy_with_logits(
            logits_BK, present_BK.clamp(min=0).to(logits_BK.dtype), reduction="none"
        )
        return (weights_BK * loss_BK).sum() / is_known_BK.sum().clamp(min=1)
    return -(weights_BK * logits_BK.log_softmax(1)).sum() / is_known_BK.all(1).sum().clamp(min=1)
