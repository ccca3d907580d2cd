"""BrainMetShare as Stanford releases it: a folder for each sequence of a case, with a picture for each slice.

``mets_stanford_release*/CASE/{0,1,2,3,seg}``: 0 is T1 gradient echo with contrast, 1 T1 spin echo, 2 T1 spin echo with
contrast, 3 FLAIR, seg the metastases. The slices become TIFF volumes, whose voxels have no size that is known.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, Problem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.importers.beside import side_in
from napari_medkd.files.importers.dataset_json import TASK
from napari_medkd.files.importers.folder_images import image_files
from napari_medkd.files.importers.source import ColumnWishes, Made, Source
from napari_medkd.files.opening import read_volume

CHANNELS = ("T1 gradient echo contrast", "T1 spin echo", "T1 spin echo contrast", "FLAIR")
_SEQUENCES = ("0", "1", "2", "3")
_MASK = "seg"


def recognise(source: Path, wishes: ColumnWishes) -> Source | None:
    """Return the cases below the folder, up to two folders deep; None where there is none, or none has a mask.

    Raises
    ------
    DatasetProblem
        With every case whose sequences have not the same slices.
    """
    if not source.is_dir():
        return None
    folders = sorted(
        path.parent for pattern in ("*/0", "*/*/0", "*/*/*/0") for path in source.glob(pattern) if _is_case(path.parent)
    )
    if not any((folder / _MASK).is_dir() for folder in folders):
        return None
    task = Task(TASK, "segmentation", ("background", "metastasis"))
    problems = [problem for folder in folders for problem in _problems_of(folder)]
    if problems:
        raise DatasetProblem.of(problems)
    dataset = Dataset(
        name="brainmetshare",
        channels=CHANNELS,
        modality=Modality.MR,
        tasks={TASK: task},
        cases=tuple(Case(folder.name, (), folder.name) for folder in folders),
        folder=source,
    )
    return Source("BrainMetShare slices", dataset, partial(_made, folders, task))


def _is_case(folder: Path) -> bool:
    """Return whether a folder holds those of the sequences and no other, and is no side, whose folders are classes."""
    if side_in(folder.name):
        return False
    names = {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    return set(_SEQUENCES) <= names <= {*_SEQUENCES, _MASK}


def _slices(folder: Path) -> list[Path]:
    """Return the slices in the order of the numbers in their names."""
    return sorted(image_files(folder), key=lambda path: [int(number) for number in re.findall(r"\d+", path.stem)])


def _problems_of(folder: Path) -> list[Problem]:
    counts = {name: len(_slices(folder / name)) for name in _SEQUENCES}
    if (folder / _MASK).is_dir():
        counts[_MASK] = len(_slices(folder / _MASK))
    if len(set(counts.values())) == 1 and counts["0"]:
        return []
    listed = ", ".join(f"{name}: {count}" for name, count in counts.items())
    return [Problem(str(folder), f"The sequences have not the same slices ({listed}).", "Copy the case again.")]


def _made(folders: list[Path], task: Task) -> Iterator[Made]:
    for folder in folders:
        stacks = np.stack([_stacked(folder / name) for name in _SEQUENCES])
        grid = Grid.upright((stacks.shape[1], stacks.shape[2], stacks.shape[3]), unit="pixel")
        masks: dict[str, Mask] = {}
        if (folder / _MASK).is_dir():
            masks[TASK] = Mask((_stacked(folder / _MASK) > 0).astype(np.uint8), grid, task)
        yield Made(folder.name, Volume(stacks, grid, CHANNELS, Modality.MR), masks)


def _stacked(folder: Path) -> NDArray[Any]:
    """Return (z, y, x) of a folder of slices."""
    planes = [read_volume(path, channels=("image",)).data[0, 0] for path in _slices(folder)]
    if len({plane.shape for plane in planes}) > 1:
        raise VolumeProblem(str(folder), "The slices have not one size.", "Copy the case again.")
    return np.stack(planes)
