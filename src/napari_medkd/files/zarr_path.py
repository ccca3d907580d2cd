"""Which paths name OME-Zarr: folders by their suffix, and whatever lies inside them."""

from pathlib import Path

from napari_medkd.files.web_path import web_address

#: Suffixes (lower case) of a folder of OME-Zarr.
ZARR_SUFFIXES = (".ome.zarr", ".zarr")
_MOST_LOOKED_AT = 2**20


def suffix_around(path: Path) -> str:
    """Return ``.zarr`` where one of the folders that hold the path is a Zarr folder, as of ``a.zarr/labels/liver``."""
    return ".zarr" if any(part.lower().endswith(".zarr") for part in path.parts[:-1]) else ""


def holds_image(path: Path) -> bool:
    """Return whether a path names OME-Zarr: a folder that says so, or an address of that suffix, which is not asked."""
    if web_address(path) is not None:
        return path.name.lower().endswith(ZARR_SUFFIXES)
    return any(_says_image(path / name) for name in ("zarr.json", ".zattrs"))


def _says_image(document: Path) -> bool:
    try:
        with document.open("rb") as file:
            return b'"multiscales"' in file.read(_MOST_LOOKED_AT)
    except OSError:
        return False
