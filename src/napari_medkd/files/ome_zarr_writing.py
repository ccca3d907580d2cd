"""Writes OME-Zarr: an image or labels as a folder of their own, or labels into the ``labels`` of an image's folder.

A new folder is put in its place when it is complete. It is 0.5 (Zarr 3), labels of an image are of its version.
"""

import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import zarr
from numpy.typing import NDArray

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.ome_zarr_metadata import VERSIONS, Place, Version, attributes_of

#: Voxels along each axis of a chunk; a plane has larger ones.
_CHUNK, _CHUNK_OF_PLANE = 64, 512
#: Resolutions are added until one is no larger along any axis.
_COARSEST = 256
_LABELS = "labels"


def write_image(path: Path, volume: Volume) -> None:
    """Write the image in canonical order, with an axis of channels where it has several, in several resolutions."""
    channels = volume.channels if len(volume.channels) > 1 else ()
    data = volume.data if channels else volume.data[0]
    _write(path, data, volume.grid, channels)


def write_labels(path: Path, labels: NDArray[Any], grid: Grid, task: Task | None = None) -> None:
    """Write the labels (z, y, x) in several resolutions; at ``IMAGE.zarr/labels/NAME`` as labels of that image."""
    _write(path, labels, grid, None)
    if task is not None:
        _say_classes(path, task)
    if _is_of_image(path):
        _list_in_image(path)


def _say_classes(path: Path, task: Task) -> None:
    """Write into the labels of a folder what their values mean, and their colours."""
    group = zarr.open_group(path, mode="r+")
    attributes = dict(group.attrs)
    said: Any = attributes.get("ome", attributes)
    label = said.setdefault("image-label", {})
    label["properties"] = [{"label-value": value, "class": name} for value, name in enumerate(task.classes) if value]
    if task.colours:
        label["colors"] = [
            {"label-value": value, "rgba": [*bytes.fromhex(colour[1:]), 255]}
            for value, colour in enumerate(task.colours, start=1)
        ]
    group.attrs.put(attributes)


def _is_of_image(path: Path) -> bool:
    return path.parent.name == _LABELS and path.parent.parent.name.lower().endswith(".zarr")


def _version_at(path: Path) -> Version:
    """Return the version to write: that of the image whose labels are written, else the newest."""
    if _is_of_image(path) and (path.parent.parent / ".zgroup").is_file():
        return "0.4"
    return VERSIONS[-1]


def _write(path: Path, data: NDArray[Any], grid: Grid, channels: tuple[str, ...] | None) -> None:
    """Write the arrays beside the folder first; ``channels`` is None for labels, which are not averaged."""
    version = _version_at(path)
    are_labels = channels is None
    _refuse_to_replace(path, are_labels=are_labels)
    beside = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        group = zarr.open_group(beside, mode="w", zarr_format=2 if version == "0.4" else 3)
        steps = _write_levels(group, data, are_labels=are_labels)
        attributes = attributes_of(grid, steps, not are_labels, channels or (), version)
        if are_labels:
            said = attributes.get("ome", attributes)
            said["image-label"] = {"version": version}
            if _is_of_image(path):
                said["image-label"]["source"] = {"image": "../../"}
        group.attrs.update(attributes)
        _put_in_place(beside, path)
    except OSError as error:
        raise VolumeProblem.from_os_error(error, path, "The OME-Zarr cannot be written") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _put_in_place(new: Path, path: Path) -> None:
    """Rename a complete folder to its place; the old one is deleted only when the new one is there."""
    if not path.is_dir():
        new.rename(path)
        return
    old = path.with_name(f".{path.name}.{uuid4().hex[:8]}.old")
    path.rename(old)
    try:
        new.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _refuse_to_replace(path: Path, *, are_labels: bool) -> None:
    """Refuse to put an image or labels in the place of something else."""
    if not path.exists():
        return
    try:
        group = zarr.open_group(path, mode="r")
        said = dict(group.attrs).get("ome", dict(group.attrs))
        may_go = (isinstance(said, dict) and "image-label" in said) == are_labels and "labels" not in group
    except (OSError, ValueError, KeyError, TypeError):
        may_go = False
    if not may_go:
        raise VolumeProblem(
            str(path),
            "There is something else in this place, which would be lost.",
            f"Choose another name; labels of an image are written to {path.name}/{_LABELS}/NAME.",
        )


def _write_levels(group: Any, data: Any, *, are_labels: bool) -> dict[str, Place]:
    """Write the array (..., z, y, x), then each coarser one from the one before, a few chunks at a time.

    Returns
    -------
    How many voxels (z, y, x) one voxel of each array stands for.
    """
    import dask.array

    level = data.astype(np.uint8) if data.dtype.kind == "b" else data
    steps: dict[str, Place] = {}
    step = np.ones(3, dtype=int)
    while True:
        stored = _stored(group, str(len(steps)), level)
        z, y, x = step.tolist()
        steps[stored.basename] = (z, y, x)
        if max(level.shape[-3:]) <= _COARSEST:
            return steps
        halved = (1,) * (level.ndim - 3) + tuple(2 if size > 1 else 1 for size in level.shape[-3:])
        step *= halved[-3:]
        several = tuple(np.multiply(stored.chunks, halved).tolist())
        finer: Any = dask.array.from_array(stored, several)  # type: ignore[no-untyped-call]
        if are_labels:
            level = finer[tuple(slice(None, None, by) for by in halved)]
        else:
            means = dask.array.coarsen(np.mean, finer, dict(enumerate(halved)), trim_excess=True)
            level = means.astype(stored.dtype)


def _stored(group: Any, name: str, level: Any) -> Any:
    """Write an array in chunks, and return it as it is stored."""
    import dask.array

    side = _CHUNK_OF_PLANE if level.shape[-3] == 1 else _CHUNK
    chunks = (1,) * (level.ndim - 3) + tuple(min(side, size) for size in level.shape[-3:])
    is_old = group.metadata.zarr_format == 2
    stored = group.create_array(
        name,
        shape=level.shape,
        dtype=level.dtype,
        chunks=chunks,
        dimension_names=None if is_old else [*"czyx"][-level.ndim :],
        chunk_key_encoding={"name": "v2", "separator": "/"} if is_old else None,
    )
    lazy: Any = dask.array.asarray(level).rechunk(chunks)  # type: ignore[no-untyped-call]
    dask.array.store(lazy, stored, lock=False)
    return stored


def _list_in_image(path: Path) -> None:
    """Add the name to those that the image says it has."""
    zarr_format: Any = 2 if _version_at(path) == "0.4" else 3
    group = zarr.open_group(path.parent, mode="a", zarr_format=zarr_format)
    attributes = dict(group.attrs)
    said: Any = attributes if zarr_format == 2 else attributes.setdefault("ome", {"version": VERSIONS[-1]})
    names = said.setdefault(_LABELS, [])
    if path.name not in names:
        names.append(path.name)
    group.attrs.put(attributes)
