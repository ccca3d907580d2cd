"""Unpacking a zip or tar archive whole or not at all, into a folder of its own and nowhere else.

Nothing of an archive is trusted: members are looked at before one is written, and written byte by byte, so that links,
modes, owners and times of an archive mean nothing.
"""

import gzip
import io
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from napari_medkd.core.errors import DatasetProblem, InputProblem
from napari_medkd.files.archive_members import Bounds, Member, refuse_unsafe

_MIB = 2**20
_PIECE = _MIB
#: An archive may always unpack to so much, and a larger one to so many times its own size.
_ALWAYS_BYTES = 1024 * _MIB
_MOST_TIMES = 100
#: What a tar archive is read of at once: a piece of a file, or a header.
_MOST_BYTES_AT_ONCE = 16 * _MIB
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError)


def unpack(archive: Path, into: Path, bounds: Bounds | None = None) -> list[str]:
    """Unpack the files that a dataset needs, and return the names of those that were left out.

    Parameters
    ----------
    archive
        A zip archive, or a tar archive, which may be compressed with gzip; told by what is in it.
    into
        A folder that is not there; it is made, and left only if all of the archive could be unpacked.
    bounds
        None takes those that no dataset passes: 1 GiB or 100 times the archive's size, and what the disk has free.

    Raises
    ------
    InputProblem
        Where a member is unsafe (see `napari_medkd.files.archive_members`), the archive is damaged, or the disk is
        full. Nothing is left then.
    """
    bounds = bounds or Bounds(max(_ALWAYS_BYTES, _MOST_TIMES * archive.stat().st_size))
    into.mkdir()
    try:
        with _opened(archive, bounds) as opened:
            return _unpacked(opened, archive, into, bounds)
    except BaseException as error:
        shutil.rmtree(into, ignore_errors=True)
        problem = _problem_of(error, archive, into)
        if problem is None:
            raise
        raise problem from error


def _problem_of(error: BaseException, archive: Path, into: Path) -> InputProblem | None:
    """Return what a person can do about an error, or None where it says so itself, or is no fault of the archive."""
    if isinstance(error, InputProblem):
        return None
    if isinstance(error, OSError) and error.errno is not None:
        return InputProblem.from_os_error(error, error.filename or into, "It cannot be unpacked")
    if isinstance(error, (OSError, *_DAMAGE)):  # gzip tells its faults as errors of the system without a number
        hint = "Get it again, or look with another program at what is in it."
        return DatasetProblem(str(archive), f"The archive is damaged ({str(error) or type(error).__name__}).", hint)
    return None


class _Archive(Protocol):
    """What an archive of either kind offers."""

    def members(self) -> Iterator[Member]: ...
    def content(self, member: Member) -> IO[bytes]: ...


def _unpacked(opened: _Archive, archive: Path, into: Path, bounds: Bounds) -> list[str]:
    """Write the files of an archive, and return the names of those that were left out."""
    members = refuse_unsafe(opened.members(), archive, bounds)
    taken = [member for member in members if member.is_taken]
    needed, free = sum(member.size for member in taken), shutil.disk_usage(into).free
    if needed > free:
        found = f"Unpacking needs {needed / _MIB:,.0f} MiB, and the disk has {free / _MIB:,.0f} MiB free."
        raise InputProblem(str(into), found, "Free some space, or choose a folder on another disk.")
    for member in taken:
        path = into.joinpath(*member.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened.content(member) as source, path.open("xb") as file:
            _copy(source, file, member)
    return [member.name for member in members if member.kind == "file" and not member.is_taken]


def _copy(source: IO[bytes], file: IO[bytes], member: Member) -> None:
    """Write as many bytes as the archive says that the member has; one more or less is damage."""
    left = member.size
    while piece := source.read(min(_PIECE, left + 1)):
        left -= len(piece)
        if left < 0:
            break
        file.write(piece)
    if left:
        message = f"{member.name} has another size than the archive says"
        raise EOFError(message)


@contextmanager
def _opened(archive: Path, bounds: Bounds) -> Iterator[_Archive]:
    """Open the archive as what its first bytes say."""
    with archive.open("rb") as file:
        start = file.read(512)
        file.seek(0)
        if start.startswith(b"PK"):
            with zipfile.ZipFile(file) as as_zip:
                yield _Zip(as_zip)
        elif start.startswith(b"\x1f\x8b"):
            with gzip.open(file) as stream, _opened_tar(_Bounded(stream, bounds)) as as_tar:
                yield as_tar
        elif start[257:262] == b"ustar":
            with _opened_tar(_Bounded(file, bounds)) as as_tar:
                yield as_tar
        else:
            raise DatasetProblem(str(archive), "This is neither a zip nor a tar archive.", "Check where it is from.")


class _Zip:
    """A zip archive."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._info: dict[Member, zipfile.ZipInfo] = {}

    def members(self) -> Iterator[Member]:
        for info in self._archive.infolist():
            member = Member(info.orig_filename, info.file_size, _kind_in_zip(info))
            self._info[member] = info
            yield member

    def content(self, member: Member) -> IO[bytes]:
        return self._archive.open(self._info[member])


def _kind_in_zip(info: zipfile.ZipInfo) -> str:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "device"
    if info.flag_bits & 1:
        return "file with a password"
    return "folder" if info.orig_filename.endswith("/") else "file"


class _Tar:
    """A tar archive."""

    def __init__(self, archive: tarfile.TarFile, stream: "_Bounded") -> None:
        self._archive, self._stream = archive, stream
        self._info: dict[Member, tarfile.TarInfo] = {}

    def members(self) -> Iterator[Member]:
        for info in self._archive:
            member = Member(info.name, info.size, _kind_in_tar(info))
            self._info[member] = info
            yield member
        self._stream.seek(self._archive.offset)
        if self._stream.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
            message = "its end is missing"
            raise EOFError(message)
        while self._stream.read(_PIECE):
            pass  # at its end gzip compares the checksum of all

    def content(self, member: Member) -> IO[bytes]:
        content = self._archive.extractfile(self._info[member])
        assert content is not None, "only files are asked for"
        return content


@contextmanager
def _opened_tar(stream: "_Bounded") -> Iterator[_Tar]:
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        yield _Tar(archive, stream)


def _kind_in_tar(info: tarfile.TarInfo) -> str:
    if info.issym() or info.islnk():
        return "link"
    if info.issparse():
        return "sparse file"
    if info.isdir():
        return "folder"
    return "file" if info.isreg() else "device"


class _Bounded(io.RawIOBase):
    """The bytes of a tar archive, of which no more are read than its members may have, and no header too large."""

    def __init__(self, stream: Any, bounds: Bounds) -> None:
        self._stream = stream
        self._most = 2 * bounds.most_bytes + _MIB  # headers of many small files are as large as those

    def read(self, size: int = -1, /) -> bytes:
        if not 0 <= size <= _MOST_BYTES_AT_ONCE or self._stream.tell() > self._most:
            message = f"{size / _MIB:.0f} MiB at once, or more than {self._most / _MIB:,.0f} MiB in all"
            raise tarfile.ReadError(message)
        data: bytes = self._stream.read(size)
        return data

    def seek(self, position: int, whence: int = 0, /) -> int:
        if position > self._most:
            message = f"more than {self._most / _MIB:,.0f} MiB in all"
            raise tarfile.ReadError(message)
        return int(self._stream.seek(position, whence))

    def tell(self) -> int:
        return int(self._stream.tell())
