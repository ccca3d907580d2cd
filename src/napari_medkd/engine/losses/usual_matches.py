"""How many anchors stood for a box of late: what a detector's term of classes is divided by."""

from typing import Any

import torch
from torch import Tensor, nn

#: How much of the mean stays when a further batch is taken in.
_MOMENTUM = 0.9


class UsualMatches(nn.Module):
    """A running mean of the number for each sample over the batches of a training; it begins with the first one's.

    Divided by its own number, a batch without boxes would push harder against every false box than one with some, by
    as much as the others hold. The mean stands in checkpoints, so that a continued training goes on to the same bits.

    References
    ----------
    .. [1] Wu et al., "Detectron2", 2019: the running mean of RetinaNet's loss.
    """

    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_load_state_dict_pre_hook(_begin_anew_where_it_is_missing)  # type: ignore[no-untyped-call]

    def forward(self, num_matched: int, num_samples: int) -> float:
        """Return how many there usually are in so many samples; while training, the batch's number is taken in first.

        Parameters
        ----------
        num_matched, num_samples
            The batch's, over the samples of which boxes are known.
        """
        if not num_samples:
            return 1.0
        number, kept = max(num_matched, 1) / num_samples, float(self.mean)
        usual = _MOMENTUM * kept + (1 - _MOMENTUM) * number if kept else number
        if self.training:
            self.mean.fill_(usual)
        return usual * num_samples


def _begin_anew_where_it_is_missing(module: nn.Module, tensors: dict[str, Any], prefix: str, *_: Any) -> None:
    """Let checkpoints be continued that were written before there was a mean."""
    tensors.setdefault(f"{prefix}mean", module.mean)
