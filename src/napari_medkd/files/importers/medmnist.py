"""MedMNIST: an ``.npz`` file with images and labels of the sides train, val and test, grey or in colour, 2-D or 3-D.

The cases become files: PNG for planes; TIFF for volumes, whose voxels have no size that is known. The order of a
volume's axes is taken as z, y, x, for the file says nothing of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.channels import COLOURS
from napari_medkd.files.importers.medmnist_names import CLASSES, MODALITIES
from napari_medkd.files.importers.npz import StoredArray, arrays_in
from napari_medkd.files.importers.source import ColumnWishes, Made, Source

_SIDES = {"train": "train", "val": "validate", "test": "test"}
_MOST_CLASSES = 1000


def recognise(source: Path, wishes: ColumnWishes) -> Source | None:
    """Return the cases of the file, or of the only ``.npz`` file of a folder; None where there is no such file.

    Raises
    ------
    DatasetProblem
        With every side whose images and labels do not fit each other, or are of a shape or type that images have not.
    """
    found = [source] if source.is_file() else sorted(source.glob("*.npz"))
    if len(found) != 1 or found[0].suffix.lower() != ".npz":
        return None
    path = found[0]
    arrays = arrays_in(path)
    sides = [side for side in _SIDES if f"{side}_images" in arrays and f"{side}_labels" in arrays]
    if not sides:
        return None
    stored = {side: _Side(arrays[f"{side}_images"], arrays[f"{side}_labels"]) for side in sides}
    problems = [problem for side in stored.values() for problem in side.problems()]
    kinds = {side.kind for side in stored.values()}
    if not problems and len(kinds) > 1:
        problems.append(Problem(str(path), f"The sides have images of {len(kinds)} kinds.", "Check the file."))
    if problems:
        raise DatasetProblem.of(problems)
    return _source(path, stored)


@dataclass(frozen=True, slots=True)
class _Side:
    """The images and labels of one side."""

    images: StoredArray
    labels: StoredArray

    @property
    def kind(self) -> tuple[bool, bool]:
        """Whether the images are volumes, and whether they have colours."""
        is_coloured = len(self.images.shape) > 3 and self.images.shape[-1] == 3
        return len(self.images.shape) - is_coloured == 4, is_coloured

    def problems(self) -> list[Problem]:
        where, shape = f"{self.images.path}: {self.images.name}", self.images.shape
        found = []
        if len(shape) not in (3, 4) or min(shape) < 1 or self.images.dtype != np.uint8:
            hint = "Expected uint8 of (n, y, x), (n, y, x, 3) or (n, z, y, x)."
            found.append(Problem(where, f"The images are {self.images.dtype} of shape {shape}.", hint))
        if (
            not 1 <= len(self.labels.shape) <= 2
            or self.labels.shape[0] != shape[0]
            or self.labels.dtype.kind not in "biu"
        ):
            hint = "Expected a whole number, or one for each class, for every image."
            found.append(Problem(where, f"There are labels of shape {self.labels.shape} for {shape[0]} images.", hint))
        return found

    def label_rows(self) -> NDArray[np.int64]:
        """Return the labels, a row for each image."""
        return np.stack([np.atleast_1d(row).astype(np.int64) for row in self.labels.items()])


def _source(path: Path, stored: dict[str, _Side]) -> Source:
    labels = {side: known.label_rows() for side, known in stored.items()}
    name = path.stem.lower()
    task = _task(path, name.split("_")[0], labels)
    cases, split = [], {}
    for side, rows in labels.items():
        digits = len(str(len(rows)))
        names = [f"{side}_{number:0{digits}d}" for number in range(len(rows))]
        split[_SIDES[side]] = tuple(names)
        for case, row in zip(names, rows, strict=True):
            present = np.flatnonzero(row) if task.multilabel else row
            label = ClassLabel(frozenset(task.classes[number] for number in present), task)
            cases.append(Case(case, (), case, annotations={task.name: label}))
    _, is_coloured = next(iter(stored.values())).kind
    dataset = Dataset(
        name=name,
        channels=COLOURS if is_coloured else ("image",),
        modality=MODALITIES.get(name.split("_")[0], Modality.OTHER),
        tasks={task.name: task},
        cases=tuple(cases),
        split=Split(**split),
        folder=path.parent,
    )
    return Source("MedMNIST", dataset, partial(_made, stored, split))


def _task(path: Path, set_name: str, labels: dict[str, NDArray[np.int64]]) -> Task:
    rows = np.concatenate(list(labels.values()))
    is_multilabel = rows.shape[1] > 1
    highest = int(rows.max())
    if rows.min() < 0 or highest >= (2 if is_multilabel else _MOST_CLASSES):
        raise DatasetProblem(str(path), f"The labels reach from {rows.min()} to {highest}.", "Check what they mean.")
    count = rows.shape[1] if is_multilabel else max(highest + 1, 2)
    names = CLASSES.get(set_name, ())
    classes = names if len(names) == count else tuple(f"class {number}" for number in range(count))
    return Task("class", "classification", classes, multilabel=is_multilabel)


def _made(stored: dict[str, _Side], split: dict[str, tuple[str, ...]]) -> Iterator[Made]:
    for side, known in stored.items():
        for case, pixels in zip(split[_SIDES[side]], known.images.items(), strict=True):
            yield Made(case, _volume(pixels, *known.kind))


def _volume(pixels: NDArray[Any], is_volume: bool, is_coloured: bool) -> Volume:
    data = np.moveaxis(pixels, -1, 0) if is_coloured else pixels[np.newaxis]
    data = data if is_volume else data[:, np.newaxis]
    grid = Grid.upright((data.shape[1], data.shape[2], data.shape[3]), unit="pixel")
    return Volume(np.ascontiguousarray(data), grid, COLOURS if is_coloured else ("image",))
