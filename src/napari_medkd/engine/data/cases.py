"""Cases ready for a network: read, preprocessed and kept in memory while there is room."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import ClassLabel, Mask
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.task import UNKNOWN, Task
from napari_medkd.core.volume import Volume
from napari_medkd.engine.data.preprocess import prepare_image, prepare_mask
from napari_medkd.files.opening import read_mask, read_volume

#: Prepared cases beyond this are read again when they are needed.
MEMORY_BYTES = 4 * 2**30


@dataclass(frozen=True, slots=True, eq=False)
class PreparedCase:
    """A case on the network's grid.

    Parameters
    ----------
    image_CZYX
        Preprocessed intensities, float32.
    label_ZYX
        Class indices, int16; -1 counts nowhere.
    grid, original
        The network's grid, and the image's own.
    """

    id: str
    domain: str
    image_CZYX: NDArray[np.float32]
    label_ZYX: NDArray[np.int16]
    grid: Grid
    original: Grid


class Cases:
    """Cases of one dataset and task, by position.

    Parameters
    ----------
    names
        Ids of the cases, in the order in which positions count.
    labelled
        Whether their labels are read; else every label is -1, which counts nowhere.
    """

    def __init__(
        self,
        dataset: Dataset,
        task: Task,
        names: tuple[str, ...],
        preprocessing: Preprocessing,
        *,
        labelled: bool = True,
    ) -> None:
        self.dataset = dataset
        self.task = task
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
        self._kept_bytes += case.image_CZYX.nbytes + case.label_ZYX.nbytes
        while self._kept_bytes > MEMORY_BYTES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.image_CZYX.nbytes + dropped.label_ZYX.nbytes
        return case

    def original(self, name: str) -> tuple[Volume, Mask]:
        """Return a labelled case's image and mask as its files have them, on its own grid."""
        case = self.dataset.case(name)
        volume = self._volume(case)
        return volume, self._mask(case, volume.grid)

    def _read(self, case: Case) -> PreparedCase:
        volume = self._volume(case)
        image_CZYX, grid = prepare_image(volume, self.preprocessing)
        if self._labelled:
            label_ZYX = prepare_mask(self._mask(case, volume.grid), grid)
        else:
            label_ZYX = np.full(grid.shape, UNKNOWN, np.int16)
        return PreparedCase(case.id, case.domain, image_CZYX, label_ZYX, grid, volume.grid)

    def _volume(self, case: Case) -> Volume:
        return read_volume(case.images, channels=self.dataset.channels, modality=self.dataset.modality)

    def _mask(self, case: Case, original: Grid) -> Mask:
        annotation = case.annotations.get(self.task.name)
        if annotation is None or isinstance(annotation, ClassLabel):
            raise DatasetProblem(
                f"cases.{case.id}", f"There is no mask for {self.task.name!r}.", "Leave the case out of the split."
            )
        label_map = self.dataset.label_maps.get(self.task.name)
        return read_mask(annotation, self.task, grid=original, label_map=label_map)
