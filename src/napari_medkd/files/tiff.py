"""TIFF: several pages are a stack along z. Sizes in mm are believed from ImageJ and OME alone, else the unit is pixels.

The resolution tag of other programs is for printing and is not read.
"""

import hashlib
import io
import struct
import uuid
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files import tiff_by_pillow
from napari_medkd.files.atomic import write_bytes
from napari_medkd.files.channels import COLOURS
from napari_medkd.files.giving_up import go_on_if_wanted
from napari_medkd.files.ome_xml import MM_PER_UNIT, Spacing, read_ome
from napari_medkd.files.packed import filled
from napari_medkd.files.raster import channels_first
from napari_medkd.files.tiff_damage import refuse_unreadable
from napari_medkd.files.tiff_pages import refuse_broken_chain

_LARGEST_VOXEL = 1e6
_PAGES_AT_ONCE = 16
_PLANES = "ZIQ"  # planes along z, and pages whose meaning is not said
_DAMAGE = (
    *(OSError, ValueError, KeyError, IndexError, TypeError, RuntimeError, EOFError, ArithmeticError, AssertionError),
    *(struct.error, zlib.error, Image.DecompressionBombError),
)


def read_image(path: Path, num_channels: int | None = None) -> Volume:
    """Return the stack, with the file's channels or the colours of its pixels; a palette is resolved."""
    return _read(path, num_channels, keep_palette=False)


def read_labels(path: Path) -> Volume:
    """Return the stack of labels; a palette's indices are the labels."""
    return _read(path, 1, keep_palette=True)


def write_image(path: Path, volume: Volume) -> None:
    """Write the image as OME-TIFF with the names of its channels; 8-bit colour of one plane as a colour picture."""
    _write(path, volume.data, volume.grid, volume.channels)


def write_labels(path: Path, labels: NDArray[Any], grid: Grid, task: Task | None = None) -> None:
    """Write the labels (z, y, x) as OME-TIFF."""
    _write(path, labels[np.newaxis], grid, ())


def doubts(path: Path) -> list[Problem]:
    """Return nothing: these files claim no position that could be wrong."""
    return []


def _read(path: Path, num_channels: int | None, *, keep_palette: bool) -> Volume:
    pages, axes, spacing, names = _decoded(path, keep_palette=keep_palette)
    data = _channels_first(pages, axes, path, num_channels)
    return Volume(data, _grid(data, spacing, path), _channel_names(len(data), axes, names), source=path)


def _grid(data: NDArray[Any], spacing: Spacing, path: Path) -> Grid:
    shape = (data.shape[1], data.shape[2], data.shape[3])
    if spacing is None:
        return Grid.upright(shape, unit="pixel")
    if not all(0 < size < _LARGEST_VOXEL for size in spacing):
        sizes = " x ".join(f"{size:g}" for size in spacing)
        raise VolumeProblem(
            str(path),
            f"The voxel size in the header is {sizes} mm; each must be above 0.",
            "Correct it, or leave it out.",
        )
    return Grid.upright(shape, spacing)


def _channel_names(count: int, axes: str, said: tuple[str, ...]) -> tuple[str, ...]:
    if count == 1:
        return ("image",)
    if "S" in axes and count == 3:
        return COLOURS
    return said if len(said) == count else tuple(f"channel {n + 1}" for n in range(count))


def _decoded(path: Path, *, keep_palette: bool) -> tuple[NDArray[Any], str, Spacing, tuple[str, ...]]:
    """Return the array, a letter for each of its axes, the voxel size, and names of channels."""
    try:
        refuse_broken_chain(path)
        with tifffile.TiffFile(path, _multifile=False) as file:
            ome = read_ome(file.ome_metadata or "", path.name)
            series = refuse_unreadable(file, ome, path)
            spacing = _imagej_spacing(file) if file.is_imagej else ome.spacing
            is_indexed = series.keyframe.photometric == tifffile.PHOTOMETRIC.PALETTE
            if is_indexed and not file.is_imagej:  # which writes so how shades are to be shown
                return (*tiff_by_pillow.unpacked(path, in_colours=not keep_palette), spacing, ome.channels)
            try:
                return _pages(file, series, path), series.axes, spacing, ome.channels
            except ValueError as error:  # a compression that needs a codec tifffile does not bring along
                tiff_by_pillow.refuse_inexact(series.keyframe, error, path)
                return (*tiff_by_pillow.unpacked(path), spacing, ome.channels)
    except (FileNotFoundError, PermissionError) as error:
        raise VolumeProblem.from_os_error(error, path, "The TIFF cannot be read") from error
    except VolumeProblem:
        raise
    except _DAMAGE as error:
        raise VolumeProblem(
            str(path), f"The TIFF is damaged or of a kind that cannot be read: {error}.", "Export or copy it again."
        ) from error


