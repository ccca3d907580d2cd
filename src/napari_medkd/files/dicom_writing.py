"""Writes an image as one DICOM file: a multi-frame secondary capture with its place in space (PS3.3, A.8.3 to A.8.5).

Nothing of the header an image came with is written. The patient is empty, the UIDs are new.
"""

import datetime
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    generate_uid,
)
from pydicom.valuerep import DSfloat

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.atomic import write_bytes
from napari_medkd.files.dicom_planes import Place, Planes, in_planes

_KINDS = {
    "colour": MultiFrameTrueColorSecondaryCaptureImageStorage,
    "bytes": MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    "words": MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
}
_MODALITIES = {Modality.CT: "CT", Modality.MR: "MR", Modality.XR: "DX", Modality.US: "US", Modality.OTHER: "OT"}
#: What must be there, and is left empty.
_UNKNOWN = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientOrientation", "Laterality"),
    *("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)
_MOST_BYTES = 2**32 - 2  # what a length of 32 bits can say
_HINT = "Choose .nii.gz, which keeps every type."


def write_image(path: Path, volume: Volume) -> None:
    """Write whole numbers of one channel, or colour of 8 bits.

    Raises
    ------
    VolumeProblem
        Where DICOM cannot hold the image: fractions, a range beyond 16 bits, other channels, a sheared grid.
    """
    stored, intercept = _stored(volume, path)
    planes = in_planes(stored, volume.grid, path)
    if planes.pixels.nbytes > _MOST_BYTES:
        raise VolumeProblem(
            str(path),
            f"The image has {planes.pixels.nbytes / 2**30:.1f} GiB; one DICOM file holds 4.",
            "Choose .ome.zarr.",
        )
    dataset = _header(planes, intercept, volume.modality)
    dataset.PixelData = planes.pixels.tobytes()
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    write_bytes(path, stream.getvalue())


def _stored(volume: Volume, path: Path) -> tuple[NDArray[Any], int]:
    """Return the numbers to store, (channel, z, y, x) without a sign, and what is to be added to them."""
    data = np.asarray(volume.data)
    if len(data) == 3 and data.dtype == np.uint8:
        return data, 0
    if len(data) != 1:
        raise VolumeProblem(
            str(path),
            f"The image has {len(data)} channels of {data.dtype}; DICOM holds one, or colour of 8 bits.",
            "Save each channel as a file of its own, or choose .nii.gz.",
        )
    low, high = data.min(), data.max()
    if data.dtype.kind == "f" and not (np.isfinite([low, high]).all() and np.array_equal(data, np.rint(data))):
        raise VolumeProblem(str(path), "The intensities are fractions; DICOM images hold whole numbers.", _HINT)
    shift = 0 if low >= 0 and high <= np.iinfo(np.uint16).max else int(low)
    if int(high) - shift > np.iinfo(np.uint16).max:
        raise VolumeProblem(
            str(path), f"The intensities go from {low:g} to {high:g}, which is more than 16 bits hold.", _HINT
        )
    kind = np.uint8 if int(high) - shift <= np.iinfo(np.uint8).max else np.uint16
    wide = data.astype(np.int64) if shift else data
    return (wide - shift if shift else wide).astype(kind), shift


def _header(planes: Planes, intercept: int, modality: Modality) -> Dataset:
    """Return everything but the pixels."""
    pixels = planes.pixels
    is_colour, bits = pixels.ndim == 4, 8 * pixels.itemsize
    kind = _KINDS["colour" if is_colour else "bytes" if bits == 8 else "words"]
    dataset = anonymous(planes, kind, _MODALITIES[modality])
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


def anonymous(planes: Planes, kind: UID, modality: str) -> Dataset:
    """Return the header of an image of nobody: its identity, its size and its place, and nothing about its pixels."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, keyword, generate_uid())
    dataset.SOPClassUID, dataset.Modality = kind, modality
    for keyword in _UNKNOWN:
        setattr(dataset, keyword, "")
    now = datetime.datetime.now()
    dataset.ContentDate, dataset.ContentTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    dataset.PatientIdentityRemoved, dataset.DeidentificationMethod = "YES", "Written without the header of its source"
    dataset.Manufacturer, dataset.ConversionType = "napari-medkd", "WSD"
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.BurnedInAnnotation = "YES"  # whether something is written in the picture is not known
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = planes.pixels.shape[:3]
    if planes.place is not None:
        dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = generate_uid(), ""
        _put(dataset, planes.place)
    return dataset


def _put(dataset: Dataset, place: Place) -> None:
    """Write where the frames lie: directions and spacing once, a position for each."""
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = _decimals(place.pixel_spacing)
    measures.SliceThickness = measures.SpacingBetweenSlices = _decimals([place.between_slices])[0]
    orientation.ImageOrientationPatient = _decimals(np.ravel(place.directions[:2]))
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for number in range(dataset.NumberOfFrames):
        position, frame = Dataset(), Dataset()
        position.ImagePositionPatient = _decimals(place.position(number))
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames
    if len(frames) > 1:
        dataset.FrameIncrementPointer = Tag("SliceLocationVector")
        dataset.SliceLocationVector = _decimals(place.between_slices * np.arange(len(frames)))


def _decimals(values: Any) -> list[DSfloat]:
    """Return numbers as the 16 characters that DICOM has for each."""
    return [DSfloat(float(value), auto_format=True) for value in values]
