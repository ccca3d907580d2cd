"""How far a segmentation is from its labels: soft Dice, its logarithm and cross-entropy, for planes and volumes.

Legend: B batch, K class, Z Y X space (no Z for planes). A label of -1 counts nowhere.
"""

import torch
from torch import Tensor
from torch.nn import functional

from napari_medkd.core.task import UNKNOWN
from napari_medkd.engine.losses.shapes import in_full_precision, refuse_other_labels


def dice_loss(logits_BKZYX: Tensor, labels_BZYX: Tensor) -> Tensor:
    """Return one minus the soft Dice of the batch, averaged over the foreground classes that are in its labels.

    Sums run over all samples of the batch, and a class that no label holds does not count: a patch seldom has every
    organ, and samples without one would teach the network to leave small organs out. What is wrongly found there is
    cross-entropy's business. One voxel is added above and below the fraction line.

    Parameters
    ----------
    logits_BKZYX
        Before softmax; class 0 is background and does not count.
    labels_BZYX
        Class index of every voxel; -1 counts nowhere.

    Returns
    -------
    Tensor
        A number in [0, 1]; 0 where no foreground is labelled.

    References
    ----------
    .. [1] Milletari et al., "V-Net", 3DV 2016, section 3; the sums below are plain, not squared (Drozdzal et al. 2016).
    """
    dice_K, is_there_K = _dice_of_classes(logits_BKZYX, labels_BZYX)
    return ((1 - dice_K) * is_there_K).sum() / is_there_K.sum().clamp(min=1)


def log_dice_loss(logits_BKZYX: Tensor, labels_BZYX: Tensor) -> Tensor:
    """Return the negative logarithm of the soft Dice of the batch, averaged as `dice_loss` averages.

    Through a softmax, the gradient of Dice vanishes with the probability of a class: a small structure that was given
    up in the first steps, for background is the safe answer, is not looked for again. The logarithm divides that
    gradient by Dice itself, and so the class that is found least pulls most.

    Parameters
    ----------
    logits_BKZYX
        Before softmax; class 0 is background and does not count.
    labels_BZYX
        Class index of every voxel; -1 counts nowhere.

    Returns
    -------
    Tensor
        A number, 0 or more; 0 where no foreground is labelled.

    References
    ----------
    .. [1] Wong et al., "3D Segmentation with Exponential Logarithmic Loss for Highly Unbalanced Object Sizes", MICCAI
       2018, eq. 2 with an exponent of 1.
    """
    dice_K, is_there_K = _dice_of_classes(logits_BKZYX, labels_BZYX)
    return (-dice_K.log() * is_there_K).sum() / is_there_K.sum().clamp(min=1)


def _dice_of_classes(logits_BKZYX: Tensor, labels_BZYX: Tensor) -> tuple[Tensor, Tensor]:
    """Return the soft Dice of every foreground class, and 1 for those in the labels, else 0."""
    refuse_other_labels(logits_BKZYX, labels_BZYX)
    classes_K = torch.arange(1, logits_BKZYX.shape[1], device=labels_BZYX.device)
    probabilities_BKN = in_full_precision(logits_BKZYX).softmax(1)[:, 1:].flatten(2)
    labels_B1N = labels_BZYX.flatten(1).unsqueeze(1)
    probabilities_BKN = probabilities_BKN * (labels_B1N != UNKNOWN)
    truth_BKN = (labels_B1N == classes_K[:, None]).to(probabilities_BKN.dtype)
    shared_K = (probabilities_BKN * truth_BKN).sum((0, 2))
    true_K = truth_BKN.sum((0, 2))
    dice_K = (2 * shared_K + 1) / (probabilities_BKN.sum((0, 2)) + true_K + 1)
    return dice_K, (true_K > 0).to(dice_K.dtype)


def cross_entropy(logits_BKZYX: Tensor, labels_BZYX: Tensor) -> Tensor:
    """Return the mean negative log-probability of the true class over the labelled voxels.

    Parameters
    ----------
    logits_BKZYX
        Before softmax.
    labels_BZYX
        Class index of every voxel; -1 counts nowhere.

    Returns
    -------
    Tensor
        A number in nats; 0 where no voxel is labelled.
    """
    refuse_other_labels(logits_BKZYX, labels_BZYX)
    summed = functional.cross_entropy(
        in_full_precision(logits_BKZYX), labels_BZYX.long(), ignore_index=UNKNOWN, reduction="sum"
    )
    return summed / (labels_BZYX != UNKNOWN).sum().clamp(min=1)
