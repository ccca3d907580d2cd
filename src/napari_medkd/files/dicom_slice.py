"""One plane of a DICOM image: a whole file, or one frame of a multi-frame file.

Positions are DICOM's own: mm towards (left, posterior, superior). The normal is the cross product of the directions in
which columns and rows are counted.
"""

import datetime
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from napari_medkd.core.errors import VolumeProblem

Vector: TypeAlias = tuple[float, ...]

#: What may tell slices at one position apart: keyword, the functional group it stands in, and what a person calls it.
#: A group inside another one stands behind a point.
_TRAITS = (
    ("AcquisitionNumber", "", "acquisition"),
    ("EchoTime", "", "echo time"),
    ("EchoNumbers", "", "echo"),
    ("TemporalPositionIdentifier", "", "time point"),
    ("TriggerTime", "", "trigger time"),
    ("InversionTime", "", "inversion time"),
    ("FlipAngle", "", "flip angle"),
    ("ImageType", "", "type"),
    ("DiffusionBValue", "", "b-value"),
    ("DiffusionGradientOrientation", "", "diffusion direction"),
    ("StackID", "FrameContentSequence", "stack"),
    ("TemporalPositionIndex", "FrameContentSequence", "time point"),
    ("FrameAcquisitionNumber", "FrameContentSequence", "acquisition"),
    ("EffectiveEchoTime", "MREchoSequence", "echo time"),
    ("DiffusionBValue", "MRDiffusionSequence", "b-value"),
    ("DiffusionGradientOrientation", "MRDiffusionSequence.DiffusionGradientDirectionSequence", "diffusion direction"),
    ("FrameType", "MRImageFrameTypeSequence", "type"),
    ("FrameType", "CTImageFrameTypeSequence", "type"),
)
#: The tags of a file that are asked for here.
TAGS = [
    *(keyword for keyword, group, _ in _TRAITS if not group),
    *("InstanceNumber", "ImagePositionPatient", "ImageOrientationPatient", "GridFrameOffsetVector"),
    *("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing", "SliceThickness", "SpacingBetweenSlices"),
    *("RescaleSlope", "RescaleIntercept", "DoseGridScaling"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
]


@dataclass(frozen=True, slots=True)
class Origin:
    """What all slices of one file share.

    Parameters
    ----------
    file
        Where it lies.
    series, instance
        The UIDs of its series and of itself.
    description
        May hold a name: it is shown to the person who chooses a series, and goes nowhere else.
    modality
        As DICOM abbreviates it: CT, MR, CR.
    date
        Of the series; shown beside the description.
    shape
        Number of (rows, columns).
    num_bytes
        Of one decoded slice.
    """

    file: Path
    series: str
    instance: str
    description: str = field(repr=False)
    modality: str
    date: datetime.date | None = field(repr=False)
    shape: tuple[int, int]
    num_bytes: int


@dataclass(frozen=True, slots=True)
class Slice:
    """One plane.

    Parameters
    ----------
    origin
        Its file.
    frame
        Its number in the file, from 0.
    number
        The file's number in its series, if it says one; it orders nothing that has a position.
    position
        Of the centre of the first pixel, or None where the plane has no place in space.
    orientation
        Direction in which the columns are counted (along a row), then that of the rows; None as above.
    pixel_spacing
        Between rows, and between columns, in mm; None where pixels have no size.
    thickness
        In mm, of a slice that stands alone.
    slope, intercept
        Of the intensities.
    traits
        What tells it from others at its position, by name.
    """

    origin: Origin
    frame: int
    number: int
    position: Vector | None
    orientation: Vector | None
    pixel_spacing: Vector | None
    thickness: float
    slope: float
    intercept: float
    traits: tuple[tuple[str, str], ...]

    @property
    def directions(self) -> NDArray[np.float64]:
        """Unit vectors (3, 3) as rows: along a row, along a column, and their normal; needs an orientation."""
        along_row, along_column = np.reshape(np.array(self.orientation, dtype=np.float64), (2, 3))
        normal = np.cross(along_row, along_column)
        three = np.stack([along_row, along_column, normal])
        unit: NDArray[np.float64] = three / np.linalg.norm(three, axis=1, keepdims=True)
        return unit


def slices_of(dataset: Dataset, origin: Origin, num_frames: int) -> Iterator[Slice]:
    """Yield the slices of a file from its header.

    Raises
    ------
    VolumeProblem
        Where a number of the geometry or of the scaling is none.
    """
    for frame in range(num_frames):
        groups = _groups(dataset, frame)
        reading = _Reading(dataset, groups, origin.file)
        orientation = reading.numbers("ImageOrientationPatient", 6, "PlaneOrientationSequence")
        position = reading.numbers("ImagePositionPatient", 3, "PlanePositionSequence")
        if orientation is not None:
            _refuse_bent(orientation, origin.file)
        if num_frames > 1 and not groups:
            position = _moved(position, orientation, reading, frame)
        yield Slice(
            origin,
            frame,
            int((reading.numbers("InstanceNumber", 1) or (0,))[0]),
            position if orientation else None,
            orientation if position else None,
            _pixel_spacing(reading),
            _thickness(reading),
            _slope(reading),
            (reading.numbers("RescaleIntercept", 1, "PixelValueTransformationSequence") or (0.0,))[0],
            tuple(reading.traits()),
        )


def _groups(dataset: Dataset, frame: int) -> list[Dataset]:
    """Return the functional groups of a frame, its own before those that all share; none in a plain file."""
    own = dataset.get("PerFrameFunctionalGroupsSequence") or []
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    return [*own[frame : frame + 1], *shared[:1]]


@dataclass(frozen=True, slots=True)
class _Reading:
    """Where the values of one slice are looked for."""

    dataset: Dataset
    groups: list[Dataset]
    file: Path

    def value(self, keyword: str, group: str = "") -> Any:
        """Return a value from the first functional group that has it, else from the file; None where it is empty."""
        for one in self.groups if group else ():
            found = _inside(one, [*group.split("."), keyword])
            if not _is_empty(found):
                return found
        found = self.dataset.get(keyword)
        return None if _is_empty(found) else found

    def numbers(self, keyword: str, count: int, group: str = "") -> Vector | None:
        """Return that many finite numbers, or None where there is no value."""
        value = self.value(keyword, group)
        if value is None:
            return None
        try:
            found = tuple(float(part) for part in _parts(value))
        except (TypeError, ValueError):
            found = ()
        if len(found) != count or not all(map(math.isfinite, found)):
            wanted = "a finite number" if count == 1 else f"{count} finite numbers"
            raise VolumeProblem(str(self.file), f"{keyword} in the header is not {wanted}.", "Export the image again.")
        return found

    def traits(self) -> Iterator[tuple[str, str]]:
        """Yield what is known of the slice besides its place, by name."""
        for keyword, group, name in _TRAITS:
            value = self.value(keyword, group)
            if value is not None:
                yield name, " ".join(str(part) for part in _parts(value))


def _inside(dataset: Dataset, keywords: list[str]) -> Any:
    """Return the value at the end of a chain of sequences, of which the first items count."""
    *groups, last = keywords
    inner: Dataset | None = dataset
    for group in groups:
        items = (None if inner is None else inner.get(group)) or [None]
        inner = items[0]
    return None if inner is None else inner.get(last)


def _is_empty(value: Any) -> bool:
    return value is None or (hasattr(value, "__len__") and len(value) == 0)


def _parts(value: Any) -> Iterable[Any]:
    """Return the values of a tag that may hold one or several."""
    return value if isinstance(value, MultiValue | list) else [value]


def _refuse_bent(orientation: Vector, file: Path) -> None:
    along_row, along_column = np.reshape(np.array(orientation), (2, 3))
    lengths = np.linalg.norm([along_row, along_column], axis=1)
    if np.abs(lengths - 1).max() > 0.01 or abs(along_row @ along_column) > 0.01:
        raise VolumeProblem(
            str(file),
            "ImageOrientationPatient in the header is not two directions at a right angle.",
            "Export the image again.",
        )


def _moved(position: Vector | None, orientation: Vector | None, reading: _Reading, frame: int) -> Vector | None:
    """Return the position of a later frame of a file that says how far frames are apart, else None."""
    if position is None or orientation is None:
        return None
    offsets = reading.value("GridFrameOffsetVector")
    step = reading.numbers("SpacingBetweenSlices", 1)
    if offsets is not None and len(offsets) > frame:
        distance = float(offsets[frame]) - float(offsets[0])
    elif step is not None:
        distance = step[0] * frame
    else:
        return None
    normal = np.cross(orientation[:3], orientation[3:])
    return tuple((np.array(position) + normal * distance).tolist())


def _pixel_spacing(reading: _Reading) -> Vector | None:
    spacing = (
        reading.numbers("PixelSpacing", 2, "PixelMeasuresSequence")
        or reading.numbers("ImagerPixelSpacing", 2)
        or reading.numbers("NominalScannedPixelSpacing", 2)
    )
    if spacing is not None and min(spacing) <= 0:
        raise VolumeProblem(
            str(reading.file),
            f"The pixel size in the header is {spacing[0]:g} x {spacing[1]:g}; each must be above 0.",
            "Export the image again.",
        )
    return spacing


def _thickness(reading: _Reading) -> float:
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        found = reading.numbers(keyword, 1, "PixelMeasuresSequence")
        if found is not None and found[0] > 0:
            return found[0]
    return 1.0


def _slope(reading: _Reading) -> float:
    found = reading.numbers("RescaleSlope", 1, "PixelValueTransformationSequence")
    found = found or reading.numbers("DoseGridScaling", 1)
    if found is not None and found[0] == 0:
        raise VolumeProblem(
            str(reading.file),
            "RescaleSlope in the header is 0: all intensities would be one.",
            "Export the image again.",
        )
    return 1.0 if found is None else found[0]
