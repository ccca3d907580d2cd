"""The voxels of a NIfTI file as stored: packed ones are unpacked, those of a large plain file stay on the disk."""

import gzip
import math
import zlib
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.files.memory import LARGE_BYTES, refuse_beyond_memory
from napari_medkd.files.nifti_header import Header, header_in, layout_of, opened, refuse_impossible, truncated

_GZIP_FORMAT = 31  # for zlib: with header, and with a checksum that is compared
_BYTES_AT_ONCE = 2**18


def read_stored(path: Path, *, mapped: bool = True) -> tuple[Header, NDArray[Any]]:
    """Return the header and the numbers as stored, of shape (i, j, k, ...), unscaled.

    Parameters
    ----------
    mapped
        Whether those of a large file may stay on the disk, as an array that cannot be written to and reads what is
        looked at.
    """
    with opened(path) as stream:
        header = header_in(stream, path)
        shape, dtype, offset = layout_of(header, path)
        size = math.prod(shape) * dtype.itemsize
        is_packed = isinstance(stream, gzip.GzipFile)
        refuse_impossible(offset + size, shape, path, packed=is_packed)
        if mapped and not is_packed and size > LARGE_BYTES:
            stored: NDArray[Any] = np.memmap(path, dtype, "r", offset, shape, "F")
        else:
            refuse_beyond_memory(size, path)
            body = np.empty(offset + size, np.uint8)
            there = _filled(body, stream)
            if there < len(body):
                raise truncated(path, f"it ends after {max(0, there - offset)} of {size} bytes of voxels")
            stored = body[offset:].view(dtype).reshape(shape, order="F")
    return header, stored if dtype.isnative else stored.astype(dtype.newbyteorder("="))


def _filled(body: NDArray[np.uint8], stream: BufferedReader | gzip.GzipFile) -> int:
    """Fill the array from the start of the file, and return how much there is."""
    if isinstance(stream, gzip.GzipFile):
        file: Any = stream.fileobj
        file.seek(0)
        return _unpacked_into(body, file)
    stream.seek(0)
    return stream.readinto(body.data)


def _unpacked_into(body: NDArray[np.uint8], file: BufferedReader) -> int:
    """Fill the array with what the file holds unpacked, and return how much that is; a checksum behind it is compared.

    In pieces that stay in the processor's cache, which takes half as long as ``gzip`` does.
    """
    there, room = 0, body.data
    unpacker = zlib.decompressobj(_GZIP_FORMAT)
    packed = b""
    while True:
        packed = packed or file.read(_BYTES_AT_ONCE)
        if not packed:
            if unpacker.eof:
                return there
            raise EOFError("it ends before the end of the packed data")
        if unpacker.eof:  # a file may be packed as several, one behind the other
            if not packed.strip(b"\0"):
                packed = b""
                continue
            unpacker = zlib.decompressobj(_GZIP_FORMAT)
        piece = unpacker.decompress(packed, min(4 * _BYTES_AT_ONCE, max(1, len(body) - there)))
        if piece and there == len(body):  # there is more than the header announces
            return there
        room[there : there + len(piece)] = piece
        there += len(piece)
        packed = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