def _pages(file: tifffile.TiffFile, series: tifffile.TiffPageSeries, path: Path) -> NDArray[Any]:
    """Return the stack, read a few pages at a time, for a person may cancel."""
    if series.dataoffset is not None:  # one plain piece
        stack = np.empty(series.shape, series.dtype.newbyteorder(file.byteorder))
        with path.open("rb") as plain:
            plain.seek(series.dataoffset)
            if filled(stack.data.cast("B"), plain) < stack.nbytes:
                raise EOFError("it ends before its last plane")
        return stack
    stack = np.empty((len(series.pages), *series.keyframe.shape), series.dtype)
    for first in range(0, len(stack), _PAGES_AT_ONCE):
        go_on_if_wanted()
        some = slice(first, first + _PAGES_AT_ONCE)
        stack[some] = file.asarray(key=some, series=series).reshape(stack[some].shape)
    return stack.reshape(series.shape)


def _channels_first(pages: NDArray[Any], axes: str, path: Path, num_channels: int | None) -> NDArray[Any]:
    """Return (channel, z, y, x)."""
    kept = [n for n, axis in enumerate(axes) if axis in "YX" or pages.shape[n] > 1]
    axes = "".join(axes[n] for n in kept)
    colours, planes = [axis for axis in axes if axis in "SC"], [axis for axis in axes if axis in _PLANES]
    if len(colours) > 1 or len(planes) > 1 or set(axes) - {*"YX", *colours, *planes}:
        raise VolumeProblem(
            str(path),
            f"The TIFF has the axes {axes}; expected Y and X, one of planes and one of channels.",
            "Save each time point or position as its own file.",
        )
    order = [axes.index(axis) for axis in (*planes, "Y", "X", *colours)]
    array = pages.reshape([pages.shape[n] for n in kept]).transpose(order)
    array = array if planes else array[np.newaxis]
    array = array if colours else array[..., np.newaxis]
    array = array.astype(np.uint8) if array.dtype == np.bool_ else array
    array = array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
    if colours == ["C"]:
        return np.ascontiguousarray(np.moveaxis(array, -1, 0))
    return channels_first(array, path, num_channels)


def _imagej_spacing(file: tifffile.TiffFile) -> Spacing:
    said = file.imagej_metadata or {}
    scale = MM_PER_UNIT.get(str(said.get("unit", "")).replace("\\u00B5", "µ").lower())
    tags = file.pages.first.tags
    per_unit = [tags[name].value for name in ("YResolution", "XResolution") if name in tags]
    if scale is None or len(per_unit) < 2 or any(not n or not d for n, d in per_unit):
        return None
    y, x = (scale * d / n for n, d in per_unit)
    return scale * float(said.get("spacing", 1.0)), y, x


def _write(path: Path, data: NDArray[Any], grid: Grid, channels: tuple[str, ...]) -> None:
    is_physical = grid.unit == "mm"
    kept = Grid.upright(grid.shape, grid.spacing if is_physical else (1.0, 1.0, 1.0), grid.unit)
    if not kept.matches(grid, tolerance=1e-3):
        lost = "a position or direction in space" if is_physical else "pixels with a size or a position"
        raise VolumeProblem(
            str(path),
            f"The image has {lost}, which TIFF cannot keep: {grid.describe()}.",
            f"Choose {'.nii.gz' if is_physical else '.nrrd'}.",
        )
    is_colour = grid.is_flat and data.shape[0] == 3 and data.dtype == np.uint8
    said: dict[str, Any] = {"axes": "YXS" if is_colour else "CZYX"}
    if len(channels) > 1 and not is_colour:
        said["Channel"] = {"Name": list(channels)}
    if is_physical:
        for axis, size in zip("ZYX", grid.spacing, strict=True):
            said |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "mm"}
    data = np.ascontiguousarray(np.moveaxis(data[:, 0], 0, -1) if is_colour else data)
    said["UUID"] = str(uuid.UUID(bytes=hashlib.sha256(data.tobytes()).digest()[:16]))  # the same image, the same bytes
    stream = io.BytesIO()
    try:
        tifffile.imwrite(
            stream, data, ome=True, photometric="rgb" if is_colour else "minisblack", compression="zlib", metadata=said
        )
    except (ValueError, tifffile.OmeXmlError) as error:
        raise VolumeProblem(
            str(path), f"TIFF cannot hold {data.dtype} of shape {data.shape}: {error}.", "Choose .nii.gz."
        ) from error
    write_bytes(path, stream.getvalue())
