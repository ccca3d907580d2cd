"""NRRD (``.nrrd``, or ``.nhdr`` with its voxels beside it): path <-> image in canonical order.

It is read here and not by SimpleITK, which gives the same geometry, but follows a header to any file of the disk.
"""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import Problem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.nrrd_header import layout_of, names_a_space, read_fields
from napari_medkd.files.voxel_layout import image_of
from napari_medkd.files.voxel_writing import numbers, stored, write_parts

_GZIP_LEVEL = 4
_TYPES = {
    "i1": "int8",
    "u1": "uint8",
    "i2": "int16",
    "u2": "uint16",
    "i4": "int32",
    "u4": "uint32",
    "i8": "int64",
    "u8": "uint64",
    "f4": "float",
    "f8": "double",
}


def read_image(path: Path, num_channels: int | None = None) -> Volume:
    """Return the file's image; ``num_channels`` says how many the caller expects, if it knows."""
    return image_of(layout_of(*read_fields(path), path), path, num_channels)


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
    """Return whether the header leaves open where left is."""
    if names_a_space(read_fields(path)[0]):
        return []
    return [
        Problem(
            str(path),
            "The header names no space of a patient, so left and right cannot be known.",
            "Write its 'space' into the header; until then it is taken for left-posterior-superior.",
        )
    ]


def _write(path: Path, data: NDArray[Any], grid: Grid) -> None:
    image = stored(data, grid, path)
    has_vectors = image.num_channels > 1
    beside = f"{path.stem}.raw.gz" if path.suffix.lower() == ".nhdr" else ""
    vectors = [f"({numbers(column).replace(' ', ',')})" for column in image.affine[:3].T]
    lines = [
        "NRRD0004",
        f"type: {_TYPES[image.code]}",
        f"dimension: {3 + has_vectors}",
        "space: left-posterior-superior",
        " ".join(["sizes:", *[str(image.num_channels)] * has_vectors, *map(str, image.sizes)]),
        " ".join(["space directions:", *["none"] * has_vectors, *vectors[:3]]),
        " ".join(["kinds:", *["vector"] * has_vectors, "domain domain domain"]),
        "endian: little",
        "encoding: gzip",
        *(['space units: "pixel" "pixel" "pixel"'] if grid.unit == "pixel" else []),
        f"space origin: {vectors[3]}",
        *([f"data file: {beside}"] if beside else []),
    ]
    write_parts(path, "\n".join([*lines, "", ""]), gzip.compress(image.voxels, _GZIP_LEVEL, mtime=0), beside)
