"""MetaImage (``.mha``, or ``.mhd`` with its voxels beside it): path <-> image in canonical order.

It is read here and not by SimpleITK, which gives the same geometry, but follows a header to any file of the disk and
shows packed voxels that are damaged.
"""

import re
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Grid, Unit
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.packed import opened
from napari_medkd.files.text_header import damaged, integers, lines_of, note, reals, refuse_several_files, word
from napari_medkd.files.voxel_layout import LPS, VoxelLayout, beside, image_of, scale_to_mm
from napari_medkd.files.voxel_writing import numbers, stored, write_parts

_ZLIB_LEVEL = 4
_TYPES = {
    "i1": "MET_CHAR",
    "u1": "MET_UCHAR",
    "i2": "MET_SHORT",
    "u2": "MET_USHORT",
    "i4": "MET_INT",
    "u4": "MET_UINT",
    "i8": "MET_LONG_LONG",
    "u8": "MET_ULONG_LONG",
    "f4": "MET_FLOAT",
    "f8": "MET_DOUBLE",
}
_CODES = {name: code for code, name in _TYPES.items()} | {"MET_LONG": "i4", "MET_ULONG": "u4"}
_LAST = "ElementDataFile"
#: Words of older programs for the same.
_SAME = {
    **dict.fromkeys(("Rotation", "Orientation"), "TransformMatrix"),
    **dict.fromkeys(("Position", "Origin"), "Offset"),
    "BinaryDataByteOrderMSB": "ElementByteOrderMSB",
}


def read_image(path: Path, num_channels: int | None = None) -> Volume:
    """Return the file's image; ``num_channels`` says how many the caller expects, if it knows."""
    with opened(path) as file:
        layout = _layout(_fields(file, path), file.tell(), path)
    return image_of(layout, path, num_channels)


def read_labels(path: Path) -> Volume:
    """Return the file's labels as an image of one channel."""
    return read_image(path, 1)


def write_image(path: Path, volume: Volume) -> None:
    """Write the image in the order and with the affine its grid came from; several channels as vectors."""
    _write(path, volume.data, volume.grid)


def write_labels(path: Path, labels: NDArray[Any], grid: Grid, task: Task | None = None) -> None:
    """Write the labels (z, y, x) in the order and with the affine the grid came from."""
    _write(path, labels[np.newaxis], grid)


def doubts(path: Path) -> list[Problem]:
    """Return nothing: the position is always one in (left, posterior, superior)."""
    return []


def _fields(file: IO[bytes], path: Path) -> dict[str, str]:
    """Return what the header says, its last line, after which the voxels come, included."""
    fields: dict[str, str] = {}
    for line in lines_of(file, path):
        key, found, value = line.partition("=")
        if not found or not re.fullmatch(r"\w+", key.strip(), re.ASCII):
            break
        note(fields, _SAME.get(key.strip(), key.strip()), value.strip(), path)
        if key.strip() == _LAST:
            break
    if "NDims" not in fields and "DimSize" not in fields:
        raise VolumeProblem(
            str(path), "The file is no MetaImage, whatever its name says.", "Export it again, or give it its suffix."
        )
    return fields


def _layout(fields: dict[str, str], end_of_header: int, path: Path) -> VoxelLayout:
    """Return how the voxels lie: the channels of a voxel together, then i, j, k, and whatever comes fourth."""
    sizes = integers(word(fields, "DimSize", path), "DimSize", path)
    if integers(word(fields, "NDims", path), "NDims", path) != (len(sizes),) or not 2 <= len(sizes) <= 4:
        raise damaged(path, f"it says NDims {fields['NDims'][:40]} and DimSize {fields['DimSize'][:60]}")
    channels = integers(fields.get("ElementNumberOfChannels", "1"), "ElementNumberOfChannels", path)[0]
    affine, unit = _position(fields, len(sizes), path)
    file, offset, is_packed = _voxels(fields, end_of_header, path)
    return VoxelLayout(
        sizes=(channels, *sizes),
        spatial=(1, 2, 3)[: len(sizes)],
        dtype=_dtype(fields, path),
        affine=affine,
        unit=unit,
        meaning="channels" if channels > 1 else "unsaid",
        are_colours=False,
        file=file,
        offset=offset,
        is_packed=is_packed,
    )


