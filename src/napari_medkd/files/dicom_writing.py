"""Writes an image as one DICOM file: a multi-frame secondary capture with its place in space (PS3.3, A.8.3 to A.8.5).

Nothing of the header an image came with is written.
"""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from pydicom.uid import (
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
)

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.atomic import write_bytes
from napari_medkd.files.channels import COLOURS
from napari_medkd.files.dicom_nobody import header_of_nobody, put
from napari_medkd.files.dicom_planes import Planes, in_planes

_KINDS = {
    "colour": MultiFrameTrueColorSecondaryCaptureImageStorage,
    "bytes": MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    "words": MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
}
_MODALITIES = {Modality.CT: "CT", Modality.MR: "MR", Modality.XR: "DX", Modality.US: "US", Modality.OTHER: "OT"}
_MOST_BYTES = 2**32 - 2  # what a length of 32 bits can say
_FURTHEST = 2**31  # of the lowest intensity from 0
_HINT = "Choose .nii.gz, which keeps every type."


def write_image(path: Path, volume: Volume) -> None:
    """Write whole numbers of one channel, or colour of 8 bits.

    Raises
    ------
    VolumeProblem
        Where DICOM cannot hold the image: fractions, a range beyond 16 bits, other channels, a sheared grid.
    """
    data = np.asarray(volume.data)
    is_colour = volume.channels == COLOURS and data.dtype == np.uint8
    shift = 0 if is_colour else _shift(data, path)
    planes = in_planes(data if is_colour else _stored(data, shift, volume.modality), volume.grid, path)
    dataset = _header(planes, shift, volume.modality)
    dataset.PixelData = planes.pixels.tobytes()
    save(path, dataset)


def save(path: Path, dataset: Dataset) -> None:
    """Write the file, whole or not at all.

    Raises
    ------
    VolumeProblem
        Where it has more pixels than one file can.
    """
    if len(dataset.PixelData) > _MOST_BYTES:
        raise VolumeProblem(
            str(path),
            f"The image has {len(dataset.PixelData) / 2**30:.1f} GiB; one DICOM file holds 4.",
            "Choose .ome.zarr.",
        )
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    write_bytes(path, stream.getvalue())


def _shift(data: NDArray[Any], path: Path) -> int:
    """Return what is to be added to what is stored: the lowest intensity, or 0 where it need not be."""
    if len(data) != 1:
        raise VolumeProblem(
            str(path),
            f"The image has {len(data)} channels of {data.dtype}; DICOM holds one, or red, green and blue of 8 bits.",
            "Save each channel as a file of its own, or choose .nii.gz.",
        )
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        raise VolumeProblem(str(path), "Some intensities are NaN or infinite.", "Replace them first.")
    if data.dtype.kind == "f" and not np.array_equal(data, np.rint(data)):
        raise VolumeProblem(str(path), "The intensities are fractions; DICOM images hold whole numbers.", _HINT)
    low, high = int(data.min()), int(data.max())
    shift = 0 if low >= 0 and high <= np.iinfo(np.uint16).max else low
    if high - shift > np.iinfo(np.uint16).max or abs(shift) > _FURTHEST:
        raise VolumeProblem(
            str(path), f"The intensities go from {low:g} to {high:g}, which is more than 16 bits hold.", _HINT
        )
    return shift


def _stored(data: NDArray[Any], shift: int, modality: Modality) -> NDArray[Any]:
    """Return the numbers to store; in single bytes only where nothing is to be said of what they mean."""
    needs_words = shift or modality is Modality.CT or data.max() > np.iinfo(np.uint8).max
    wide = data.astype(np.int64) - shift if shift else data
    return wide.astype(np.uint16 if needs_words else np.uint8)


def _header(planes: Planes, intercept: int, modality: Modality) -> Dataset:
    """Return everything but the pixels."""
    pixels = planes.pixels
    is_colour, bits = pixels.ndim == 4, 8 * pixels.itemsize
    dataset = header_of_nobody(
        _KINDS["colour" if is_colour else "bytes" if bits == 8 else "words"], _MODALITIES[modality]
    )
    dataset.ImageType, dataset.ConversionType, dataset.Laterality = ["DERIVED", "SECONDARY"], "WSD", ""
    dataset.BurnedInAnnotation = "YES"  # whether something is written in the picture is not known
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = pixels.shape[:3]
    if planes.place is not None:
        put(dataset, planes.place, range(len(pixels)))
    if len(pixels) > 1:
        dataset.FrameIncrementPointer = Tag("PerFrameFunctionalGroupsSequence")
    dataset.SamplesPerPixel = 3 if is_colour else 1
    dataset.PhotometricInterpretation = "RGB" if is_colour else "MONOCHROME2"
    if is_colour:
        dataset.PlanarConfiguration = 0
    else:
        dataset.PresentationLUTShape = "IDENTITY"
        dataset.RescaleIntercept, dataset.RescaleSlope = intercept, 1
        dataset.RescaleType = "HU" if modality is Modality.CT else "US"
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit, dataset.PixelRepresentation = bits - 1, 0
    return dataset
