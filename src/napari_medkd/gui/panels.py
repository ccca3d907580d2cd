"""What stands side by side: panels of masks on images, and the difference of two masks. No Qt, no viewer."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.blocks import blocks_of, whole
from napari_medkd.core.task import Task
from napari_medkd.gui.answers import Answer
from napari_medkd.gui.layers import LayerData

#: Of an image layer that stands in a panel.
KIND = "panel"


@dataclass(frozen=True, slots=True, eq=False)
class Panel:
    """One column of a comparison.

    Parameters
    ----------
    title
        Written into the panel; says who speaks, and what they were shown.
    labels
        (z, y, x), or (y, x) for a 2-D image, on the image layer's own grid.
    task
        Names and colours of the labels; None for a difference (see `difference`), or where nothing is labelled.
    image
        The image layer beneath, where it is not the one that is compared; the labels are on its grid.
    notes
        Lines beneath the title: what is said about the image as a whole.
    answers
        Those whose boxes and attention are drawn as well; of a panel of the truth, the true boxes alone.
    """

    title: str
    labels: NDArray[Any]
    task: Task | None = None
    image: LayerData | None = None
    notes: tuple[str, ...] = ()
    answers: tuple[Answer, ...] = ()
    is_truth: bool = False


def difference(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.uint8]:
    """Return where two masks differ: 1 only the first has a class, 2 only the second, 3 they say different classes."""
    marks = np.zeros(first.shape, dtype=np.uint8)
    for block in blocks_of(whole(first.shape)):
        one, other = np.asarray(first[block]), np.asarray(second[block])
        apart = np.nonzero(one != other)  # few of a volume's voxels
        is_first, is_second = one[apart] > 0, other[apart] > 0
        marks[block][apart] = np.where(is_first & is_second, 3, np.where(is_first, 1, 2))
    return marks
