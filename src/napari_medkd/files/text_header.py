"""A header of text before the voxels: its lines, and the numbers in them."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

from napari_medkd.core.errors import VolumeProblem

_LONGEST_HEADER = 8 * 2**20  # segmentations and diffusion images carry thousands of lines
_LARGEST_NUMBER = 1e15
_INTEGER = re.compile(r"[+-]?\d{1,18}")


def lines_of(file: IO[bytes], path: Path) -> Iterator[str]:
    """Yield the lines without their ends, as they are asked for; the file stands behind the last.

    Raises
    ------
    VolumeProblem
        Where no header is so long.
    """
    left = _LONGEST_HEADER
    while line := file.readline(left):
        left -= len(line)
        if left <= 0:
            raise damaged(path, f"it has no end within {_LONGEST_HEADER} bytes")
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def note(fields: dict[str, str], key: str, value: str, path: Path) -> None:
    """Put a field down; one that is said twice, and differently, is refused."""
    if fields.setdefault(key, value) != value:
        raise damaged(path, f"it says {key!r} twice")


def word(fields: Mapping[str, str], key: str, path: Path) -> str:
    """Return a field that has to be there."""
    if not fields.get(key):
        raise damaged(path, f"it does not say {key!r}")
    return fields[key]


def integers(text: str, key: str, path: Path) -> tuple[int, ...]:
    """Return whole numbers that blanks part."""
    parts = text.split()
    if not parts or not all(_INTEGER.fullmatch(part) for part in parts):
        raise damaged(path, f"{key!r} is {text[:60]!r}; expected whole numbers")
    return tuple(int(part) for part in parts)


def reals(text: str, key: str, path: Path, count: int) -> tuple[float, ...]:
    """Return so many real numbers, finite ones, that blanks part."""
    try:
        numbers = tuple(float(part) for part in text.split())
    except ValueError:
        numbers = ()
    if len(numbers) != count or not all(abs(number) < _LARGEST_NUMBER for number in numbers):
        raise damaged(path, f"{key!r} is {text[:60]!r}; expected {count} numbers")
    return numbers


def refuse_several_files(name: str, path: Path) -> None:
    """Refuse a header whose voxels lie in a list or a numbered series of files."""
    if re.match(r"LIST\b|.*%\d*d", name):
        raise VolumeProblem(str(path), "The voxels lie in several files.", "Save the image as one file.")


def damaged(path: Path, why: str) -> VolumeProblem:
    """Return the problem of a header that cannot be made sense of."""
    return VolumeProblem(str(path), f"The header is damaged: {why}.", "Export the image again from its source.")
