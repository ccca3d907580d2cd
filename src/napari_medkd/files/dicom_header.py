"""What a DICOM file says before its pixels. Tags about the patient are not even read."""

import datetime
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pydicom.config import disable_value_validation
from pydicom.dataset import FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian, SegmentationStorage

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.dicom_slice import TAGS as TAGS_OF_SLICES
from napari_medkd.files.dicom_slice import Origin, Slice, slices_of

#: The tags that slices are made of.
TAGS = [
    *("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "SeriesDescription", "Modality", "SeriesDate", "StudyDate"),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "PhotometricInterpretation"),
    *TAGS_OF_SLICES,
]
_NATIVE = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
#: What masks are stored as.
_SEGMENTATIONS = (SegmentationStorage, UID("1.2.840.10008.5.1.4.1.1.66.7"))  # the other one: of a label map
#: A file of more frames is taken for damaged.
MOST_FRAMES = 100_000
_DAMAGE = (
    *(ValueError, TypeError, AttributeError, LookupError, NotImplementedError, RuntimeError, EOFError, OverflowError),
    *(ArithmeticError, StopIteration, struct.error, zlib.error, BytesLengthException, MemoryError),
)


def read_slices(path: Path) -> tuple[Slice, ...]:
    """Return the slices of a DICOM file; none where it holds no image, such as a report, a plan or a segmentation.

    Raises
    ------
    VolumeProblem
        Naming the file: not DICOM, damaged, incomplete.
    """
    dataset = read_tags(path, TAGS, stop_before_pixels=True)
    with translated_damage(path):
        if dataset.get("SOPClassUID") in _SEGMENTATIONS or (dataset.get("Rows") is None and _is_no_image(dataset)):
            return ()
        return slices_in(dataset, path)


def slices_in(dataset: FileDataset, path: Path) -> tuple[Slice, ...]:
    """Return the slices of a file of which `TAGS` were read; inside `translated_damage`."""
    shape, num_frames, num_bytes = _layout(dataset, path)
    origin = Origin(
        path,
        str(dataset.get("SeriesInstanceUID") or ""),
        str(dataset.get("SOPInstanceUID") or ""),
        str(dataset.get("SeriesDescription") or ""),
        str(dataset.get("Modality") or "OTHER"),
        _date(str(dataset.get("SeriesDate") or dataset.get("StudyDate") or "")),
        shape,
        num_bytes,
    )
    return tuple(slices_of(dataset, origin, num_frames))


def read_tags(path: Path, tags: list[str], *, stop_before_pixels: bool = False) -> FileDataset:
    """Return nothing but these tags of a file.

    Raises
    ------
    VolumeProblem
        Naming the file: missing, not DICOM, damaged.
    """
    with translated_damage(path):
        return pydicom.dcmread(path, specific_tags=list(tags), stop_before_pixels=stop_before_pixels)


def holds_segments(path: Path) -> bool:
    """Return whether a DICOM file is a segmentation.

    Raises
    ------
    VolumeProblem
        Where it is no DICOM, or damaged.
    """
    if not path.is_file():
        return False
    tags = read_tags(path, ["SOPClassUID"], stop_before_pixels=True)
    with translated_damage(path):
        return tags.get("SOPClassUID") in _SEGMENTATIONS


@contextmanager
def translated_damage(path: Path) -> Iterator[None]:
    """Translate what goes wrong while a file is read; pydicom's own words may quote the header and are not repeated."""
    try:
        with warnings.catch_warnings(), disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    except VolumeProblem:
        raise
    except InvalidDicomError as error:
        raise VolumeProblem(
            str(path),
            "The file is not DICOM, whatever its name says.",
            "Export it again, or give it its right suffix.",
        ) from error
    except OSError as error:
        raise VolumeProblem.from_os_error(error, path, "The DICOM file cannot be read") from error
    except _DAMAGE as error:
        raise VolumeProblem(
            str(path), "The DICOM file is damaged or incomplete.", "Export or copy it again."
        ) from error


def _is_no_image(dataset: FileDataset) -> bool:
    """Return whether a file without a size is of a kind that has none, and is not an image whose header is cut off."""
    kind = UID(str(dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID") or ""))
    is_cut_off = not dataset.get("SeriesInstanceUID")  # a kind nobody knows may be half a word
    return not (kind.name.endswith("Image Storage") or (kind.name == kind and is_cut_off))


def _layout(dataset: FileDataset, path: Path) -> tuple[tuple[int, int], int, int]:
    """Return rows and columns, the number of frames, and the bytes of one decoded frame; refuse what cannot be."""
    rows, columns, bits = (int(dataset.get(name) or 0) for name in ("Rows", "Columns", "BitsAllocated"))
    samples, num_frames = (int(dataset.get(name) or 1) for name in ("SamplesPerPixel", "NumberOfFrames"))
    if dataset.get("Rows") is None:
        raise VolumeProblem(
            str(path), "The file is incomplete: the header gives no image size.", "Export or copy it again."
        )
    if min(rows, columns, bits, samples, num_frames) < 1 or num_frames > MOST_FRAMES:
        raise VolumeProblem(
            str(path),
            f"The header gives {num_frames} frames of {rows} x {columns} pixels of {bits} bits, which no image has.",
            "The file is damaged: export or copy it again.",
        )
    stored = 2 if "422" in str(dataset.get("PhotometricInterpretation")) else samples
    size = math.ceil(rows * columns * num_frames * stored * bits / 8)
    there = path.stat().st_size
    if dataset.file_meta.get("TransferSyntaxUID") in _NATIVE and size > there:
        raise VolumeProblem(
            str(path),
            f"The file is incomplete: {num_frames} x {rows} x {columns} pixels are {size} bytes, the file has {there}.",
            "Export or copy it again.",
        )
    return (rows, columns), num_frames, rows * columns * samples * math.ceil(bits / 8)


def _date(text: str) -> datetime.date | None:
    try:
        return datetime.datetime.strptime(text.replace(".", ""), "%Y%m%d").date()
    except ValueError:
        return None
