"""Cases ready for a network: read, preprocessed and kept in memory while there is room."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes, ClassLabel, Mask
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.task import UNKNOWN, Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.data.preprocess import moved_to
from napari_medkd.engine.data.streamed import StreamedImage, StreamedLabels, prepared_image, prepared_labels
from napari_medkd.files.boxes import holds_any, read_inside
from napari_medkd.files.known_classes import mask_to_learn
from napari_medkd.files.opening import read_volume

#: Prepared cases beyond this are read again when they are needed.
MEMORY_BYTES = 4 * 2**30

#: Of an image that is too large to be held, so many voxels along each axis are judged and previewed.
SIDE_OF_PART = 192


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """A case on the network's grid.

    Parameters
    ----------
    image
        Preprocessed intensities (C, Z, Y, X), float32, to be cut; of a large image parts are read when they are cut.
    label
        Class indices (Z, Y, X), int16, to be cut; -1 counts nowhere.
    grid, original
        The network's grid, and the image's own.
    present_K
        For each class of the whole image 1 or 0, float32, or -1 where it is not known; None where nobody asks.
    boxes
        On the network's grid; None where they are not known or nobody asks.
    """

    id: str
    domain: str
    image: NDArray[np.float32] | StreamedImage
    label: NDArray[np.int16] | StreamedLabels
    grid: Grid
    original: Grid
    present_K: NDArray[np.float32] | None = None
    boxes: Boxes | None = None

    @property
    def image_CZYX(self) -> NDArray[np.float32]:
        """All intensities at once.

        Raises
        ------
        VolumeProblem
            Where the image is too large for that.
        """
        return self.image if isinstance(self.image, np.ndarray) else self._refuse()

    @property
    def label_ZYX(self) -> NDArray[np.int16]:
        """All class indices at once, as `image_CZYX`."""
        return self.label if isinstance(self.label, np.ndarray) else self._refuse()

    def voxel_of_some_class(self, which_class: float, which_voxel: float) -> NDArray[np.int64]:
        """Return a voxel (z, y, x) of a class drawn evenly from those there: small organs come as often as large.

        Both numbers are in [0, 1). Without any foreground it is the middle of the image.
        """
        if not isinstance(self.label, np.ndarray):
            return self.label.voxel_of_some_class(which_class, which_voxel)
        if not self._classes:
            return np.array(self.label.shape) // 2
        voxels = np.flatnonzero(self.label == self._classes[int(which_class * len(self._classes))])
        return np.array(np.unravel_index(voxels[int(which_voxel * len(voxels))], self.label.shape))

    @cached_property
    def _classes(self) -> tuple[int, ...]:
        """The classes after the background that some voxel is of; looked for once, not in every draw."""
        label_ZYX = self.label_ZYX
        return tuple(one for one in range(1, int(label_ZYX.max()) + 1) if (label_ZYX == one).any())

    def held(self) -> "PreparedCase":
        """Return the case itself, or, of one too large to be held in memory, a part around some voxel of a class.

        The part is its own original, and nothing is known of boxes in it.
        """
        if isinstance(self.label, np.ndarray):
            return self
        shape = np.minimum(self.label.shape, SIDE_OF_PART)
        start = self.voxel_of_some_class(0.5, 0.5) - shape // 2
        start = np.clip(start, 0, np.array(self.label.shape) - shape)
        z, y, x = (slice(low, low + side) for low, side in zip(start.tolist(), shape.tolist(), strict=True))
        affine = self.grid.affine.copy()
        affine[:3, 3] = self.grid.to_world(start[None])[0]
        label = self.label[z, y, x]
        grid = Grid((label.shape[0], label.shape[1], label.shape[2]), affine, self.grid.unit, self.grid.axes_in_file)
        image = np.ascontiguousarray(self.image[:, z, y, x])
        return PreparedCase(self.id, self.domain, image, label, grid, grid, self.present_K)

    def _refuse(self) -> NoReturn:
        raise VolumeProblem(
            f"cases.{self.id}",
            f"The image is too large for this as a whole: {self.grid.describe()}.",
            "Set a larger preprocessing.spacing, crop the image, or take a method that needs only parts of it, such as "
            "supervised without class means.",
        )


class Cases:
    """Cases of one dataset, by position, with what is known of some tasks.

    Parameters
    ----------
    tasks
        At most one of each kind. What a case does not say of a task counts nowhere.
    names
        Ids of the cases, in the order in which positions count.
    labelled
        Whether their labels are read; else nothing is known of them.
    """

    def __init__(
        self,
        dataset: Dataset,
        tasks: tuple[Task, ...],
        names: tuple[str, ...],
        preprocessing: Preprocessing,
        *,
        labelled: bool = True,
    ) -> None:
        self.dataset = dataset
        self.tasks = tasks
        self.names = names
        self.preprocessing = preprocessing
        self._labelled = labelled
        self._kept: OrderedDict[str, PreparedCase] = OrderedDict()
        self._kept_bytes = 0

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[PreparedCase]:
        return (self[index] for index in range(len(self)))

    def __getitem__(self, index: int) -> PreparedCase:
        name = self.names[index]
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        case = self._read(self.dataset.case(name))
        self._kept[name] = case
        self._kept_bytes += case.image.nbytes + case.label.nbytes
        while self._kept_bytes > MEMORY_BYTES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.image.nbytes + dropped.label.nbytes
        return case

    @cached_property
    def holding_something(self) -> tuple[int, ...] | None:
        """Positions of the cases with a box or a mask to centre patches on; None where any case will do.

        Any will do where there are no boxes to be learned, and beside a class of whole images: a network learns from
        how often these come how probable they are.
        """
        boxes = Task.of_kind(self.tasks, "detection")
        if boxes is None or Task.of_kind(self.tasks, "classification") is not None:
            return None
        cases = (self.dataset.case(name) for name in self.names)
        return tuple(position for position, case in enumerate(cases) if self._holds_something(case, boxes))

    def _holds_something(self, case: Case, boxes: Task) -> bool:
        mask = Task.of_kind(self.tasks, "segmentation")
        has_mask = mask is not None and mask.name in case.annotations
        return has_mask or (boxes.name in case.annotations and holds_any(self._file(case, boxes, "box file")))

    def original_boxes(self, position: int) -> Boxes:
        """Return a case's boxes on its image's own grid; its intensities are not prepared."""
        case, task = self.dataset.case(self.names[position]), Task.of_kind(self.tasks, "detection")
        if task is None or task.name not in case.annotations:
            raise DatasetProblem(f"cases.{case.id}", "There are no boxes for it.", "Leave the case out of the split.")
        return self._boxes(case, task, self.original_grid(position))

    def original_grid(self, position: int) -> Grid:
        """Return the grid of a case's image."""
        return self._volume(self.dataset.case(self.names[position])).grid

    def original(self, name: str) -> tuple[Volume, Mask]:
        """Return a labelled case's image and mask as its files have them, on its own grid."""
        case = self.dataset.case(name)
        volume, task = self._volume(case), Task.of_kind(self.tasks, "segmentation")
        if task is None or task.name not in case.annotations:
            raise DatasetProblem(f"cases.{name}", "There is no mask for it.", "Leave the case out of the split.")
        return volume, self._mask(case, task, volume.grid)

    def _read(self, case: Case) -> PreparedCase:
        volume = self._volume(case)
        image, grid = prepared_image(volume, self.preprocessing)
        mask, present_K, boxes = None, None, None
        for task in self.tasks:
            known = self._labelled and task.name in case.annotations
            if task.kind == "segmentation" and known:
                mask = self._mask(case, task, volume.grid)
            elif task.kind == "classification":
                present_K = self._present(case, task) if known else np.full(len(task.classes), UNKNOWN, np.float32)
            elif task.kind == "detection" and known:
                boxes = moved_to(self._boxes(case, task, volume.grid), grid)
        label = prepared_labels(mask, grid, self.preprocessing)
        return PreparedCase(case.id, case.domain, image, label, grid, volume.grid, present_K, boxes)

    def _volume(self, case: Case) -> Volume:
        return read_volume(case.images, channels=self.dataset.channels, modality=self.dataset.modality)

    def _mask(self, case: Case, task: Task, original: Grid) -> Mask:
        return mask_to_learn(self._file(case, task, "mask"), task, self.dataset, original)

    def _boxes(self, case: Case, task: Task, original: Grid) -> Boxes:
        return read_inside(self._file(case, task, "box file"), task, original)

    @staticmethod
    def _file(case: Case, task: Task, expected: str) -> Path:
        annotation = case.annotations[task.name]
        if isinstance(annotation, ClassLabel):
            found = f"For {task.name!r} there is a class instead of a {expected}."
            raise DatasetProblem(f"cases.{case.id}", found, f"Name the {expected}, or leave the case out of the split.")
        return annotation

    @staticmethod
    def _present(case: Case, task: Task) -> NDArray[np.float32]:
        annotation = case.annotations[task.name]
        if not isinstance(annotation, ClassLabel):
            found = f"For {task.name!r} there is a file instead of a class."
            raise DatasetProblem(f"cases.{case.id}", found, 'Write {"present": [CLASS]}, or leave the case out.')
        return np.array(annotation.presences, dtype=np.float32)
