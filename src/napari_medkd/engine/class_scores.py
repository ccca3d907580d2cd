"""What a network says of an image as a whole, and where it looks for it.

Legend: B batch, C channel, K class, Z Y X space (no Z for planes).
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from napari_medkd.core.task import Task
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
    with torch.set_grad_enabled(with_attention), autocast():
        output = network(image)
        logits_K = output.classification[0].float()
        attention = _attention(output.pyramid[0], logits_K, tuple(image.shape[2:])) if with_attention else None
    probabilities = logits_K.detach().sigmoid() if task.multilabel else logits_K.detach().softmax(0)
    if attention is not None:
        attention = (attention[None] if flat else attention)[inside]
    return Scores(probabilities.double().cpu().numpy(), attention)


def _attention(coarsest_BCZYX: Tensor, logits_K: Tensor, sides: tuple[int, ...]) -> NDArray[np.float32]:
    """Return where the most probable class is looked for."""
    (gradient,) = torch.autograd.grad(logits_K.max(), coarsest_BCZYX)
    weights = gradient.float().flatten(2).mean(2)[(...,) + (None,) * len(sides)]
    looked_at = (weights * coarsest_BCZYX.float()).sum(1, keepdim=True).relu().detach()
    way = "bilinear" if len(sides) == 2 else "trilinear"
    spread = functional.interpolate(looked_at, sides, mode=way, align_corners=False)[0, 0]
    found: NDArray[np.float32] = (spread / spread.amax().clamp(min=1e-12)).cpu().numpy()
    return found
