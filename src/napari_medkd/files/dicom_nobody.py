"""The header of an image of nobody: an empty patient, new UIDs, its size, and where its frames lie."""

import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid
from pydicom.valuerep import DSfloat

from napari_medkd.files.dicom_planes import Place

#: What must be there, and is left empty.
_UNKNOWN = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "PatientOrientation"),
    *("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName"),
)


def header_of_nobody(kind: UID, modality: str) -> Dataset:
    """Return the header of a derived image of that SOP class, without anything about its pixels."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"  # UTF-8
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, keyword, generate_uid())
    dataset.SOPClassUID, dataset.Modality = kind, modality
    for keyword in _UNKNOWN:
        setattr(dataset, keyword, "")
    now = datetime.datetime.now()
    dataset.ContentDate, dataset.ContentTime = f"{now:%Y%m%d}", f"{now:%H%M%S}"
    dataset.PatientIdentityRemoved, dataset.DeidentificationMethod = "YES", "Written without the header of its source"
    dataset.Manufacturer = "napari-medkd"
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    return dataset


def put(dataset: Dataset, place: Place, planes: Sequence[int]) -> None:
    """Write where the frames lie: directions and spacing once, for each frame the position of its plane."""
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = generate_uid(), ""
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = _decimals(place.pixel_spacing)
    measures.SliceThickness = measures.SpacingBetweenSlices = _decimals([place.between_slices])[0]
    orientation.ImageOrientationPatient = _decimals(np.ravel(place.directions[:2]))
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    dataset.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for plane in planes:
        position, frame = Dataset(), Dataset()
        position.ImagePositionPatient = _decimals(place.position(plane))
        frame.PlanePositionSequence = [position]
        frames.append(frame)
    dataset.PerFrameFunctionalGroupsSequence = frames


def _decimals(values: Any) -> list[DSfloat]:
    """Return numbers as the 16 characters that DICOM has for each."""
    return [DSfloat(float(value), auto_format=True) for value in values]
