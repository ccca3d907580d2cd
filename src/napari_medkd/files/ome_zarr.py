"""OME-Zarr 0.4 and 0.5, a folder or an address on the web: path <-> image in canonical order.

An image of more than `LARGE_BYTES` stays where it is, as an array of dask that reads the chunks that are looked at.
What lies in the folder is named by its path: ``scan.ome.zarr/labels/liver``.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import zarr
from numpy.typing import NDArray

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Volume
from napari_medkd.files.axes import to_canonical
from napari_medkd.files.giving_up import go_on_if_wanted
from napari_medkd.files.memory import LARGE_BYTES, refuse_beyond_memory
from napari_medkd.files.ome_zarr_metadata import Level, Multiscale, multiscale_of
from napari_medkd.files.ome_zarr_writing import write_image as write_image
from napari_medkd.files.ome_zarr_writing import write_labels as write_labels
from napari_medkd.files.web_path import web_address

_DAMAGE = (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, NotImplementedError, IndexError)
_MOST_UNNAMED_CHANNELS = 8
_MOST_CHUNKS = 2**22
_VOXELS_AT_ONCE = 2**21


def read_image(path: Path, num_channels: int | None = None) -> Volume:
    """Return the image in its finest resolution; ``num_channels`` says how many the caller expects, if it knows."""
    return _volume(*_opened(path), path, 0, num_channels)


def read_labels(path: Path) -> Volume:
    """Return the labels in their finest resolution, an image of one channel."""
    return read_image(path, 1)


def read_levels(path: Path) -> list[Volume]:
    """Return the image in all of its resolutions, the finest first."""
    group, said = _opened(path)
    return [_volume(group, said, path, number, None) for number in range(len(said.levels))]


def label_paths(path: Path) -> list[Path]:
    """Return the paths of the label images that an image says it has."""
    group, _ = _opened(path)
    with naming_damage(path):
        found = group.get("labels")
        attributes = {} if found is None else dict(found.attrs)
    said = attributes.get("ome", attributes)
    names = said.get("labels", []) if isinstance(said, dict) else []
    named = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    return [path / "labels" / name for name in named if name and not {"..", ""} & set(name.split("/"))]


def doubts(path: Path) -> list[Problem]:
    """Return that lengths are missing, where they are: then the image counts in pixels."""
    _, said = _opened(path)
    if said.mm_per_unit is not None:
        return []
    return [
        Problem(str(path), "Its axes have no unit of length.", "Write `unit` for z, y and x; until then it has pixels.")
    ]


def label_classes(path: Path) -> Mapping[int, str] | None:
    """Return the names that labels say for their values; None where the path is an image and no labels."""
    return _opened(path)[1].label_classes


@contextmanager
def naming_damage(path: Path) -> Iterator[None]:
    """Translate what goes wrong while the folder is read."""
    try:
        yield
    except VolumeProblem:
        raise
    except zarr.errors.NodeNotFoundError as error:
        raise VolumeProblem(
            str(path), "There is no Zarr group or array of that name.", "Check the path, or copy the folder again."
        ) from error
    except _DAMAGE as error:
        raise VolumeProblem(
            str(path), f"The OME-Zarr cannot be read: {error}.", "Check the connection, or copy or export it again."
        ) from error


@dataclass(frozen=True, slots=True)
class _Voxels:
    """An array whose damaged chunks are told with the file's name, whoever reads them."""

    array: Any
    path: Path

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        kind: np.dtype[Any] = self.array.dtype
        return np.dtype(np.uint8) if kind.kind == "b" else kind.newbyteorder("=")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    def __getitem__(self, where: Any) -> NDArray[Any]:
        with naming_damage(self.path):
            return np.asarray(self.array[where]).astype(self.dtype, copy=False)


def _opened(path: Path) -> tuple[Any, Multiscale]:
    """Return the group and what it says of its image."""
    address = web_address(path)
    with naming_damage(path):
        if address is None:
            group: Any = zarr.open_group(path, mode="r")
        else:
            from napari_medkd.files.web_store import WebStore

            group = zarr.open_group(WebStore(address), mode="r")
        attributes = dict(group.attrs)
    return group, multiscale_of(attributes, str(path))


def _volume(group: Any, said: Multiscale, path: Path, number: int, num_channels: int | None) -> Volume:
    import dask.array

    level = said.levels[number]
    with naming_damage(path):
        array = group[level.path]
    _refuse_unusable(array, said, level, path)
    voxels = _Voxels(array, path)
    lazy: Any = dask.array.from_array(voxels, _blocks(array.chunks), asarray=False, name=False)  # type: ignore[no-untyped-call]
    if lazy.nbytes <= LARGE_BYTES:
        refuse_beyond_memory(lazy.nbytes, path)
        lazy = _whole(voxels, array.chunks)
    space_first = _space_first(lazy, said, path, num_channels)
    data, affine, letters = _placed(space_first, said, level)
    shape = (data.shape[0], data.shape[1], data.shape[2])
    grid = Grid(shape, _exact(said, affine, number), said.unit, letters)
    data = np.moveaxis(data, 3, 0)
    if isinstance(data, np.ndarray):
        data = np.require(data, requirements=["C", "A", "W"])
    return Volume(data, grid, _names(said, len(data)), source=path)


