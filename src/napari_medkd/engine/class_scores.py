"""What a network says of an image as a whole, and where it looks for it.

Legend: B batch, C channel, K class, Z Y X space (no Z for planes).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from napari_medkd.core.task import Task
from napari_medkd.engine.networks.heads import Output
from napari_medkd.engine.sliding_window import enlarged


@dataclass(frozen=True, slots=True)
class Scores:
    """What a network says of a whole image.

    Parameters
    ----------
    probabilities_K
        Of each class; where only one may be present, they sum to 1.
    attention_ZYX
        Where it looks for the most probable class, 0 to 1.
    """

    probabilities_K: NDArray[np.float64]
    attention_ZYX: NDArray[np.float32] | None = None


def class_scores(
    network: nn.Module,
    image_CZYX: Tensor,
    patch: tuple[int, int, int],
    task: Task,
    autocast: Callable[[], AbstractContextManager[object]],
    *,
    with_attention: bool = False,
) -> Scores:
    """Return a network's scores of an image that fits into its patch.

    Where the scores of another network are added to its own, it looks where both do, each by what it says.

    Parameters
    ----------
    network
        In the training state it should answer in.
    image_CZYX
        Preprocessed intensities on the network's device.

    References
    ----------
    .. [1] Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
       ICCV 2017, eq. 1 and 2; on the coarsest map, enlarged linearly.
    """
    fitting_CZYX, inside = enlarged(image_CZYX, patch)
    flat = patch[0] == 1
    image = (fitting_CZYX[:, 0] if flat else fitting_CZYX)[None]
    image = image.detach().requires_grad_(with_attention)  # also what is frozen is looked into
    with torch.set_grad_enabled(with_attention), autocast():
        output = network(image)
        logits_K = output.classification[0].float()
        attention = _attention(output, tuple(image.shape[2:])) if with_attention else None
    probabilities = logits_K.detach().sigmoid() if task.multilabel else logits_K.detach().softmax(0)
    if attention is not None:
        attention = (attention[None] if flat else attention)[inside]
    return Scores(probabilities.cpu().double().numpy(), attention)


def _attention(output: Output, sides: tuple[int, ...]) -> NDArray[np.float32]:
    """Return where the most probable class is looked for; maps are enlarged on the CPU, as not every device can."""
    logits_BK, coarsest = cast("Tensor", output.classification), output.pyramid[0]
    best = int(logits_BK[0].argmax())
    looked_at = _contribution(logits_BK[0, best], coarsest)
    for beside_BK, map_BCZYX in output.scored_beside:
        also = _contribution(beside_BK[0, best], map_BCZYX)
        looked_at = looked_at + functional.interpolate(also, tuple(coarsest.shape[2:]), mode="area")
    way = "bilinear" if len(sides) == 2 else "trilinear"
    spread = functional.interpolate(looked_at.relu(), sides, mode=way, align_corners=False)[0, 0]
    found: NDArray[np.float32] = (spread / spread.amax().clamp(min=1e-12)).numpy()
    return found


def _contribution(logit: Tensor, map_BCZYX: Tensor) -> Tensor:
    """Return what each place of a map says for a class (B, 1, Z, Y, X), on the CPU: its mean is in the logit's unit."""
    (gradient,) = torch.autograd.grad(logit, map_BCZYX, retain_graph=True)
    weights = gradient.float().flatten(2).sum(2)[(...,) + (None,) * (map_BCZYX.ndim - 2)]
    return (weights * map_BCZYX.float()).sum(1, keepdim=True).detach().cpu()
