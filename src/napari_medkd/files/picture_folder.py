"""Which files of a folder are pictures that may be the slices of a stack, told by their names."""

from pathlib import Path

_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")


def pictures_in(folder: Path) -> list[Path]:
    """Return the pictures that lie in the folder itself, by their names; none where it cannot be read."""
    try:
        return sorted(path for path in folder.iterdir() if _is_picture(path))
    except OSError:
        return []


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.is_file()
