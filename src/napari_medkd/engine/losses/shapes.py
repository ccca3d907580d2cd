"""What every loss expects of its inputs' shapes and precision."""

import torch
from torch import Tensor


def refuse_unequal(student: Tensor, teacher: Tensor) -> None:
    """Raise unless the two maps have one shape."""
    if student.shape != teacher.shape:
        raise ValueError(
            f"The student's map has shape {tuple(student.shape)} and the teacher's {tuple(teacher.shape)}; "
            f"they must be equal. Choose maps of the same resolution and channels, or put an adapter between them."
        )


def refuse_other_labels(map_BC: Tensor, labels_B: Tensor) -> None:
    """Raise unless there is one label per position of the map."""
    expected = (map_BC.shape[0], *map_BC.shape[2:])
    if labels_B.shape != expected:
        raise ValueError(
            f"A map of shape {tuple(map_BC.shape)} needs labels of shape {expected}, not {tuple(labels_B.shape)}."
        )


def in_full_precision(numbers: Tensor) -> Tensor:
    """Return the numbers in at least fp32, so that sums over a million voxels stay right under autocast."""
    return numbers.to(torch.promote_types(numbers.dtype, torch.float32))
