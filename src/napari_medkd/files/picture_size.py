"""The grid of a picture without its pixels being read."""

from pathlib import Path

from PIL import Image

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.files.boxes import FORM
from napari_medkd.files.dicom_folder import NAMED_SUFFIXES
from napari_medkd.files.opening import VOLUME_SUFFIXES, read_volume, suffix_of
from napari_medkd.files.raster import PILLOW_FORMATS, without_bomb_warnings

_QUICK = (".png", ".jpg", ".jpeg")
_ROTATION = 0x0112
#: Marks of a camera's rotation that swap height and width.
_ON_ITS_SIDE = (5, 6, 7, 8)
#: Where columns and rows are counted in DICOM that is shown as it is stored.
_UPRIGHT = "LP"
_HINT = f"Convert it to PNG, or list box files in a medkd-dataset.json: {FORM}."


def picture_grid(path: Path) -> Grid:
    """Return the grid that `read_volume` gives the picture.

    Raises
    ------
    VolumeProblem
        Naming the file: as `read_volume`, or where it is no picture of one plane, which rectangles could lie on.
    """
    if suffix_of(path) in VOLUME_SUFFIXES:
        raise VolumeProblem(
            str(path),
            f"Rectangles in pixels cannot be laid on a {suffix_of(path)} image, whose order of axes is its own.",
            _HINT,
        )
    if suffix_of(path) in _QUICK:
        try:
            with without_bomb_warnings(), Image.open(path, formats=PILLOW_FORMATS) as picture:
                width, height = picture.size
                if picture.getexif().get(_ROTATION) in _ON_ITS_SIDE:
                    width, height = height, width
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise VolumeProblem(str(path), f"The picture cannot be read: {error}.", "Copy it again.") from error
        return Grid.upright((1, height, width), unit="pixel")
    grid = read_volume(path).grid
    if suffix_of(path) in NAMED_SUFFIXES and not grid.axes_in_file.startswith(_UPRIGHT):
        raise VolumeProblem(
            str(path),
            "Rectangles in pixels cannot be laid on this DICOM slice: its columns and rows are not counted to the left "
            "and to the back, so it is shown turned.",
            _HINT,
        )
    if not grid.is_flat:
        raise VolumeProblem(str(path), f"Expected one plane, found {grid.describe()}.", "Rectangles need pictures.")
    return grid
