"""Writing a file whole or not at all: beside it first, then put in its place. Reading one that may just be replaced."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from napari_medkd.core.errors import InputProblem

#: How often a file that another process holds open is tried again, and the seconds between; Windows only.
_TRIES = 20
_SECONDS_BETWEEN_TRIES = 0.05

_Result = TypeVar("_Result")


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write the file in one piece: readers, a crash and a full disk see the old content or the new, never a part.

    Parameters
    ----------
    path
        Its folder must exist.
    durable
        Whether to wait until the disk has the bytes, so that a power cut cannot lose them (some milliseconds).

    Raises
    ------
    InputProblem
        Where the system refuses (disk full, no permission, no such folder); the old file is then untouched.
    """
    beside = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        try:
            with beside.open("xb") as file:
                file.write(data)
                file.flush()
                if durable:
                    os.fsync(file.fileno())
            _when_free(lambda: beside.replace(path))
        except BaseException:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        raise InputProblem.from_os_error(error, path, "The file cannot be written") from error


def unfinished(path: Path) -> list[Path]:
    """Return what processes that were killed while they wrote the file left beside it."""
    return [beside for beside in path.parent.glob(".*.part") if beside.name.startswith(f".{path.name}.")]


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text with the line ends it has, like `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def write_json(path: Path, document: Any) -> None:
    """Write an indented JSON document, like `write_bytes`; numbers that are not finite are refused (ValueError)."""
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_bytes(path: Path) -> bytes:
    """Return the content of a file that `write_bytes` may be replacing in another process (OSError where it cannot)."""
    return _when_free(path.read_bytes)


def _when_free(act: Callable[[], _Result]) -> _Result:
    """Do it; on Windows, where another process that uses the file is in the way for a moment, patiently."""
    for _ in range(_TRIES - 1 if sys.platform == "win32" else 0):
        try:
            return act()
        except PermissionError:
            time.sleep(_SECONDS_BETWEEN_TRIES)
    return act()


def _sync_folder(folder: Path) -> None:
    if sys.platform != "win32":  # folders cannot be opened there
        with contextlib.suppress(OSError):  # some network disks refuse; the file itself is safe already
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
