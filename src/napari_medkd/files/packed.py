"""Reading numbers that may be packed: nothing is unpacked that cannot be there or fit, and damage is told by name."""

import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.giving_up import go_on_if_wanted
from napari_medkd.files.memory import refuse_beyond_memory

_MOST_DEFLATE_SAVES = 1100  # it cannot shrink anything further
_COPIES = 2  # as stored, and in canonical order
_BLOCK = 2**22
_BYTES_AT_ONCE = 2**18  # unpacked in pieces that stay in the processor's cache, which takes half as long
_ANY_WRAPPING = 47  # zlib's word for: as gzip wraps it, or as zlib itself does


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, fewer at the end."""
        ...

    def readinto(self, room: memoryview, /) -> int:
        """Fill the room, as far as there are bytes, and return how many there were."""
        ...


@contextmanager
def opened(path: Path) -> Iterator[BufferedReader]:
    """Open the file, and tell damage that is found while it is read.

    Raises
    ------
    VolumeProblem
        Naming the file, whichever way the system or the packed data refuse.
    """
    try:
        with path.open("rb") as file:
            yield file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise incomplete(path, f"the compressed data are damaged: {error}") from error
    except OSError as error:
        raise VolumeProblem.from_os_error(error, path, "The image cannot be read") from error


def incomplete(path: Path, why: str) -> VolumeProblem:
    """Return the problem of a file that lacks something, or holds something else."""
    return VolumeProblem(str(path), f"The file is incomplete or damaged: {why}.", "Copy or download it again.")


def refuse_impossible(sizes: Sequence[int], dtype: np.dtype[Any], path: Path, there: int, *, packed: bool) -> None:
    """Refuse sizes that the ``there`` bytes cannot hold, before anything is allocated."""
    size = math.prod(sizes) * dtype.itemsize
    if size > there * (_MOST_DEFLATE_SAVES if packed else 1):
        raise incomplete(path, f"the header announces {by(sizes)} voxels, the file has {max(there, 0)} bytes of them")


def read_array(stream: Stream, sizes: Sequence[int], dtype: np.dtype[Any], path: Path) -> NDArray[Any]:
    """Return the next numbers, the first index growing fastest, in the machine's byte order.

    Raises
    ------
    VolumeProblem
        Where memory cannot take them, the stream ends before them, or goes on after them: then the sizes are wrong.
    """
    size = math.prod(sizes) * dtype.itemsize
    refuse_beyond_memory(_COPIES * size, path)
    body = np.empty(size, np.uint8)
    there = filled(body.data, stream)
    if there < size:
        raise incomplete(path, f"it ends after {there} of {size} bytes of voxels")
    if stream.read(1):  # at the end of what is packed, this compares its checksum
        raise beyond(path, sizes)
    stored = body.view(dtype).reshape(sizes, order="F")
    return stored if dtype.isnative else stored.astype(dtype.newbyteorder("="))


def filled(room: memoryview, stream: Stream) -> int:
    """Fill the room as far as there are bytes, and return how many; block by block, for a person may cancel."""
    there = 0
    while there < len(room):
        go_on_if_wanted()
        count = stream.readinto(room[there : there + _BLOCK])
        if not count:
            break
        there += count
    return there


def beyond(path: Path, sizes: Sequence[int]) -> VolumeProblem:
    """Return the problem of a file that goes on behind its voxels."""
    return incomplete(path, f"it holds more than the {by(sizes)} voxels that its header announces")


def unpacking(file: BufferedReader) -> Stream:
    """Return the stream of what is packed from the file's position on, however deflate is wrapped."""
    return _Inflated(file)


class _Inflated:
    """What zlib or gzip packed, perhaps as several, one behind the other; unpacked no further than is asked for."""

    def __init__(self, file: BufferedReader) -> None:
        self._file = file
        self._zlib = zlib.decompressobj(_ANY_WRAPPING)
        self._packed = b""

    def read(self, size: int, /) -> bytes:
        body = bytearray(size)
        there = self.readinto(memoryview(body))
        return bytes(body[:there])

    def readinto(self, room: memoryview, /) -> int:
        there = 0
        while there < len(room) and self._goes_on():
            piece = self._zlib.decompress(self._packed, min(4 * _BYTES_AT_ONCE, len(room) - there))
            room[there : there + len(piece)] = piece
            there += len(piece)
            self._packed = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
        return there

    def _goes_on(self) -> bool:
        """Return whether something is left to unpack, and have it at hand."""
        self._packed = self._packed or self._file.read(_BYTES_AT_ONCE)
        while self._zlib.eof and self._packed and not self._packed.strip(b"\0"):  # what fills up a tape
            self._packed = self._file.read(_BYTES_AT_ONCE)
        if not self._packed and not self._zlib.eof:
            raise EOFError("they end too early")
        if self._packed and self._zlib.eof:
            self._zlib = zlib.decompressobj(_ANY_WRAPPING)
        return bool(self._packed)


def by(sizes: Sequence[int]) -> str:
    """Return sizes as they are said: ``4 x 5 x 6``."""
    return " x ".join(str(n) for n in sizes)
