"""The image a network is asked about: a layer on the canvas, the file behind it, and the case it belongs to."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Annotation, ClassLabel
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.gui.layers import shown_array
from napari_medkd.gui.members import Member, found_in


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """An image on the canvas.

    Parameters
    ----------
    layer
        The unique id of the layer that shows it; of a file of several channels any one's.
    grid
        Where its voxels are.
    source
        The file it was read from; None where it exists in memory alone.
    data
        The layer's array: (z, y, x), (y, x), or (y, x, colour).
    is_ours
        Whether our reader placed it. If not, ``grid`` is where it is drawn, and the file may say something else.
    """

    layer: Any
    name: str
    grid: Grid
    source: Path | None
    data: Any
    is_ours: bool = True

    @property
    def key(self) -> Any:
        """What tells it from another picture: its file, which several layers may show; without one the layer."""
        return self.source or self.layer

    def volume(self) -> Volume:
        """Return what is on the screen as a volume."""
        array = np.asarray(self.data)
        in_colour = array.ndim == 3 and self.grid.is_flat and array.shape[0] != 1
        channels = np.moveaxis(array[..., :3], -1, 0)[:, None] if in_colour else array.reshape(1, *self.grid.shape)
        names = tuple(f"channel {number}" for number in range(len(channels)))
        return Volume(np.ascontiguousarray(channels), self.grid, names)

    def on_layer(self, labels_ZYX: NDArray[Any]) -> NDArray[Any]:
        """Return labels on the grid with the axes the layer has: a layer of a single plane may keep that axis."""
        return labels_ZYX if np.shape(self.data) == self.grid.shape else shown_array(labels_ZYX, self.grid)

    def as_in_its_file(self) -> "Picture":
        """Return it on the grid its file has; without the file, where that holds other voxels than the layer.

        The file of a layer that another reader placed is opened for it.

        Raises
        ------
        InputProblem
            Where the file cannot be read.
        """
        from napari_medkd.files.opening import read_volume

        if self.source is None or self.is_ours:
            return self
        file = read_volume(self.source)
        # A grey file may be drawn in three equal colours: they are compared with its one channel.
        same = file.grid.shape == self.grid.shape and bool((file.data == self.volume().data).all())
        return replace(self, grid=file.grid) if same else replace(self, source=None)


@dataclass(frozen=True, slots=True, eq=False)
class KnownCase:
    """A case of a dataset, and where the dataset was opened from."""

    case: Case
    dataset: Dataset
    path: Path


def known_case(source: Path | None, datasets: Iterable[tuple[Path, Dataset]]) -> KnownCase | None:
    """Return the case one of whose images is the file, or None where no dataset has it."""
    if source is None:
        return None
    found = found_in((Member(path, dataset) for path, dataset in datasets), source)
    return None if found is None else KnownCase(found[1], found[0].dataset, found[0].path)


def truth_of(known: KnownCase | None, task: Task, grid: Grid) -> Annotation | None:
    """Return what an expert said about a case: a mask, a class, boxes in it; None where nothing is known for the task.

    Where classes were added since a network learned the task, what is painted of them counts nowhere in its mask: it
    could not know of them, so whatever it says there is neither right nor wrong.

    Raises
    ------
    InputProblem
        Where the file cannot be read, lies on another grid than the image, or names a class that is not the task's;
        where a label of the mask means another class to the dataset than to the task.
    """
    from napari_medkd.files.boxes import read_inside
    from napari_medkd.files.known_classes import mask_as_learned

    found = known.case.annotations.get(task.name) if known else None
    if known is None or found is None:
        return None
    if isinstance(found, ClassLabel):
        return ClassLabel(found.present, task, found.unknown) if task.kind == "classification" else None
    if task.kind == "detection":
        return read_inside(found, task, grid)
    known.dataset.continued(task)  # refuses labels that mean other classes
    return mask_as_learned(found, task, known.dataset, grid, later="nowhere")
