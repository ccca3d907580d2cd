"""NIfTI-1 and -2 in one file (``.nii``, ``.nii.gz``): path <-> image in canonical order.

The affine is the sform where it is coded, else the qform, else the voxel sizes alone. The unit becomes mm. Volumes in
the fourth dimension are channels or points in time: see `channels`. Of a large file that is not packed, only what is
looked at is read.
"""

import gzip
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files import nifti_header, nifti_voxels
from napari_medkd.files.atomic import write_bytes
from napari_medkd.files.channels import COLOURS, Meaning, channel_names
from napari_medkd.files.nifti_header import Header
from napari_medkd.files.packed import by
from napari_medkd.files.placing import in_file_order, placed
from napari_medkd.files.scaling import scaled

_GZIP_LEVEL = 4  # measured on MR and CT: within 1 % of the size of level 9, in a third of the time or less


def read_image(path: Path, num_channels: int | None = None) -> Volume:
    """Return the file's image; ``num_channels`` says how many the caller expects, if it knows."""
    header, stored = nifti_voxels.read_stored(path)
    return _image(header, stored, path, num_channels)


def read_labels(path: Path) -> Volume:
    """Return the file's labels as an image of one channel, in memory."""
    header, stored = nifti_voxels.read_stored(path, mapped=False)
    return _image(header, stored, path, 1)


def _image(header: Header, stored: NDArray[Any], path: Path, num_channels: int | None) -> Volume:
    affine = nifti_header.affine_of(header, path)
    channels, names = _channels_last(stored, nifti_header.meaning_of(header), path, num_channels)
    volume = placed(channels, affine, names, path)
    return replace(volume, data=_scaled(volume.data, header, path))


def write_image(path: Path, volume: Volume) -> None:
    """Write the image in the order and with the affine its grid came from; several channels as a vector image."""
    _write(path, volume.data, volume.grid, are_labels=False)


def write_labels(path: Path, labels: NDArray[Any], grid: Grid, task: Task | None = None) -> None:
    """Write the labels (z, y, x) in the order and with the affine the grid came from."""
    _write(path, labels[np.newaxis], grid, are_labels=True)


def doubts(path: Path) -> list[Problem]:
    """Return what in the header leaves the position unclear though the image can be read."""
    return nifti_header.doubts_of(nifti_header.read_header(path), path)


def _channels_last(
    stored: NDArray[Any], meaning: Meaning, path: Path, num_channels: int | None
) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Return the array as (i, j, k, channel) with channel names."""
    if stored.dtype.names:
        if stored.squeeze().ndim > 3:
            raise VolumeProblem(str(path), "The image is a series of colour images.", "Save each as its own file.")
        return np.stack([stored[name].reshape(_three(stored.shape)) for name in "RGB"], axis=3), COLOURS
    further = [n for n in stored.shape[3:] if n > 1]
    if len(further) > 1:
        raise VolumeProblem(
            str(path),
            f"The image has {len(stored.shape)} dimensions ({by(stored.shape)}).",
            "Expected three, and a fourth for channels: save each time point as its own file.",
        )
    count = further[0] if further else 1
    is_fourth = stored.ndim > 3 and stored.shape[3] == count
    names = channel_names(stored.shape[:3], count, meaning if is_fourth else "channels", num_channels, path)
    return stored.reshape((*_three(stored.shape), count), order="F"), names


def _three(shape: tuple[int, ...]) -> tuple[int, int, int]:
    i, j, k, *_ = (*shape, 1, 1)
    return i, j, k


def _scaled(stored: NDArray[Any], header: Header, path: Path) -> NDArray[Any]:
    """Apply scl_slope and scl_inter; whole numbers stay whole numbers where both are whole."""
    try:
        slope, inter = header.get_slope_inter()
    except nibabel.spatialimages.HeaderDataError as error:
        raise VolumeProblem(str(path), f"The intensity scaling is unusable: {error}.", "Save it again.") from error
    return scaled(stored, slope or 1.0, inter or 0.0)


def _write(path: Path, data: NDArray[Any], grid: Grid, *, are_labels: bool) -> None:
    turned, affine = in_file_order(data, grid, path)
    content = nifti_header.encode(turned, affine, grid.unit, are_labels=are_labels)
    write_bytes(path, gzip.compress(content, _GZIP_LEVEL, mtime=0) if path.name.lower().endswith(".gz") else content)
