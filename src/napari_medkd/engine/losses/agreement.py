"""How far the student's answer is from the teacher's, as distributions over the classes."""

from torch import Tensor
from torch.nn import functional

from napari_medkd.engine.losses.shapes import in_full_precision, refuse_unequal


def agreement(student_BKZYX: Tensor, teacher_BKZYX: Tensor, temperature: float) -> Tensor:
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


def agreement_of_each(student_BK: Tensor, teacher_BK: Tensor, temperature: float) -> Tensor:
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
    return disagreement_of_each(student_BK, teacher_BK, temperature).mean()


def disagreement_of_each(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """Return T² KL(teacher ‖ student) of every entry, each the logit of a class that may be present for itself."""
    refuse_unequal(student, teacher)
    if temperature <= 0:
        raise ValueError(f"The temperature is {temperature}; it must be above 0.")
    one, other = in_full_precision(student) / temperature, in_full_precision(teacher.detach()) / temperature
    chance = other.sigmoid()
    present = chance * (functional.logsigmoid(other) - functional.logsigmoid(one))
    absent = (1 - chance) * (functional.logsigmoid(-other) - functional.logsigmoid(-one))
    return temperature**2 * (present + absent)
