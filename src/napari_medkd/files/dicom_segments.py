"""DICOM segmentations, masks as clinics exchange them (PS3.3, A.51): path <-> labels, each segment by its number.

A file need not hold slices on which nothing is drawn: what is read ends with the first and the last that it has.
"""

import importlib.metadata
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription, segread
from numpy.typing import NDArray
from pydicom.sr.codedict import codes
from pydicom.uid import MultiFrameGrayscaleByteSecondaryCaptureImageStorage, generate_uid

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.atomic import write_bytes
from napari_medkd.files.dicom_header import MOST_FRAMES, read_tags, translated_damage
from napari_medkd.files.dicom_planes import in_planes
from napari_medkd.files.dicom_writing import anonymous
from napari_medkd.files.memory import refuse_beyond_memory
from napari_medkd.files.placing import placed
from napari_medkd.files.voxel_layout import LPS

_LONGEST_NAME = 64


def read_segments(path: Path) -> Volume:
    """Return an image of one channel, the number of the segment that each voxel is of, 0 where there is none.

    Raises
    ------
    VolumeProblem
        Naming the file: damaged, without a place in space, or with segments that overlap or are fractions.
    """
    size = read_tags(path, ["Rows", "Columns", "NumberOfFrames", "SegmentationType"], stop_before_pixels=True)
    with translated_damage(path):
        refuse_beyond_memory(2 * int(size.Rows) * int(size.Columns) * int(size.get("NumberOfFrames") or 1), path)
    if size.get("SegmentationType") == "FRACTIONAL":
        raise VolumeProblem(
            str(path),
            "The segmentation holds probabilities; expected segments that are there or not.",
            "Export it as a binary segmentation.",
        )
    with translated_damage(path):
        segmentation = segread(path)
        labels = _combined(segmentation, path)
    affine = LPS @ labels.affine[:, [2, 1, 0, 3]]
    return placed(labels.array.transpose(2, 1, 0)[..., np.newaxis], affine, ("image",), path, "mm", Modality.OTHER)


def segment_names(path: Path) -> Mapping[int, str]:
    """Return what each segment is called, by its number."""
    with translated_damage(path):
        segmentation = segread(path)
        numbers = segmentation.segment_numbers
        return {int(n): str(segmentation.get_segment_description(n).segment_label) for n in numbers}


def write_segments(path: Path, labels: NDArray[Any], grid: Grid, task: Task | None) -> None:
    """Write the labels (z, y, x) as a segmentation of nobody, with the names of the task's classes.

    Raises
    ------
    VolumeProblem
        Where the grid is in pixels or sheared, or the labels are too many.
    """
    planes = in_planes(labels[np.newaxis], grid, path)
    if planes.place is None:
        raise VolumeProblem(
            str(path), f"A DICOM segmentation needs a size in mm; this is {grid.describe()}.", "Choose .png or .tif."
        )
    classes = () if task is None else task.classes
    count = max(1, int(labels.max()), len(classes) - 1)
    if count * len(planes.pixels) > MOST_FRAMES:
        raise VolumeProblem(
            str(path),
            f"The labels go up to {count}; a DICOM segmentation has a frame for each of them on each slice.",
            "Renumber the labels from 1, or choose .nii.gz.",
        )
    source = anonymous(planes, MultiFrameGrayscaleByteSecondaryCaptureImageStorage, "OT")
    volume = highdicom.Volume(
        planes.pixels,
        planes.place.affine,
        coordinate_system="PATIENT",
        frame_of_reference_uid=source.FrameOfReferenceUID,
    )
    segmentation = Segmentation(
        [source],
        volume,
        "BINARY",
        [_segment(number, classes) for number in range(1, count + 1)],
        series_instance_uid=generate_uid(),
        series_number=1,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="napari-medkd",
        manufacturer_model_name="napari-medkd",
        software_versions=importlib.metadata.version("napari-medkd"),
        device_serial_number="0",
        omit_empty_frames=False,
    )
    segmentation.SpecificCharacterSet = "ISO_IR 192"  # UTF-8, for the names
    _forget(segmentation)
    stream = io.BytesIO()
    segmentation.save_as(stream, enforce_file_format=True)
    write_bytes(path, stream.getvalue())


def _combined(segmentation: Segmentation, path: Path) -> highdicom.Volume:
    try:
        return segmentation.get_volume(combine_segments=True, dtype=np.uint16)
    except RuntimeError as error:
        raise VolumeProblem(
            str(path),
            "The segments overlap, or their slices are no even stack in space; a mask has one class for each voxel.",
            "Export each segment as a file of its own, or convert the segmentation to NIfTI.",
        ) from error


def _segment(number: int, classes: tuple[str, ...]) -> SegmentDescription:
    """Return what is said of a segment; which tissue it is, a class's name does not tell."""
    name = classes[number] if number < len(classes) else f"label {number}"
    algorithm = highdicom.AlgorithmIdentificationSequence(
        "napari-medkd", codes.DCM.ArtificialIntelligence, importlib.metadata.version("napari-medkd")
    )
    return SegmentDescription(
        number,
        name[:_LONGEST_NAME],
        codes.SCT.Tissue,
        codes.SCT.Tissue,
        SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
        algorithm,
    )


def _forget(segmentation: Segmentation) -> None:
    """Delete the references to the source, which stands for an image that need not be DICOM and lies nowhere."""
    del segmentation.ReferencedSeriesSequence
    for frame in segmentation.PerFrameFunctionalGroupsSequence:
        del frame.DerivationImageSequence
