"""How far a detector's anchors are from the true boxes.

Legend: B batch, K class, N anchors, M boxes, D spatial axes. A box is (N, 2 D): low edges, then high ones.
"""

from typing import NamedTuple, cast

import torch
from monai.apps.detection.utils.ATSS_matcher import ATSSMatcher
from monai.data.box_utils import box_pair_giou
from monai.losses.focal_loss import FocalLoss
from torch import Tensor

from napari_medkd.engine.data.batch import BoxTarget
from napari_medkd.engine.losses.divergence import divergences
from napari_medkd.engine.losses.shapes import in_full_precision
from napari_medkd.engine.losses.usual_matches import UsualMatches
from napari_medkd.engine.networks.heads import BoxMaps

#: An anchor that stands for no box.
BACKGROUND = -1

#: Anchors on each level, nearest to the middle of a box, of which those that overlap it most stand for it.
_CANDIDATES = 4

#: A box is at most this many times as large as its anchor.
_LARGEST_FACTOR = 32.0

#: A box that is as many voxels away is nowhere: from there on sizes may overflow.
_NOWHERE = 1e12

#: A probability from which the teacher says that an anchor stands for a box.
_TEACHER_SEES = 0.3

#: Of every entry: in MONAI a sum is taken of means.
_FOCAL = FocalLoss(include_background=True, gamma=2.0, alpha=0.25, reduction="none")


class Matched(NamedTuple):
    """The true boxes of a sample, and which of them each anchor stands for."""

    truth: BoxTarget
    matched_N: Tensor
    """As `matches` returns it."""


class BoxLosses(NamedTuple):
    """Two numbers, each per anchor that stands for a box; the classes' for as many as usual."""

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
    """Return for each anchor the index of the box it stands for (N,), or -1; for each box there is one at least.

    References
    ----------
    .. [1] Zhang et al., "Bridging the Gap Between Anchor-based and Anchor-free Detection via Adaptive Training Sample
       Selection", CVPR 2020.
    """
    num_anchors = len(found.anchors_ND)
    if not len(boxes_M):
        return torch.full((num_anchors,), BACKGROUND, dtype=torch.int64, device=boxes_M.device)
    per_position = num_anchors // sum(found.positions)
    matcher = ATSSMatcher(num_candidates=_CANDIDATES, center_in_gt=False)
    overlap_MN, matched_N = matcher.compute_matches(boxes_M, found.anchors_ND, found.positions, per_position)
    # Where the candidates of a box fall into two groups, the threshold may lie above all of them.
    count_M = torch.bincount(matched_N[matched_N != BACKGROUND], minlength=len(boxes_M))
    for box in torch.nonzero(count_M == 0).flatten().tolist():
        may_be_taken_N = (matched_N == BACKGROUND) | (count_M[matched_N] > 1)
        anchor = torch.where(may_be_taken_N, overlap_MN[box], -1.0).argmax()
        if matched_N[anchor] != BACKGROUND:
            count_M[matched_N[anchor]] -= 1
        matched_N[anchor], count_M[box] = box, 1
    return matched_N


def matched(found: BoxMaps, truths: tuple[BoxTarget | None, ...]) -> tuple[Matched | None, ...]:
    """Return each sample's true boxes with the anchors that stand for them, None where they are not known."""
    return tuple(None if truth is None else Matched(truth, matches(found, truth.corners_ND)) for truth in truths)


def box_losses(found: BoxMaps, samples: tuple[Matched | None, ...], usual: UsualMatches) -> BoxLosses:
    """Return the focal loss of the anchors' classes and one minus the generalised IoU of those that stand for a box.

    Anchors whose middle lies in what is left of a box that is only partly there count nowhere, unless they stand for
    another one.

    Parameters
    ----------
    samples
        Of each what `matched` says; one whose boxes are not known counts nowhere.
    usual
        Says by how many anchors that stand for a box the classes' loss is divided; places are a mean over the batch's.

    References
    ----------
    .. [1] Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, eq. 5.
    .. [2] Rezatofighi et al., "Generalized Intersection over Union", CVPR 2019, algorithm 1.
    """
    of_class, of_place, num_matched = [], [], 0
    for index, sample in enumerate(samples):
        if sample is None:
            continue
        truth, matched_N = sample
        is_box_N = matched_N != BACKGROUND
        logits_NK = in_full_precision(found.logits_BNK[index])
        wanted_NK = torch.zeros_like(logits_NK)
        wanted_NK[is_box_N, truth.classes_N[matched_N[is_box_N]]] = 1
        counts_N = is_box_N | ~_lie_in(found.anchors_ND, truth.partly_ND)
        of_class.append(_FOCAL(logits_NK, wanted_NK)[counts_N].sum())
        num_matched += int(is_box_N.sum())
        if is_box_N.any():
            boxes = decoded(found.anchors_ND[is_box_N], found.offsets_BND[index][is_box_N])
            overlap_N = _overlap(boxes, truth.corners_ND[matched_N[is_box_N]])
            of_place.append((1 - overlap_N).sum())
    nothing = found.logits_BNK.sum() * 0 + found.offsets_BND.sum() * 0
    usually = usual(num_matched, num_samples=len(of_class))
    return BoxLosses(sum(of_class, nothing) / usually, sum(of_place, nothing) / max(num_matched, 1))