def _position(fields: dict[str, str], count: int, path: Path) -> tuple[NDArray[np.float64], Unit]:
    """Return the affine from (i, j, k) to (right, anterior, superior), and its unit."""
    key = "ElementSpacing" if "ElementSpacing" in fields else "ElementSize"
    steps = np.ones(count) if key not in fields else np.array(reals(fields[key], key, path, count))
    whole = np.eye(max(4, count + 1))
    whole[:count, :count] = np.eye(count) * steps
    if "TransformMatrix" in fields:
        directions = reals(fields["TransformMatrix"], "TransformMatrix", path, count**2)
        whole[:count, :count] = np.reshape(directions, (count, count)).T * steps
    if whole[3:, :3].any() or whole[:3, 3:].any():
        raise damaged(path, "its fourth axis is tilted into space")
    if "Offset" in fields:
        whole[: min(count, 3), 3] = reals(fields["Offset"], "Offset", path, count)[:3]
    affine = np.eye(4)
    affine[:3] = whole[:3, :4]
    return scale_to_mm(LPS @ affine, [fields.get("DistanceUnits", "")] if key in fields else ["pixel"], path)


def _dtype(fields: dict[str, str], path: Path) -> np.dtype[Any]:
    said = word(fields, "ElementType", path)
    if said not in _CODES:
        raise VolumeProblem(str(path), f"The intensities are of type {said[:40]!r}.", "Save them as numbers.")
    return np.dtype(_CODES[said]).newbyteorder(">" if _is_true(fields, "ElementByteOrderMSB") else "<")


def _voxels(fields: dict[str, str], end_of_header: int, path: Path) -> tuple[Path, int, bool]:
    """Return where the voxels are, the bytes before them, and whether they are packed."""
    if not _is_true({"BinaryData": "True"} | fields, "BinaryData"):
        raise VolumeProblem(str(path), "The voxels are written as text.", "Save them as binary data.")
    name = word(fields, _LAST, path)
    refuse_several_files(name, path)
    is_packed = _is_true(fields, "CompressedData")
    skipped = integers(fields.get("HeaderSize", "0"), "HeaderSize", path)[0]
    is_inside = name.upper() == "LOCAL"
    if skipped < -1 or (skipped != 0 and (is_packed or is_inside)):
        raise damaged(path, f"HeaderSize is {skipped}")
    if is_inside:
        return path, end_of_header, is_packed
    return beside(path, name), skipped, is_packed


def _is_true(fields: dict[str, str], key: str) -> bool:
    return fields.get(key, "").lower() in ("true", "t", "1")


def _write(path: Path, data: NDArray[Any], grid: Grid) -> None:
    image = stored(data, grid, path)
    steps = np.linalg.norm(image.affine[:3, :3], axis=0)
    if grid.unit == "pixel" and not np.allclose(steps, 1):
        raise VolumeProblem(
            str(path), f"MetaImage knows mm and whole pixels; this is {grid.describe()}.", "Choose .nrrd."
        )
    voxels = zlib.compress(image.voxels, _ZLIB_LEVEL)
    beside = f"{path.stem}.zraw" if path.suffix.lower() == ".mhd" else ""
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "BinaryDataByteOrderMSB = False",
        "CompressedData = True",
        f"CompressedDataSize = {len(voxels)}",
        f"TransformMatrix = {numbers((image.affine[:3, :3] / steps).T)}",
        f"Offset = {numbers(image.affine[:3, 3])}",
        *([f"ElementSpacing = {numbers(steps)}"] if grid.unit == "mm" else []),
        f"DimSize = {' '.join(map(str, image.sizes))}",
        *([f"ElementNumberOfChannels = {image.num_channels}"] if image.num_channels > 1 else []),
        f"ElementType = {_TYPES[image.code]}",
        f"{_LAST} = {beside or 'LOCAL'}",
    ]
    write_parts(path, "\n".join([*lines, ""]), voxels, beside)
