"""Which files of a folder are DICOM, told by four bytes of each; links to other folders are not followed."""

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_MAGIC = b"DICM"
_BEFORE_MAGIC = 128
#: Suffixes (lower case) that say of a file that it is DICOM; many have none.
NAMED_SUFFIXES = (".dcm", ".dicom", ".ima")
_MOST_LISTED, _MOST_OPENED = 4000, 100


def is_dicom(path: Path) -> bool:
    """Return whether the content is DICOM, whatever the file is called; False where it cannot be read."""
    try:
        if not path.is_file():  # a pipe would keep us waiting
            return False
        with path.open("rb") as file:
            return file.read(_BEFORE_MAGIC + len(_MAGIC))[_BEFORE_MAGIC:] == _MAGIC
    except OSError:
        return False


def dicom_files(folder: Path) -> list[Path]:
    """Return the DICOM files of a folder and all folders in it, in order of their paths."""
    return sorted(path for path in _candidates(folder) if is_dicom(path))


def holds_dicom(folder: Path) -> bool:
    """Return whether there is DICOM near the top of a folder: at once, for only the first files are looked at."""
    near = islice(_candidates(folder, _MOST_LISTED), _MOST_OPENED)
    return any(is_dicom(path) for path in near)


def _candidates(folder: Path, most: int | None = None) -> Iterator[Path]:
    """Yield the files, also of folders inside, whose name does not already say that they are something else.

    ``most`` limits how many folders, and how many files, are listed.
    """
    listed = (Path(inside, name) for inside, _, names in islice(os.walk(folder), most) for name in names)
    for path in islice(listed, most):
        suffix = path.suffix.lower()
        if not path.name.startswith(".") and (suffix in ("", *NAMED_SUFFIXES) or suffix[1:].isdigit()):
            yield path
