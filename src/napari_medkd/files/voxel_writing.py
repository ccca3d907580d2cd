"""From an image to what NRRD and MetaImage write of it: the numbers in the order of its file, and one file or two."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.files.atomic import write_bytes
from napari_medkd.files.placing import in_file_order
from napari_medkd.files.voxel_layout import LPS

_CODES = ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8")


@dataclass(frozen=True, slots=True)
class Stored:
    """An image as it is stored.

    Parameters
    ----------
    sizes
        Along i, j and k.
    num_channels
        How many numbers stand together for a voxel.
    code
        The type of a number, as in ``"u2"``.
    affine
        (4, 4) from (i, j, k) to (left, posterior, superior).
    voxels
        The numbers, little end first, i growing fastest.
    """

    sizes: tuple[int, int, int]
    num_channels: int
    code: str
    affine: NDArray[np.float64]
    voxels: bytes


def stored(data: NDArray[Any], grid: Grid, path: Path) -> Stored:
    """Return the image (channel, z, y, x) in the order of the file its grid came from.

    Raises
    ------
    VolumeProblem
        Where there is no such order, or the numbers are of a type that the formats do not know.
    """
    turned, affine = in_file_order(data, grid, path)
    code = f"{turned.dtype.kind}{turned.dtype.itemsize}"
    if code not in _CODES:
        raise VolumeProblem(str(path), f"{path.suffix} cannot hold {turned.dtype}.", "Convert it to another type.")
    i, j, k, channels = turned.shape
    voxels = np.moveaxis(turned, 3, 0).astype(f"<{code}", copy=False).tobytes(order="F")
    return Stored((i, j, k), channels, code, LPS @ affine, voxels)


def write_parts(path: Path, header: str, voxels: bytes, beside: str) -> None:
    """Write header and voxels into one file, or the voxels first into one of the name ``beside``, if there is one."""
    if beside:
        write_bytes(path.with_name(beside), voxels)
    write_bytes(path, header.encode() + (b"" if beside else voxels))


def numbers(values: Any) -> str:
    """Return numbers as text from which exactly they are read again."""
    return " ".join(repr(float(value)) for value in np.ravel(values))
