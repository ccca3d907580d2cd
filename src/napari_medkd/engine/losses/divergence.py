"""How far the student's answer is from the teacher's, as distributions over the classes."""

from torch import Tensor
from torch.nn import functional

from napari_medkd.engine.losses.shapes import in_full_precision, refuse_unequal


def divergence(student_BKZYX: Tensor, teacher_BKZYX: Tensor, temperature: float) -> Tensor:
    """Return T² KL(teacher ‖ student) of the softened answers, averaged over samples and voxels.

    Its gradient is that of the softened cross-entropy, and it is 0 for equal answers; T² keeps its size when T changes.

    Parameters
    ----------
    student_BKZYX
        Logits of the student.
    teacher_BKZYX
        Logits of the teacher for the same input; no gradient flows there.
    temperature
        T, above 0; larger looks more at the classes that were not chosen.

    Returns
    -------
    Tensor
        A number in nats, 0 or more.

    References
    ----------
    .. [1] Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2.
    """
    refuse_unequal(student_BKZYX, teacher_BKZYX)
    if temperature <= 0:
        raise ValueError(f"The temperature is {temperature}; it must be above 0.")
    student = (in_full_precision(student_BKZYX) / temperature).log_softmax(1)
    teacher = (in_full_precision(teacher_BKZYX.detach()) / temperature).log_softmax(1)
    return temperature**2 * (teacher.exp() * (teacher - student)).sum(1).mean()


def dice_semimetric(student_BKZYX: Tensor, teacher_BKZYX: Tensor) -> Tensor:
    """Return how little two masks' probabilities overlap: one minus their Dice, made for answers that are not certain.

    The soft Dice of labels is at its best where a soft answer is rounded; this one where it is followed, and 0 there.

    Parameters
    ----------
    student_BKZYX
        Logits of the student.
    teacher_BKZYX
        Logits of the teacher for the same input; no gradient flows there. Class 0 is background and does not count, nor
        does a class of which it finds less than a voxel in the whole batch.

    Returns
    -------
    Tensor
        A number in [0, 1], averaged over the classes; sums run over the batch, and one voxel is added below the line.

    References
    ----------
    .. [1] Wang et al., "Dice Semimetric Losses: Optimizing the Dice Score with Soft Labels", MICCAI 2023: the first of
       the two.
    """
    refuse_unequal(student_BKZYX, teacher_BKZYX)
    student_KN, teacher_KN = (
        in_full_precision(logits_BKZYX).softmax(1)[:, 1:].transpose(0, 1).flatten(1)
        for logits_BKZYX in (student_BKZYX, teacher_BKZYX.detach())
    )
    apart_K = (student_KN - teacher_KN).abs().sum(1)
    found_K = teacher_KN.sum(1)
    is_there_K = (found_K >= 1).to(apart_K.dtype)
    return (apart_K / (student_KN.sum(1) + found_K + 1) * is_there_K).sum() / is_there_K.sum().clamp(min=1)


def divergence_of_each(student_BK: Tensor, teacher_BK: Tensor, temperature: float) -> Tensor:
    """Return T² KL(teacher ‖ student) of classes that may be present each for itself, averaged over all entries.

    Parameters
    ----------
    student_BK, teacher_BK
        Logits before the sigmoid, the class last or second; no gradient flows to the teacher's.
    temperature
        T, above 0.

    Returns
    -------
    Tensor
        A number in nats, 0 or more.
    """
    return divergences(student_BK, teacher_BK, temperature).mean()


def divergences(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Return T² KL(teacher ‖ student) of every entry, each the logit of a class that may be present for itself."""
    refuse_unequal(student, teacher)
    if temperature <= 0:
        raise ValueError(f"The temperature is {temperature}; it must be above 0.")
    one, other = in_full_precision(student) / temperature, in_full_precision(teacher.detach()) / temperature
    chance = other.sigmoid()
    present = chance * (functional.logsigmoid(other) - functional.logsigmoid(one))
    absent = (1 - chance) * (functional.logsigmoid(-other) - functional.logsigmoid(-one))
    return temperature**2 * (present + absent)
