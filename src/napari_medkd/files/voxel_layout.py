"""How the voxels of NRRD and MetaImage lie in a file and in the world: what their headers say, and reading by it."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Unit
from napari_medkd.core.volume import Volume
from napari_medkd.files.channels import COLOURS, Meaning, channel_names
from napari_medkd.files.packed import by, opened, read_array, refuse_impossible, unpacking
from napari_medkd.files.placing import placed
from napari_medkd.files.raster import channels_first
from napari_medkd.files.text_header import damaged

#: From (left, posterior, superior), in which both formats think, to (right, anterior, superior), and back.
LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

_MM_PER_UNIT = {"m": 1e3, "cm": 10.0, "mm": 1.0, "um": 1e-3, "µm": 1e-3, "micron": 1e-3, "microns": 1e-3, "nm": 1e-6}


@dataclass(frozen=True, slots=True)
class VoxelLayout:
    """What a header says.

    Parameters
    ----------
    sizes
        Of all axes, the one that is stored fastest first.
    spatial
        Which of them are i, j and k, two or three, in rising order.
    affine
        (4, 4) from (i, j, k) to (right, anterior, superior).
    meaning
        What the volumes are along an axis that is not spatial; ``are_colours`` says more.
    file
        Where the voxels are: the file of the header, or one beside it.
    offset
        Bytes before them; -1 where they are the last of the file.
    is_packed
        By deflate, however it is wrapped.
    """

    sizes: tuple[int, ...]
    spatial: tuple[int, ...]
    dtype: np.dtype[Any]
    affine: NDArray[np.float64]
    unit: Unit
    meaning: Meaning
    are_colours: bool
    file: Path
    offset: int
    is_packed: bool


def image_of(layout: VoxelLayout, path: Path, num_channels: int | None) -> Volume:
    """Return the image; ``path`` is what it is called in problems, and its source.

    Raises
    ------
    VolumeProblem
        Where the sizes cannot be, the voxels are incomplete or damaged, or a time series.
    """
    if min(layout.sizes) < 1:
        raise VolumeProblem(
            str(path), f"The header gives {by(layout.sizes)} voxels; every size must be at least 1.", "Export it again."
        )
    others = [n for n in range(len(layout.sizes)) if n not in layout.spatial]
    if sum(layout.sizes[n] > 1 for n in others) > 1:
        raise VolumeProblem(
            str(path),
            f"The image has {len(layout.sizes)} dimensions ({by(layout.sizes)}).",
            "Expected three, and a fourth for channels: save each time point as its own file.",
        )
    stored = _stored(layout, path).transpose(*layout.spatial, *others)
    i, j, k = (*(layout.sizes[n] for n in layout.spatial), 1)[:3]
    channels = stored.reshape((i, j, k, -1))
    if layout.are_colours:
        samples = channels_first(channels, path, num_channels)
        names: tuple[str, ...] = COLOURS if len(samples) == 3 else ("image",)
        channels = np.moveaxis(samples, 0, -1)
    else:
        names = channel_names((i, j, k), channels.shape[3], layout.meaning, num_channels, path)
    return placed(channels, layout.affine, names, path, layout.unit)


def scale_to_mm(affine: NDArray[np.float64], units: Sequence[str], path: Path) -> tuple[NDArray[np.float64], Unit]:
    """Return the affine in mm, or in pixels where that is the unit; one that is not known counts as mm.

    Parameters
    ----------
    units
        Of the axes of space, or none.

    Raises
    ------
    VolumeProblem
        Where they are of several.
    """
    found = {unit.strip().lower() for unit in units}
    if len(found) > 1:
        raise damaged(path, f"its axes have several units ({', '.join(sorted(found))})")
    if found == {"pixel"}:
        return affine, "pixel"
    return np.diag([*[_MM_PER_UNIT.get("".join(found), 1.0)] * 3, 1.0]) @ affine, "mm"


def beside(header: Path, name: str) -> Path:
    """Return the file with the voxels that a header names; one outside its folder is never opened.

    Raises
    ------
    VolumeProblem
        Where the name leads out of the folder, by itself or by a link, or to no file.
    """
    file = header.parent / name
    try:
        inside = "\\" not in name and ":" not in name and file.resolve().parent.is_relative_to(header.parent.resolve())
        there = inside and file.is_file()
    except (OSError, ValueError, RuntimeError):  # too long, a NUL in it, a link to itself
        inside = there = False
    if not inside:
        raise VolumeProblem(
            str(header),
            f"The header names voxels outside of its folder, or in no file: {name[:100]!r}.",
            "Put both files into one folder, and name the other one alone.",
        )
    if not there:
        raise VolumeProblem(
            str(header), f"The file {name[:100]!r} that holds its voxels does not lie beside it.", "Put it there."
        )
    return file


def _stored(layout: VoxelLayout, path: Path) -> NDArray[Any]:
    with opened(layout.file) as file:
        end = os.fstat(file.fileno()).st_size
        num_bytes = math.prod(layout.sizes) * layout.dtype.itemsize
        offset = layout.offset if layout.offset >= 0 else max(0, end - num_bytes)
        refuse_impossible(layout.sizes, layout.dtype, path, end - offset, packed=layout.is_packed)
        file.seek(offset)
        return read_array(unpacking(file) if layout.is_packed else file, layout.sizes, layout.dtype, path)
