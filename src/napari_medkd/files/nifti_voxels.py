"""The voxels of a NIfTI file as stored: packed ones are unpacked, those of a large plain file stay on the disk."""

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.files.memory import LARGE_BYTES
from napari_medkd.files.nifti_header import Header, header_in, layout_of, unpacked
from napari_medkd.files.packed import Stream, beyond, opened, read_array, refuse_impossible

_CHUNK = 2**20


def read_stored(path: Path, *, mapped: bool = True) -> tuple[Header, NDArray[Any]]:
    """Return the header and the numbers as stored, of shape (i, j, k, ...), unscaled.

    Parameters
    ----------
    mapped
        Whether those of a large file may stay on the disk, as an array that cannot be written to and reads what is
        looked at.
    """
    with opened(path) as file:
        stream, packed = unpacked(file)
        header = header_in(stream, path)
        shape, dtype, offset = layout_of(header, path)
        there, size = os.fstat(file.fileno()).st_size - (0 if packed else offset), math.prod(shape) * dtype.itemsize
        refuse_impossible(shape, dtype, path, there, packed=packed)
        if packed or not mapped or size <= LARGE_BYTES or not dtype.isnative:
            _skip(stream, offset - header.sizeof_hdr)
            return header, read_array(stream, shape, dtype, path)
        if there > size:
            raise beyond(path, shape)
        return header, np.memmap(path, dtype, "r", offset, shape, "F")


def _skip(stream: Stream, size: int) -> None:
    """Read past extensions of the header, without holding them."""
    while size > 0 and (gone := len(stream.read(min(size, _CHUNK)))):
        size -= gone
