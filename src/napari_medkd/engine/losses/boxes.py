"""How far a detector's anchors are from the true boxes.

Legend: B batch, K class, N anchors, M boxes, D spatial axes. A box is (N, 2 D): low edges, then high ones.
"""

from typing import NamedTuple

import torch
from monai.apps.detection.utils.ATSS_matcher import ATSSMatcher
from monai.data.box_utils import box_pair_giou
from monai.losses.focal_loss import FocalLoss
from torch import Tensor

from napari_medkd.engine.data.batch import BoxTarget
from napari_medkd.engine.losses.shapes import in_full_precision
from napari_medkd.engine.networks.heads import BoxMaps

#: An anchor that stands for no box.
BACKGROUND = -1

#: Anchors on each level, nearest to the middle of a box, of which those that overlap it most stand for it.
_CANDIDATES = 4

#: A box is at most this many times as large as its anchor.
_LARGEST_FACTOR = 32.0

_FOCAL = FocalLoss(include_background=True, gamma=2.0, alpha=0.25, reduction="sum")


class BoxLosses(NamedTuple):
    """Two numbers, each per anchor that stands for a box."""

    of_class: Tensor
    of_place: Tensor


def decoded(anchors_ND: Tensor, offsets_ND: Tensor) -> Tensor:
    """Return the boxes that offsets make of anchors; their last axes are (N, 2 D).

    References
    ----------
    .. [1] Girshick et al., "Rich feature hierarchies for accurate object detection", CVPR 2014, appendix C.
    """
    dimensions = anchors_ND.shape[-1] // 2
    low, high = anchors_ND[..., :dimensions], anchors_ND[..., dimensions:]
    sides, middle = high - low, (low + high) / 2
    offsets = in_full_precision(offsets_ND)
    found = middle + offsets[..., :dimensions] * sides
    half = sides * offsets[..., dimensions:].clamp(max=torch.tensor(_LARGEST_FACTOR).log().item()).exp() / 2
    return torch.cat([found - half, found + half], dim=-1)


@torch.no_grad()
def matches(found: BoxMaps, boxes_M: Tensor) -> Tensor:
    """Return for each anchor the index of the box it stands for (N,), or -1.

    References
    ----------
    .. [1] Zhang et al., "Bridging the Gap Between Anchor-based and Anchor-free Detection via Adaptive Training Sample
       Selection", CVPR 2020.
    """
    num_anchors = len(found.anchors_ND)
    if not len(boxes_M):
        return torch.full((num_anchors,), BACKGROUND, device=boxes_M.device)
    per_position = num_anchors // sum(found.positions)
    matcher = ATSSMatcher(num_candidates=_CANDIDATES, center_in_gt=False)
    _, matched_N = matcher.compute_matches(boxes_M, found.anchors_ND, found.positions, per_position)
    return matched_N


def box_losses(found: BoxMaps, truths: tuple[BoxTarget | None, ...]) -> BoxLosses:
    """Return the focal loss of the anchors' classes and one minus the generalised IoU of those that stand for a box.

    Parameters
    ----------
    truths
        Of each sample; one whose boxes are not known counts nowhere.

    References
    ----------
    .. [1] Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 5.
    .. [2] Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019, algorithm 1.
    """
    of_class, of_place, num_matched = [], [], 0
    for index, truth in enumerate(truths):
        if truth is None:
            continue
        matched_N = matches(found, truth.corners_ND)
        is_box_N = matched_N != BACKGROUND
        logits_NK = in_full_precision(found.logits_BNK[index])
        wanted_NK = torch.zeros_like(logits_NK)
        wanted_NK[is_box_N, truth.classes_N[matched_N[is_box_N]]] = 1
        of_class.append(_FOCAL(logits_NK, wanted_NK))
        num_matched += int(is_box_N.sum())
        if is_box_N.any():
            boxes = decoded(found.anchors_ND[is_box_N], found.offsets_BND[index][is_box_N])
            overlap_N = box_pair_giou(boxes, truth.corners_ND[matched_N[is_box_N]])
            of_place.append((1 - overlap_N).sum())
    nothing = found.logits_BNK.sum() * 0 + found.offsets_BND.sum() * 0
    return BoxLosses(*(sum(terms, nothing) / max(num_matched, 1) for terms in (of_class, of_place)))