def _whole(voxels: _Voxels, chunks: tuple[int, ...]) -> NDArray[Any]:
    """Return all voxels, read slab by slab along the axis that has most chunks, for a person may cancel."""
    axis = int(np.argmax(np.divide(voxels.shape, chunks)))
    whole = np.empty(voxels.shape, voxels.dtype)
    thin = whole.size // voxels.shape[axis] * chunks[axis]
    step = chunks[axis] * max(1, _VOXELS_AT_ONCE // thin)
    for first in range(0, voxels.shape[axis], step):
        go_on_if_wanted()
        slab = (slice(None),) * axis + (slice(first, first + step),)
        whole[slab] = voxels[slab]
    return whole


def _blocks(chunks: tuple[int, ...]) -> tuple[int, ...]:
    """Return how much is read at once: a few small chunks, as each costs dask more than it takes to read."""
    several = max(1, int((_VOXELS_AT_ONCE / prod(chunks)) ** (1 / 3)))
    return tuple(size * several if size > 1 else 1 for size in chunks)


def _refuse_unusable(array: Any, said: Multiscale, level: Level, path: Path) -> None:
    if not isinstance(array, zarr.Array) or array.ndim != len(said.axes) or min(array.shape) < 1:
        raise VolumeProblem(
            str(path),
            f"{level.path!r} is no array with the axes {', '.join(said.axes)}.",
            "Export the image again from its source.",
        )
    if array.dtype.kind not in "iufb" or array.dtype.itemsize > 8:
        raise VolumeProblem(
            str(path), f"The intensities are of type {array.dtype}.", "Save the image as whole or real numbers."
        )
    refuse_beyond_memory(prod(array.chunks) * array.dtype.itemsize, path)
    count = prod(-(-size // chunk) for size, chunk in zip(array.shape, array.chunks, strict=True))
    if count > _MOST_CHUNKS:
        raise VolumeProblem(
            str(path), f"The image has {count} chunks of {array.chunks} voxels.", "Save it with larger chunks."
        )


def _space_first(array: Any, said: Multiscale, path: Path, num_channels: int | None) -> Any:
    """Return the array with its axes of space first, as many as there are, and one of channels."""
    further = [n for n, axis in enumerate(said.axes) if axis not in ("z", "y", "x", "channel")]
    series = [f"{array.shape[n]} along {said.axes[n]}" for n in further if array.shape[n] > 1]
    if series:
        raise VolumeProblem(
            str(path),
            f"The image is a series of volumes: {', '.join(series)}.",
            "Save the volume you need as its own image.",
        )
    array = array[tuple(0 if n in further else slice(None) for n in range(array.ndim))]
    axes = [axis for axis in said.axes if axis in ("z", "y", "x", "channel")]
    if "channel" not in axes:
        return array[..., np.newaxis]
    array = np.moveaxis(array, axes.index("channel"), -1)
    count = array.shape[-1]
    if count > _MOST_UNNAMED_CHANNELS and count not in (num_channels, len(said.channels)):
        raise VolumeProblem(
            str(path),
            f"The image has {count} channels without names.",
            f"Name each of them: `channels` in medkd-dataset.json, {count} names.",
        )
    return array


def _placed(array: Any, said: Multiscale, level: Level) -> tuple[Any, NDArray[np.float64], str]:
    """Return the array in canonical order (z, y, x, channel), its affine, and where the file's axes grow."""
    mm = dict(zip("zyx", said.mm_per_unit or (1.0, 1.0, 1.0), strict=True))
    scale = {axis: size * mm[axis] for axis, size in zip(said.axes, level.scale, strict=True) if axis in mm}
    first = {axis: at * mm[axis] for axis, at in zip(said.axes, level.translation, strict=True) if axis in mm}
    space = [axis for axis in said.axes if axis in mm]
    if "z" not in space:  # a plane
        array, space = array[np.newaxis], ["z", *space]
        scale["z"], first["z"] = abs(scale["y"]), 0.0
    affine = np.eye(4)
    affine[:3] = 0.0
    for index, axis in enumerate(space):
        row = "xyz".index(axis)  # of right, anterior, superior, which all grow the other way than ours
        affine[row, index] = -scale[axis]
        affine[row, 3] = -first[axis]
    letters = "".join(nibabel.aff2axcodes(affine))  # type: ignore[no-untyped-call]
    data, affine = to_canonical(array, affine, letters)
    return data, affine + 0.0, letters


def _exact(said: Multiscale, affine: NDArray[np.float64], number: int) -> NDArray[np.float64]:
    """Return the affine that stands beside the image where it has the same voxel size, else the one given."""
    if said.affine is None:
        return affine
    scale, exact = (np.linalg.norm(one[:3, :3], axis=0) for one in (affine, said.affine))
    if number == 0:
        return said.affine if np.allclose(scale, exact, rtol=1e-6) else affine
    finer = said.affine.copy()  # of a coarser one the directions and, to a voxel, the place
    finer[:3, :3] *= scale / exact
    return finer


def _names(said: Multiscale, count: int) -> tuple[str, ...]:
    if len(said.channels) == count and len(set(said.channels)) == count and count > 1:
        return said.channels
    return ("image",) if count == 1 else tuple(f"channel {number + 1}" for number in range(count))
