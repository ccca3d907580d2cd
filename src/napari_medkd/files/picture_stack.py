"""A folder of numbered pictures (PNG, JPEG, TIFF) as one volume: path -> image, a plane for each number.

The numbers say the order, whether they are padded or not; their distance in mm is not known, so the unit is pixels.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files import raster, tiff
from napari_medkd.files.giving_up import go_on_if_wanted
from napari_medkd.files.memory import refuse_beyond_memory
from napari_medkd.files.picture_folder import pictures_in

_READ_ONLY = "A folder of pictures is read here, not written."
_HINT = "Choose .tif, which holds all planes in one file, or .nii.gz."
_ONE_STACK = "Keep the pictures of one stack in a folder, named by their numbers: slice_001.png, slice_002.png, ..."


def read_image(path: Path, num_channels: int | None = None) -> Volume:
    """Return the stack, grey or coloured as its pictures are.

    Raises
    ------
    VolumeProblem
        Where a number is missing or there twice, the names differ in more than a number, or the pictures in size; and
        naming the picture, where one is damaged.
    """
    return _stacked(path, lambda file: _module_of(file).read_image(file, num_channels))


def read_labels(path: Path) -> Volume:
    """Return the stack of labels."""
    return _stacked(path, lambda file: _module_of(file).read_labels(file))


def write_image(path: Path, volume: Volume) -> None:
    """Refuse: no folder is filled."""
    raise VolumeProblem(str(path), _READ_ONLY, _HINT)


def write_labels(path: Path, labels: NDArray[Any], grid: Grid, task: Task | None = None) -> None:
    """Refuse: no folder is filled."""
    raise VolumeProblem(str(path), _READ_ONLY, _HINT)


def doubts(path: Path) -> list[Problem]:
    """Return nothing: pictures claim no position that could be wrong."""
    return []


def _module_of(file: Path) -> Any:
    return tiff if file.suffix.lower() in (".tif", ".tiff") else raster


def _stacked(folder: Path, read: Callable[[Path], Volume]) -> Volume:
    files = _in_order(folder, pictures_in(folder))
    first = read(files[0])
    refuse_beyond_memory(2 * first.data.nbytes * len(files), folder)
    slices = [first]
    for file in files[1:]:
        go_on_if_wanted()
        slices.append(read(file))
        _refuse_unlike(slices[-1], first, file, files[0])
    coloured = max(slices, key=lambda one: len(one.channels))
    data = np.concatenate([_with_channels(one.data, len(coloured.channels)) for one in slices], axis=1)
    grid = Grid.upright((data.shape[1], data.shape[2], data.shape[3]), unit="pixel")
    return Volume(data, grid, coloured.channels, source=folder)


def _with_channels(plane: NDArray[Any], count: int) -> NDArray[Any]:
    """Return a grey slice among coloured ones in three equal colours."""
    return np.repeat(plane, count, axis=0) if len(plane) == 1 else plane


def _refuse_unlike(found: Volume, first: Volume, file: Path, first_file: Path) -> None:
    colours = {len(found.channels), len(first.channels)}
    if _described(found) != _described(first) or len(colours - {1}) > 1 or not found.grid.is_flat:
        raise VolumeProblem(
            str(file), f"This slice is {_described(found)}, but {first_file.name} is {_described(first)}.", _ONE_STACK
        )


def _described(plane: Volume) -> str:
    _, z, y, x = plane.data.shape
    return (f"{z} planes of " if z > 1 else "") + f"{y} x {x} pixels of {plane.data.dtype}"


def _in_order(folder: Path, files: Sequence[Path]) -> list[Path]:
    """Return the slices by the one number in which their names differ."""
    by_pattern = {re.sub(r"\d+", "0", file.name.lower()): file.name for file in files}
    if len(by_pattern) > 1:
        one, other = list(by_pattern.values())[:2]
        raise VolumeProblem(str(folder), f"{one} and {other} are not named as slices of one stack.", _ONE_STACK)
    numbers = np.array([[int(found) for found in re.findall(r"\d+", file.name)] for file in files], dtype=object)
    differing = [n for n in range(numbers.shape[1]) if len(set(numbers[:, n])) > 1]
    if len(files) > 1 and len(differing) != 1:
        how = "several numbers" if differing else "no number"
        raise VolumeProblem(str(folder), f"The names of its {len(files)} pictures differ in {how}.", _ONE_STACK)
    by_number = sorted(zip(numbers[:, differing[0]] if differing else [0], files, strict=True))
    _refuse_gaps(folder, by_number)
    return [file for _, file in by_number]


def _refuse_gaps(folder: Path, by_number: Sequence[tuple[int, Path]]) -> None:
    steps = [(after[0] - before[0], before[1], after[1]) for before, after in pairwise(by_number)]
    usual = min((step for step, _, _ in steps), default=1)
    gaps = [f"{after.name} comes after {before.name}" for step, before, after in steps if step > max(usual, 1)]
    if usual < 1:
        raise VolumeProblem(str(folder), "Two of its pictures have the same number.", _ONE_STACK)
    if gaps:
        more = f", and {len(gaps) - 3} more" if len(gaps) > 3 else ""
        raise VolumeProblem(str(folder), f"Slices are missing: {'; '.join(gaps[:3])}{more}.", _ONE_STACK)
