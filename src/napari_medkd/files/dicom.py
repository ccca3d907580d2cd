"""DICOM folders and files: path -> image in canonical order. A path may pick a series (see `series_path`).

Only modality, geometry and intensities are taken over; who was imaged, when and where is never in the image.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import Problem, VolumeProblem, did_you_mean
from napari_medkd.core.grid import Grid, Unit
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.channels import COLOURS
from napari_medkd.files.dicom_geometry import affine_of
from napari_medkd.files.dicom_header import holds_segments
from napari_medkd.files.dicom_pixels import intensities
from napari_medkd.files.dicom_series import Listing, Series, list_series
from napari_medkd.files.dicom_writing import write_image as write_image
from napari_medkd.files.placing import placed
from napari_medkd.files.raster import channels_first
from napari_medkd.files.series_path import on_disk, picked_series, picking

_MODALITIES = {
    "CT": Modality.CT,
    "MR": Modality.MR,
    **dict.fromkeys(("CR", "DX", "MG", "RF", "RG", "XA", "PX", "IO"), Modality.XR),
    **dict.fromkeys(("US", "IVUS", "BDUS"), Modality.US),
}
_MOST_LISTED = 10


def read_image(path: Path, num_channels: int | None = None) -> Volume:
    """Return the image of a file, or of the series that the path picks or that is the only one of a folder.

    Of a segmentation, the numbers of its segments.

    Raises
    ------
    VolumeProblem
        Where there are several series and none is picked, and as `list_images` and `read_series`.
    """
    if holds_segments(path):
        from napari_medkd.files.dicom_segments import read_segments

        return read_segments(path).labels
    return read_series(_chosen(path), path, num_channels)


def read_series(series: Series, path: Path, num_channels: int | None = None) -> Volume:
    """Return the image of a series; ``path`` is what it is called in problems, and its source.

    Raises
    ------
    VolumeProblem
        Where slices are damaged or no even stack, or the pixels cannot be decoded.
    """
    if series.damaged:
        raise VolumeProblem.of(series.damaged)
    affine, unit = _placed(series, path)
    stack = intensities(series.slices)
    stack = stack if stack.ndim == 4 else stack[..., np.newaxis]
    channels = channels_first(stack, path, num_channels)
    names = COLOURS if len(channels) == 3 else ("image",)
    modality = _MODALITIES.get(series.modality, Modality.OTHER)
    return placed(channels.transpose(3, 2, 1, 0), affine, names, path, unit, modality)


def read_labels(path: Path) -> Volume:
    """Return the image's whole numbers as labels of one channel."""
    return read_image(path, 1)


def write_labels(path: Path, labels: NDArray[Any], grid: Grid, task: Task | None = None) -> None:
    """Write the labels (z, y, x) as a segmentation."""
    from napari_medkd.files.dicom_segment_writing import write_segments

    write_segments(path, labels, grid, task)


def doubts(path: Path) -> list[Problem]:
    """Return what is wrong with files of the folder that may be slices of the image, or of none."""
    return [] if holds_segments(path) else list(list_images(path).problems)


def list_images(path: Path) -> Listing:
    """Return the images of a file or folder; only the one that the path picks, where it picks one.

    Raises
    ------
    VolumeProblem
        Where there is none that can be read, or where nothing has the key that is picked.
    """
    whole, wanted = on_disk(path), picked_series(path)
    listing = list_series(whole)
    if not listing.series and listing.problems:
        raise VolumeProblem.of(listing.problems)
    if not listing.series:
        raise VolumeProblem(
            str(whole),
            "This is a folder without DICOM images." if whole.is_dir() else "The DICOM file holds no image.",
            "Choose an image file, or a folder that holds the files of a DICOM series.",
        )
    found = tuple(one for one in listing.series if wanted in ("", one.key, one.uid))
    if not found:
        hint = did_you_mean(wanted, [one.key for one in listing.series])
        raise VolumeProblem(str(whole), f"There is no series {wanted!r} in it.", hint)
    return Listing(found, listing.problems)


def _chosen(path: Path) -> Series:
    """Return the one series that a path names."""
    found, whole = list_images(path).series, on_disk(path)
    if len(found) == 1:
        return found[0]
    raise VolumeProblem(
        str(whole),
        f"There are {len(found)} DICOM images in it; expected one: {_listed(found)}.",
        f"Pick one by its key, for example {picking(whole, found[0].key)}",
    )


def _listed(found: Sequence[Series]) -> str:
    listed = "; ".join(f"{one.key} ({one.describe()})" for one in found[:_MOST_LISTED])
    rest = len(found) - _MOST_LISTED
    return listed if rest <= 0 else f"{listed}; and {rest} smaller ones"


def _placed(series: Series, path: Path) -> tuple[NDArray[np.float64], Unit]:
    """Return the affine from (column, row, slice) to (right, anterior, superior), and its unit.

    A picture without a position lies upright, its columns counted to the left.
    """
    first = series.slices[0]
    if series.is_placed:
        if first.pixel_spacing is None:
            raise VolumeProblem(
                str(path), "The header gives a position but no PixelSpacing.", "Export the image again from its source."
            )
        return affine_of(series.slices, str(path)), "mm"
    if len(series.slices) > 1:
        raise VolumeProblem(
            str(path),
            f"The {len(series.slices)} frames of the file have no position in space, as those of a film.",
            "Save the frames that you need as files of their own.",
        )
    rows, columns = first.pixel_spacing or (1.0, 1.0)
    return np.diag([-columns, -rows, -1.0, 1.0]), "pixel" if first.pixel_spacing is None else "mm"
