"""How far a student's map is from its teacher's. Neither side is detached here: the objective says who learns.

Legend: B batch, C channel, Z Y X space (no Z for planes).
"""

import torch
from torch import Tensor
from torch.nn import functional

from napari_medkd.core.task import UNKNOWN
from napari_medkd.engine.losses.shapes import in_full_precision, refuse_other_labels, refuse_unequal


def feature_mse(student_BCZYX: Tensor, teacher_BCZYX: Tensor) -> Tensor:
    """Return the mean squared difference over all entries of two maps.

    Parameters
    ----------
    student_BCZYX, teacher_BCZYX
        Maps of one shape, for instance those that feed the last 1x1 convolution.

    Returns
    -------
    Tensor
        A number, 0 or more, in squared units of the map.

    References
    ----------
    .. [1] Dong et al., "Shape-intensity knowledge distillation for robust medical image segmentation",
       Front. Comput. Sci. 2025, arXiv 2409.17503, the distillation term of the student's loss.
    """
    refuse_unequal(student_BCZYX, teacher_BCZYX)
    return functional.mse_loss(in_full_precision(student_BCZYX), in_full_precision(teacher_BCZYX))


def standardised_mse(student_BCZYX: Tensor, teacher_BCZYX: Tensor, weights_BZYX: Tensor | None = None) -> Tensor:
    """Return the mean squared difference of two maps whose channels each have mean 0 and variance 1 over the batch.

    What counts is where a channel is high and where it is low, whatever its scale.

    Parameters
    ----------
    student_BCZYX, teacher_BCZYX
        Maps of one shape.
    weights_BZYX
        How much each place counts, 1 in the mean; None counts all alike.

    Returns
    -------
    Tensor
        Without weights a number in [0, 4]: 0 for maps that differ by a positive factor and a shift of each channel, 2
        where they have nothing in common.

    References
    ----------
    .. [1] "Multi-Dataset Cross-Domain Knowledge Distillation for Unified Medical Image Segmentation, Classification,
       and Detection", arXiv 2605.01563: the feature term of the students' loss.
    """
    refuse_unequal(student_BCZYX, teacher_BCZYX)
    squared_CN = (_standardised(student_BCZYX) - _standardised(teacher_BCZYX)).square()
    if weights_BZYX is not None:
        squared_CN = squared_CN * weights_BZYX.flatten()
    return squared_CN.mean()


def _standardised(map_BCZYX: Tensor) -> Tensor:
    """Return a map (C, all places of all samples) whose channels have mean 0 and variance 1."""
    numbers_CN = in_full_precision(map_BCZYX).transpose(0, 1).flatten(1)
    centred_CN = numbers_CN - numbers_CN.mean(1, keepdim=True)
    return centred_CN / (centred_CN.square().mean(1, keepdim=True) + 1e-5).sqrt()


def foreground_balanced_mse(student_BCZYX: Tensor, teacher_BCZYX: Tensor, labels_BZYX: Tensor) -> Tensor:
    """Return the mean squared difference within each class of the batch, averaged over the classes present.

    Background fills most of a medical image; here a small organ weighs as much.

    Parameters
    ----------
    student_BCZYX, teacher_BCZYX
        Maps of one shape, at the resolution of the labels.
    labels_BZYX
        Class index of every voxel, background included; -1 counts nowhere.

    Returns
    -------
    Tensor
        A number, 0 or more; 0 where no voxel is labelled.
    """
    refuse_unequal(student_BCZYX, teacher_BCZYX)
    refuse_other_labels(student_BCZYX, labels_BZYX)
    classes_BZYX = labels_BZYX.long() - UNKNOWN
    counts = classes_BZYX.flatten().bincount(minlength=2)
    present = counts > 0
    present[0] = False
    shares = student_BCZYX.shape[1] * present.sum().clamp(min=1) * counts.clamp(min=1)
    root_BZYX = torch.where(present, 1 / shares, 0.0).sqrt()[classes_BZYX].unsqueeze(1)
    difference_BCZYX = in_full_precision(student_BCZYX) - in_full_precision(teacher_BCZYX)
    norm: Tensor = torch.linalg.vector_norm(root_BZYX * difference_BCZYX)
    return norm.square()


def cosine_distance(student_BCZYX: Tensor, teacher_BCZYX: Tensor) -> Tensor:
    """Return one minus the cosine of the angle between two maps, each sample as one vector, averaged over samples.

    Parameters
    ----------
    student_BCZYX, teacher_BCZYX
        Maps of one shape.

    Returns
    -------
    Tensor
        A number in [0, 2]: 0 for maps that differ by a positive factor, 1 where one is all zeros.

    References
    ----------
    .. [1] "Distillation Learning Guided by Image Reconstruction for One-Shot Medical Image Segmentation",
       arXiv 2408.03616, the hint loss; the vector is the whole sample's map.
    """
    refuse_unequal(student_BCZYX, teacher_BCZYX)
    student_BN = in_full_precision(student_BCZYX).flatten(1)
    teacher_BN = in_full_precision(teacher_BCZYX).flatten(1)
    return 1 - functional.cosine_similarity(student_BN, teacher_BN, dim=1).mean()
