"""Pictures without a position: PNG and JPEG. A pixel is 1 x 1 in the unit ``"pixel"``.

A camera's rotation mark (EXIF) is applied, as every viewer shows it. Colour whose three channels are equal is grey,
transparency is dropped, and a palette is resolved for an image but kept as labels for a mask.
"""

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.atomic import write_bytes
from napari_medkd.files.channels import COLOURS
from napari_medkd.files.memory import refuse_beyond_memory
from napari_medkd.files.png_chunks import refuse_damaged_png

_MOST_BYTES_OF_A_PIXEL = 8
#: What the suffixes promise; Pillow is not to try its other readers, of which one runs Ghostscript.
PILLOW_FORMATS = ("PNG", "JPEG")
_GREY_MODES = ("L", "I", "I;16", "I;16B", "I;16L", "F")


def read_image(path: Path, num_channels: int | None = None) -> Volume:
    """Return the picture with one channel, or with red, green and blue."""
    return _volume(_picture(path, keep_palette=False), path, num_channels)


def read_labels(path: Path) -> Volume:
    """Return the picture's values as labels; a palette's indices are the labels."""
    if path.suffix.lower() in (".jpg", ".jpeg"):
        raise VolumeProblem(str(path), "JPEG blurs labels: a mask cannot be read from it.", "Save masks as PNG.")
    return _volume(_picture(path, keep_palette=True), path, 1)


def write_image(path: Path, volume: Volume) -> None:
    """Write one plane of whole numbers: grey of 8 or 16 bits, or 8-bit colour."""
    _refuse_unfit(path, volume.grid)
    kind, count = volume.data.dtype, volume.data.shape[0]
    if kind == np.uint8 and count in (1, 3):
        _save(
            path,
            np.moveaxis(volume.data[:, 0], 0, -1).squeeze(-1) if count == 1 else volume.data[:, 0].transpose(1, 2, 0),
        )
    elif kind == np.uint16 and count == 1 and path.suffix.lower() == ".png":
        _save(path, volume.data[0, 0])
    else:
        raise VolumeProblem(
            str(path),
            f"{count} channels of {kind} do not fit into {path.suffix}.",
            "Choose .tif or .nii.gz, which keep every type.",
        )


def write_labels(path: Path, labels: NDArray[Any], grid: Grid, task: Task | None = None) -> None:
    """Write one plane of labels (1, y, x) as PNG."""
    _refuse_unfit(path, grid)
    if path.suffix.lower() != ".png":
        raise VolumeProblem(str(path), "JPEG would blur the labels.", "Choose .png, .tif or .nii.gz.")
    _save(path, labels[0])


def doubts(path: Path) -> list[Problem]:
    """Return nothing: these files claim no position that could be wrong."""
    return []


def channels_first(colours: NDArray[Any], path: Path, num_channels: int | None) -> NDArray[Any]:
    """Return (channel, ...) of a picture (..., sample): transparency dropped, equal colours made one.

    ``num_channels`` 3 keeps, or makes, three; 1 refuses true colour.
    """
    samples = np.moveaxis(colours, -1, 0)
    if len(samples) in (2, 4):
        samples = samples[:-1]
    if (
        len(samples) == 3
        and num_channels != 3
        and (samples[0] == samples[1]).all()
        and (samples[0] == samples[2]).all()
    ):
        samples = samples[:1]
    if len(samples) == 1 and num_channels == 3:
        samples = np.repeat(samples, 3, axis=0)
    if num_channels == 1 and len(samples) > 1:
        raise VolumeProblem(
            str(path),
            f"The picture has {len(samples)} colour channels; expected one.",
            "Save it in shades of grey (a mask: one number per class), or name three channels in medkd-dataset.json.",
        )
    return np.ascontiguousarray(samples)


def _volume(picture: NDArray[Any], path: Path, num_channels: int | None) -> Volume:
    data = channels_first(picture if picture.ndim == 3 else picture[..., np.newaxis], path, num_channels)
    grid = Grid.upright((1, data.shape[1], data.shape[2]), unit="pixel")
    return Volume(data[:, np.newaxis], grid, COLOURS if len(data) == 3 else ("image",), source=path)


@contextmanager
def without_bomb_warnings() -> Iterator[None]:
    """Silence Pillow's warning of pictures that are merely large; those that are absurd it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def _picture(path: Path, *, keep_palette: bool) -> NDArray[Any]:
    """Return (y, x) or (y, x, sample)."""
    refuse_damaged_png(path)
    try:
        with without_bomb_warnings(), Image.open(path, formats=PILLOW_FORMATS) as opened:
            refuse_beyond_memory(_MOST_BYTES_OF_A_PIXEL * opened.width * opened.height, path)
            picture = ImageOps.exif_transpose(opened)
            if picture.mode == "1":
                return np.array(picture).astype(np.uint8)
            if keep_palette and picture.mode == "P":
                return np.array(picture)
            if picture.mode not in (*_GREY_MODES, "LA", "RGB", "RGBA"):
                picture = picture.convert("RGB")
            return np.array(picture)
    except VolumeProblem:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError) as error:
        raise VolumeProblem(
            str(path), f"The picture is damaged, too large, or not a picture: {error}.", "Export or copy it again."
        ) from error


def _refuse_unfit(path: Path, grid: Grid) -> None:
    if not grid.is_flat or grid.unit != "pixel":
        raise VolumeProblem(
            str(path),
            f"A picture holds one plane without a physical size; this is {grid.describe()}.",
            "Choose .nii.gz, which keeps planes, spacing and position.",
        )
    if not Grid.upright(grid.shape, unit="pixel").matches(grid):
        raise VolumeProblem(
            str(path),
            f"A picture's pixels have neither a size nor a position; these have: {grid.describe()}.",
            "Choose .nrrd, which keeps both.",
        )


def _save(path: Path, pixels: NDArray[Any]) -> None:
    stream = io.BytesIO()
    kind = "PNG" if path.suffix.lower() == ".png" else "JPEG"
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, kind, **({} if kind == "PNG" else {"quality": 95}))
    write_bytes(path, stream.getvalue())
