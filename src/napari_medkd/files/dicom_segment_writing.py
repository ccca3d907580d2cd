"""Writes a mask as a binary DICOM segmentation (PS3.3, A.51), with the names of its classes and of nobody.

There is a frame for each class on each slice where it is drawn, and an empty one for each slice on which nothing is, so
that the mask keeps its image's size.
"""

import importlib.metadata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from pydicom.uid import SegmentationStorage, generate_uid

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.files.dicom_header import MOST_FRAMES
from napari_medkd.files.dicom_nobody import header_of_nobody, put
from napari_medkd.files.dicom_planes import in_planes
from napari_medkd.files.dicom_writing import save

_TISSUE = Code("85756007", "SCT", "Tissue")  # which one, a class's name does not tell
_LONGEST_NAME = 64
#: Frames that are packed together: then they end with a whole byte.
_TOGETHER = 8


def write_segments(path: Path, labels: NDArray[Any], grid: Grid, task: Task | None) -> None:
    """Write the labels (z, y, x); those beyond the task's classes are called by their number.

    Raises
    ------
    VolumeProblem
        Where the grid is in pixels or sheared, or there is too much to write.
    """
    planes = in_planes(labels[np.newaxis], grid, path)
    if planes.place is None:
        raise VolumeProblem(
            str(path), f"A DICOM segmentation needs a size in mm; this is {grid.describe()}.", "Choose .png or .tif."
        )
    frames = [
        (plane, number) for plane, slice_YX in enumerate(planes.pixels) for number in np.unique(slice_YX[slice_YX > 0])
    ]
    empty = set(range(len(planes.pixels))) - {plane for plane, _ in frames}
    frames = sorted([*frames, *((plane, 1) for plane in empty)])
    if len(frames) > MOST_FRAMES:
        raise VolumeProblem(
            str(path),
            f"The mask has {len(frames)} frames, one for each class on each slice; at most {MOST_FRAMES} are written.",
            "Choose .nii.gz.",
        )
    classes = () if task is None else task.classes
    dataset = header_of_nobody(SegmentationStorage, "SEG")
    put(dataset, planes.place, [plane for plane, _ in frames])
    dataset.NumberOfFrames, (dataset.Rows, dataset.Columns) = len(frames), planes.pixels.shape[1:]
    _say_what_it_is(dataset)
    dataset.SegmentSequence = [
        _segment(number, classes) for number in range(1, max(int(labels.max()), len(classes) - 1, 1) + 1)
    ]
    _say_of_frames(dataset, frames)
    dataset.PixelData = _packed(planes.pixels, frames)
    save(path, dataset)


def _say_what_it_is(dataset: Dataset) -> None:
    version = importlib.metadata.version("napari-medkd")
    dataset.ManufacturerModelName, dataset.SoftwareVersions, dataset.DeviceSerialNumber = "napari-medkd", version, "0"
    dataset.ImageType = ["DERIVED", "PRIMARY"]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 1
    dataset.HighBit = dataset.PixelRepresentation = 0
    dataset.LossyImageCompression = "00"
    dataset.SegmentationType, dataset.SegmentsOverlap = "BINARY", "NO"
    dataset.ContentLabel, dataset.ContentDescription, dataset.ContentCreatorName = "SEGMENTATION", "", ""


def _segment(number: int, classes: tuple[str, ...]) -> Dataset:
    name = classes[number].replace("\\", "/").strip() if number < len(classes) else ""
    segment = Dataset()
    segment.SegmentNumber, segment.SegmentLabel = number, name[:_LONGEST_NAME] or f"label {number}"
    segment.SegmentAlgorithmType, segment.SegmentAlgorithmName = "SEMIAUTOMATIC", "napari-medkd"
    for keyword in ("SegmentedPropertyCategoryCodeSequence", "SegmentedPropertyTypeCodeSequence"):
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = _TISSUE[:3]
        setattr(segment, keyword, [code])
    return segment


def _say_of_frames(dataset: Dataset, frames: Sequence[tuple[int, int]]) -> None:
    """Write the segment of each frame, and that frames are told apart by segment and position."""
    organization, identity = Dataset(), generate_uid()
    organization.DimensionOrganizationUID = identity
    dataset.DimensionOrganizationSequence = [organization]
    dataset.DimensionIndexSequence = [
        _dimension(identity, "ReferencedSegmentNumber", "SegmentIdentificationSequence"),
        _dimension(identity, "ImagePositionPatient", "PlanePositionSequence"),
    ]
    for group, (plane, number) in zip(dataset.PerFrameFunctionalGroupsSequence, frames, strict=True):
        content, segment = Dataset(), Dataset()
        content.DimensionIndexValues = [int(number), plane + 1]
        segment.ReferencedSegmentNumber = int(number)
        group.FrameContentSequence, group.SegmentIdentificationSequence = [content], [segment]


def _dimension(identity: str, tag: str, group: str) -> Dataset:
    index = Dataset()
    index.DimensionOrganizationUID = identity
    index.DimensionIndexPointer, index.FunctionalGroupPointer = Tag(tag), Tag(group)
    return index


def _packed(pixels: NDArray[Any], frames: Sequence[tuple[int, int]]) -> bytes:
    """Return a bit for each voxel of each frame; the bits of a frame follow on those of the one before."""
    packed = bytearray()
    for start in range(0, len(frames), _TOGETHER):
        some = np.stack([pixels[plane] == number for plane, number in frames[start : start + _TOGETHER]])
        packed += np.packbits(some.ravel(), bitorder="little").tobytes()
    return bytes(packed) + b"\0" * (len(packed) % 2)
