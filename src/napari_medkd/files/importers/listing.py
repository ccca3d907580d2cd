"""The image files of a folder."""

from pathlib import Path

from napari_medkd.files.opening import suffix_of


def image_files(folder: Path) -> list[Path]:
    """Return the folder's own image files in order of their names, hidden ones left out; none without the folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if suffix_of(path) and not path.name.startswith("."))
