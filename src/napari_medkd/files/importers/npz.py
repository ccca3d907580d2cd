"""Arrays of an ``.npz`` file read item by item, so that no more than one is in memory; objects are never unpickled."""

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import DatasetProblem

_MOST_BYTES_OF_ITEM = 256 * 2**20
_MOST_ITEMS = 2_000_000
_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)


@dataclass(frozen=True, slots=True)
class StoredArray:
    """One array of the file: its shape and type, and its items along the first axis."""

    path: Path
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def items(self) -> Iterator[NDArray[Any]]:
        """Yield the items in order.

        Raises
        ------
        DatasetProblem
            Where the file ends too soon or is damaged.
        """
        count = int(np.prod(self.shape[1:], dtype=np.int64))
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(f"{self.name}.npy") as file:
                _header(file)
                for _ in range(self.shape[0]):
                    content = file.read(count * self.dtype.itemsize)
                    yield np.frombuffer(content, self.dtype, count).reshape(self.shape[1:])
        except _DAMAGE as error:
            raise _damaged(self.path, error) from error


def arrays_in(path: Path) -> dict[str, StoredArray]:
    """Return the arrays of an ``.npz`` file by name; nothing but their headers is read.

    Raises
    ------
    DatasetProblem
        Where the file is damaged, or an array holds objects, is stored column by column, or is too large to be images.
    """
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name in (name for name in archive.namelist() if name.endswith(".npy")):
                with archive.open(name) as file:
                    shape, by_columns, dtype = _header(file)
                _refuse_unfit(path, name, shape, dtype, by_columns=by_columns)
                arrays[name.removesuffix(".npy")] = StoredArray(path, name.removesuffix(".npy"), shape, dtype)
    except DatasetProblem:
        raise
    except _DAMAGE as error:
        raise _damaged(path, error) from error
    return arrays


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    read = (
        np.lib.format.read_array_header_1_0
        if np.lib.format.read_magic(file) == (1, 0)
        else (np.lib.format.read_array_header_2_0)
    )
    shape, by_columns, dtype = read(file)
    return shape, by_columns, dtype


def _refuse_unfit(path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], *, by_columns: bool) -> None:
    where = f"{path}: {name}"
    if dtype.hasobject or dtype.kind not in "biuf":
        raise DatasetProblem(where, f"The array holds {dtype}; expected numbers.", "Save images and labels as numbers.")
    if by_columns and len(shape) > 1:
        raise DatasetProblem(where, "The array is stored column by column.", "Save it with numpy.ascontiguousarray.")
    num_bytes = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
    if not shape or shape[0] > _MOST_ITEMS or num_bytes > _MOST_BYTES_OF_ITEM:
        raise DatasetProblem(where, f"The array has shape {shape}; that is too large.", "Check what the file holds.")


def _damaged(path: Path, error: Exception) -> DatasetProblem:
    return DatasetProblem(str(path), f"The file is damaged or no .npz file: {error}.", "Copy it again.")
