"""DICOM series made up for tests, written with pydicom alone; every header names a patient who must stay unknown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

PATIENT = "Zyxwvut^Quentin"
BIRTH_DATE = "19010203"
PATIENT_ID = "MRN-7777777"

AXIAL = (1, 0, 0, 0, 1, 0)
CORONAL = (1, 0, 0, 0, 0, -1)
SAGITTAL = (0, 1, 0, 0, 0, -1)
#: Tags of a radiograph, which has no place in space.
WITHOUT_PLACE = dict.fromkeys(("ImagePositionPatient", "ImageOrientationPatient"))
ENHANCED_MR, CT = "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.2"


def header(uid: str, **tags: Any) -> Dataset:
    """What is the same in all files of a series: a CT of 16 bits, 12 of them used, unless the tags say otherwise."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.PatientName, made.PatientID, made.PatientBirthDate = PATIENT, PATIENT_ID, BIRTH_DATE
    made.StudyInstanceUID = made.FrameOfReferenceUID = "1.2.3"
    made.SeriesInstanceUID, made.SOPClassUID, made.Modality = uid, CT, "CT"
    made.SeriesDescription, made.SeriesDate = "Thorax 1 mm", "20240229"
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    for keyword, value in tags.items():
        if value is None:
            made.pop(keyword, None)
        else:
            setattr(made, keyword, value)
    return made


def save(path: Path, dataset: Dataset, pixels: np.ndarray) -> Path:
    """Write one file with its pixels (row, column) or (frame, row, column)."""
    dataset.Rows, dataset.Columns = pixels.shape[-2:]
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes()
    dataset.SOPInstanceUID = dataset.get("SOPInstanceUID") or generate_uid()
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


def save_series(
    folder: Path,
    pixels: np.ndarray,
    *,
    orientation: Sequence[float] = AXIAL,
    spacing: tuple[float, float, float] = (2.0, 1.0, 0.5),
    names: Sequence[str] = (),
    **tags: Any,
) -> list[Path]:
    """Write the planes (slice, row, column) as a file each, ascending along the normal from (-10, 20, 30).

    Parameters
    ----------
    spacing
        Between slices, rows and columns.
    names
        Of the files; numbered where they are left out.
    tags
        Of every file; a list holds one value for each.
    """
    uid = tags.pop("SeriesInstanceUID", None) or generate_uid()
    normal = np.cross(orientation[:3], orientation[3:])
    paths = []
    for number, plane in enumerate(pixels):
        own = {key: value[number] if isinstance(value, list) else value for key, value in tags.items()}
        placed = {
            "ImagePositionPatient": (np.array((-10, 20, 30)) + normal * spacing[0] * number).tolist(),
            "ImageOrientationPatient": list(orientation),
            "PixelSpacing": list(spacing[1:]),
            "InstanceNumber": number + 1,
        }
        name = names[number] if names else f"{number:03d}.dcm"
        paths.append(save(folder / name, header(uid, **placed | own), plane))
    return paths


def enhanced(pixels: np.ndarray, heights: Sequence[float], *, echo_times: Sequence[float] = ()) -> Dataset:
    """Return the header of an enhanced MR whose frames lie at the heights, axial, 2 mm x 1 mm x 0.5 mm."""
    made = header(generate_uid(), SOPClassUID=ENHANCED_MR, Modality="MR", NumberOfFrames=len(pixels))
    shared, plane, measures = Dataset(), Dataset(), Dataset()
    plane.ImageOrientationPatient = list(AXIAL)
    measures.PixelSpacing, measures.SliceThickness, measures.SpacingBetweenSlices = [1.0, 0.5], 2.0, 2.0
    shared.PlaneOrientationSequence, shared.PixelMeasuresSequence = Items([plane]), Items([measures])
    frames = []
    for number, height in enumerate(heights):
        frame, position, values = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [-10, 20, height]
        values.RescaleSlope, values.RescaleIntercept, values.RescaleType = number + 1, 0, "US"
        frame.PlanePositionSequence, frame.PixelValueTransformationSequence = Items([position]), Items([values])
        if echo_times:
            echo = Dataset()
            echo.EffectiveEchoTime = echo_times[number]
            frame.MREchoSequence = Items([echo])
        frames.append(frame)
    made.SharedFunctionalGroupsSequence, made.PerFrameFunctionalGroupsSequence = Items([shared]), Items(frames)
    return made
