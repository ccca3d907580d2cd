"""The images that lie in a folder: files, and folders of DICOM."""

from pathlib import Path

from napari_medkd.files.dicom_folder import holds_dicom
from napari_medkd.files.opening import suffix_of


def image_files(folder: Path) -> list[Path]:
    """Return the folder's own images in order of their names, hidden ones left out; none without the folder.

    A folder inside that holds DICOM is an image, named like a file.
    """
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith(".") and _is_image(path))


def _is_image(path: Path) -> bool:
    return bool(suffix_of(path)) or (path.is_dir() and holds_dicom(path))
