"""Reading numbers that may be packed: nothing is unpacked that cannot be there or fit, and damage is told by name."""

import gzip
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.memory import refuse_beyond_memory

_MOST_DEFLATE_SAVES = 1100  # it cannot shrink anything further
_COPIES = 2  # as stored, and in canonical order
_CHUNK = 2**20
_ANY_WRAPPING = 47  # zlib's word for: as gzip wraps it, or as zlib itself does


class Stream(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return so many bytes, fewer at the end."""
        ...


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
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
    """Refuse sizes that the ``there`` bytes cannot hold or the memory cannot take, before anything is allocated."""
    size = math.prod(sizes) * dtype.itemsize
    if size > there * (_MOST_DEFLATE_SAVES if packed else 1):
        raise incomplete(path, f"the header announces {by(sizes)} voxels, the file has {max(there, 0)} bytes of them")
    refuse_beyond_memory(_COPIES * size, path)


def read_array(stream: Stream, sizes: Sequence[int], dtype: np.dtype[Any], path: Path) -> NDArray[Any]:
    """Return the next numbers, the first index growing fastest, in the machine's byte order.

    Raises
    ------
    VolumeProblem
        Where the stream ends before them, or goes on after them: then the sizes are wrong.
    """
    size = math.prod(sizes) * dtype.itemsize
    body = stream.read(size)
    if len(body) < size:
        raise incomplete(path, f"it ends after {len(body)} of {size} bytes of voxels")
    if stream.read(1):  # at the end of what is packed, this compares its checksum
        raise incomplete(path, f"it holds more than the {by(sizes)} voxels that its header announces")
    stored = np.frombuffer(body, dtype).reshape(sizes, order="F")
    return stored if dtype.isnative else stored.astype(dtype.newbyteorder("="))


def unpacking(file: IO[bytes]) -> Stream:
    """Return the stream of what is packed from the file's position on, however deflate is wrapped."""
    start = file.tell()
    is_gzip = file.read(2) == b"\x1f\x8b"
    file.seek(start)
    return gzip.GzipFile(fileobj=file) if is_gzip else _Inflated(file)


class _Inflated:
    """What zlib packed, unpacked no further than is asked for."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._zlib = zlib.decompressobj(_ANY_WRAPPING)

    def read(self, size: int, /) -> bytes:
        parts: list[bytes] = []
        while size > 0 and not self._zlib.eof:
            packed = self._zlib.unconsumed_tail or self._file.read(_CHUNK)
            if not packed:
                raise EOFError("they end too early")
            parts.append(self._zlib.decompress(packed, size))
            size -= len(parts[-1])
        return b"".join(parts)


def by(sizes: Sequence[int]) -> str:
    """Return sizes as they are said: ``4 x 5 x 6``."""
    return " x ".join(str(n) for n in sizes)