def _overlap(boxes_ND: Tensor, others_ND: Tensor) -> Tensor:
    """Return the generalised IoU of each pair (N,); where a box is nowhere, training has diverged, and all are NaN."""
    if not all((corners_ND.abs() < _NOWHERE).all() for corners_ND in (boxes_ND, others_ND)):
        return boxes_ND.new_full((len(boxes_ND),), torch.nan)
    return cast("Tensor", box_pair_giou(boxes_ND, others_ND))


def _lie_in(anchors_ND: Tensor, boxes_MD: Tensor | None) -> Tensor:
    """Return whether the middle of each anchor lies in any of the boxes (N,)."""
    if boxes_MD is None:
        return torch.zeros(len(anchors_ND), dtype=torch.bool, device=anchors_ND.device)
    dimensions = anchors_ND.shape[1] // 2
    middle_N1D = ((anchors_ND[:, :dimensions] + anchors_ND[:, dimensions:]) / 2)[:, None]
    return ((boxes_MD[:, :dimensions] <= middle_N1D) & (middle_N1D < boxes_MD[:, dimensions:])).all(2).any(1)


def box_divergence(
    student: BoxMaps, teacher: BoxMaps, samples: tuple[Matched | None, ...] | None, temperature: float
) -> BoxLosses:
    """Return how far a student's anchors are from its teacher's, where that tells something.

    Classes count on the anchors that stand for a true box or, in the teacher's eyes, for any: but not where a box is
    only partly there, for there the teacher was taught nothing. Places are those of the labels once more, for the
    anchors whose box the teacher brings closer to the true one than the student does.

    Parameters
    ----------
    samples
        Of each what `matched` says; without it the teacher alone decides which anchors count, and places do not.
    temperature
        By which the classes' logits are softened.

    References
    ----------
    .. [1] Chen et al., "Learning Efficient Object Detection Models with Knowledge Distillation", NeurIPS 2017: the
       teacher bounded regression.
    """
    of_class, of_place, counted, num_matched = [], [], 0, 0
    for index in range(len(student.logits_BNK)):
        sample = samples[index] if samples is not None else None
        counts_N = teacher.logits_BNK[index].sigmoid().amax(1) > _TEACHER_SEES
        if sample is not None:
            truth, matched_N = sample
            is_box_N = matched_N != BACKGROUND
            counts_N = is_box_N | (counts_N & ~_lie_in(student.anchors_ND, truth.partly_ND))
            of_place.append(_bounded(student, teacher, index, sample).sum())
            num_matched += int(is_box_N.sum())
        counted += int(counts_N.sum())
        one, other = student.logits_BNK[index][counts_N], teacher.logits_BNK[index][counts_N]
        of_class.append(divergences(one, other, temperature).sum())
    nothing = student.logits_BNK.sum() * 0 + student.offsets_BND.sum() * 0
    return BoxLosses(sum(of_class, nothing) / max(counted, 1), sum(of_place, nothing) / max(num_matched, 1))


def _bounded(student: BoxMaps, teacher: BoxMaps, index: int, sample: Matched) -> Tensor:
    """Return of each anchor that stands for a box the student's loss of places, 0 where the teacher's is no less."""
    truth, matched_N = sample
    is_box_N = matched_N != BACKGROUND
    if not is_box_N.any():
        return student.offsets_BND.new_zeros(0)
    true_ND, anchors_ND = truth.corners_ND[matched_N[is_box_N]], student.anchors_ND[is_box_N]
    overlap_N = _overlap(decoded(anchors_ND, student.offsets_BND[index][is_box_N]), true_ND)
    bound_N = _overlap(decoded(anchors_ND, teacher.offsets_BND[index][is_box_N]), true_ND).detach()
    is_as_good_N = overlap_N.detach() >= bound_N  # never, where either is nowhere
    return torch.where(is_as_good_N, 0.0, 1 - overlap_N)
