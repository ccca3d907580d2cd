"""How far the student's answer is from the teacher's, as distributions over the classes."""

from torch import Tensor

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
