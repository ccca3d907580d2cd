"""``FOLDER?series=KEY``: how a path names one series of the several that a DICOM folder, or file, holds.

It is one string like any other path, so that manifests, specs and command lines can hold it. Nothing of that name lies
on the disk. The key is made of the series' UID, but tells nothing of it.
"""

from pathlib import Path

_MARK = "?series="


def on_disk(path: Path) -> Path:
    """Return the file or folder that a path of an image names, without the series that is picked from it."""
    name, mark, _ = path.name.partition(_MARK)
    if not mark:
        return path
    return path.with_name(name) if name else path.parent


def picked_series(path: Path) -> str:
    """Return the key of the series that the path picks, or "" where it picks none."""
    return path.name.partition(_MARK)[2]


def picking(path: Path, key: str) -> Path:
    """Return the path of one series of a DICOM folder or file."""
    whole = on_disk(path)
    return whole.with_name(f"{whole.name}{_MARK}{key}") if whole.name else whole / f"{_MARK}{key}"
