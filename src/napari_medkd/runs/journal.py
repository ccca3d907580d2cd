"""Appending whole lines to a file that other processes read while it grows."""

import os
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
_BLOCK = 1 << 16


def append_line(path: Path, line: bytes) -> None:
    """Append one line in one write; where the disk is full, what it took of the line is cut off again (OSError)."""
    handle = os.open(path, _FLAGS, 0o666)
    try:
        written = os.write(handle, line)
        if written < len(line):
            _write_the_rest(handle, line, written)
    finally:
        os.close(handle)


def cut_torn_line(path: Path) -> int:
    """Cut off a last line without its end, left by a process that died while writing; return the bytes that stay."""
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return 0
    with file:
        kept = size = file.seek(0, os.SEEK_END)
        while kept:
            start = max(0, kept - _BLOCK)
            file.seek(start)
            end = file.read(kept - start).rfind(b"\n")
            kept = start + end + 1
            if end >= 0:
                break
        if kept < size:
            file.truncate(kept)
        return kept


def _write_the_rest(handle: int, line: bytes, written: int) -> None:
    try:
        while written < len(line):
            written += os.write(handle, line[written:])
    except OSError:
        os.ftruncate(handle, os.fstat(handle).st_size - written)
        raise
