"""What a NIfTI file says before its voxels: sizes that can be trusted, the affine, and doubts about it."""

from io import BufferedReader
from pathlib import Path
from typing import Any, TypeAlias

import nibabel
import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Unit
from napari_medkd.files.channels import Meaning
from napari_medkd.files.packed import Stream, opened, unpacking

#: A Nifti1Header or Nifti2Header; nibabel does not say the types of their methods.
Header: TypeAlias = Any

_CLASS_BY_SIZE: dict[int, Any] = {348: Nifti1Header, 540: Nifti2Header}
_MM_PER_UNIT = {"meter": 1000.0, "mm": 1.0, "micron": 0.001}
_LARGEST_NIFTI_1 = 32767
_CONFLICT_IN_VOXELS = 0.5
_LARGEST_OFFSET = 2**28  # beyond any extension of a header

#: Matrices, vectors, points, quaternions and colours. NIfTI keeps them in its fifth dimension, others in the fourth.
_INTENTS_OF_CHANNELS = (*range(1004, 1011), 2003, 2004)
_INTENT_TIME_SERIES = 2001
_UNITS_OF_TIME, _UNITS_OF_SPECTRA = ("sec", "msec", "usec"), ("hz", "ppm", "rads")


def read_header(path: Path) -> Header:
    """Return the header alone."""
    with opened(path) as file:
        return header_in(unpacked(file)[0], path)


def meaning_of(header: Header) -> Meaning:
    """Return what the fourth dimension is: by the intent, or a unit and a step of its own.

    A second is what many programs write of channels, too, so that it says nothing.
    """
    intent = int(header["intent_code"])
    try:
        unit = header.get_xyzt_units()[1]
    except KeyError:
        unit = "unknown"
    if intent in _INTENTS_OF_CHANNELS or unit in _UNITS_OF_SPECTRA:
        return "channels"
    step = float(header["pixdim"][4])
    is_timed = unit in _UNITS_OF_TIME and np.isfinite(step) and step > 0 and (unit, step) != ("sec", 1)
    return "time" if intent == _INTENT_TIME_SERIES or is_timed else "unsaid"


@np.errstate(all="ignore")  # numbers that are none are refused below, by name
def affine_of(header: Header, path: Path) -> NDArray[np.float64]:
    """Return the (4, 4) affine from (i, j, k) to (right, anterior, superior) in mm."""
    if header["sform_code"] <= 0:
        _refuse_bad_spacing(header, path)
    try:
        affine = _best_affine(header)
    except (HeaderDataError, ValueError) as error:
        raise VolumeProblem(
            str(path), f"The position in the header is unusable: {error}.", "Save the image again from your viewer."
        ) from error
    if not np.isfinite(affine).all():
        raise VolumeProblem(
            str(path),
            "The affine holds NaN or infinite numbers.",
            "Repair the image's header (sform/qform), for example by saving it again from your viewer.",
        )
    affine[:3] *= _mm_per_unit(header)
    return affine


@np.errstate(all="ignore")
def doubts_of(header: Header, path: Path) -> list[Problem]:
    """Return why the position may be wrong though there is one: no orientation stored, or two in one space."""
    sform, qform = (max(0, int(header[code])) for code in ("sform_code", "qform_code"))
    if not sform and not qform:
        return [
            Problem(
                str(path),
                "The header stores no orientation (sform and qform codes are 0), so left and right cannot be known.",
                "Write the orientation into the header; until then the first index is taken to grow to the left.",
            )
        ]
    if sform != qform:
        return []  # one alone, or positions in two spaces: the scanner's and a template's, say
    try:
        two = (header.get_sform(), _qform(header))
    except (HeaderDataError, ValueError):
        return []
    last = np.maximum(np.array((*header.get_data_shape(), 1, 1)[:3]) - 1, 1)
    ends = np.array(np.meshgrid(*[(0, n) for n in last], indexing="ij")).reshape(3, -1).T
    apart = np.linalg.norm(ends @ (two[0] - two[1])[:3, :3].T + (two[0] - two[1])[:3, 3], axis=1).max()
    voxel = np.linalg.norm(two[0][:3, :3], axis=0).min()
    if apart <= _CONFLICT_IN_VOXELS * voxel:
        return []
    distance = apart * _mm_per_unit(header)
    return [
        Problem(
            str(path),
            f"The two positions in the header disagree: sform and qform put a corner {distance:.3g} mm apart.",
            "The sform is used. Keep only the right one in the header, so that no program chooses the other.",
        )
    ]


def encode(data: NDArray[Any], affine: NDArray[np.float64], unit: Unit, *, are_labels: bool) -> bytes:
    """Return the uncompressed file of an array (i, j, k, channel), marked as labels where it holds some."""
    i, j, k, channels = data.shape
    data = data.reshape((i, j, k)) if channels == 1 else data.reshape((i, j, k, 1, channels))
    kind: Any = nibabel.Nifti1Image if max(data.shape) <= _LARGEST_NIFTI_1 else nibabel.Nifti2Image
    image = kind(data, affine, dtype=data.dtype)
    header = image.header
    header.set_xyzt_units("mm" if unit == "mm" else "unknown")
    header.set_sform(affine, code="scanner")
    header.set_qform(affine, code="scanner")
    if not np.allclose(_qform(header)[:3, :3], affine[:3, :3], rtol=0, atol=1e-4 * np.abs(affine[:3, :3]).max()):
        header.set_qform(None, code="unknown")  # a sheared affine has no quaternion
    if channels > 1 or are_labels:
        header.set_intent("label" if are_labels else "vector")
    content: bytes = image.to_bytes()
    return content


def unpacked(file: BufferedReader) -> tuple[Stream, bool]:
    """Return the stream of the image, and whether the file is packed: by its content, whatever its name says."""
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return (unpacking(file) if packed else file), packed


def header_in(stream: Stream, path: Path) -> Header:
    """Return the header at the start of a stream, behind which the voxels come."""
    block = stream.read(348)
    sizes = {int.from_bytes(block[:4], "little"), int.from_bytes(block[:4], "big")} & set(_CLASS_BY_SIZE)
    if len(block) == 348 and sizes:
        size = sizes.pop()
        block += stream.read(size - 348)
        if len(block) == size:
            header: Header = _CLASS_BY_SIZE[size](block, check=False)
            if header["magic"].item()[:3] in (b"n+1", b"n+2"):
                return header
    raise VolumeProblem(
        str(path),
        "The file is not a NIfTI image, whatever its name says" + (" (it is empty)." if not block else "."),
        "Expected .nii or .nii.gz with header and voxels in one file: export it again, or give it its right suffix.",
    )


def layout_of(header: Header, path: Path) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Return shape, type and offset of the voxels."""
    try:
        shape = tuple(int(n) for n in header.get_data_shape())
        dtype = header.get_data_dtype()
        offset = max(int(header["vox_offset"]), header.sizeof_hdr)
    except (KeyError, HeaderDataError, ValueError, OverflowError) as error:
        raise VolumeProblem(
            str(path), f"The header is damaged: {error}.", "Export the image again from its source."
        ) from error
    if not 1 <= int(header["dim"][0]) <= 7 or not shape or min(shape) < 1:
        raise VolumeProblem(
            str(path), f"The header gives the shape {shape}; every size must be at least 1.", "Export the image again."
        )
    if offset > _LARGEST_OFFSET:
        raise VolumeProblem(
            str(path),
            f"The header is damaged: the voxels begin {offset} bytes into the file.",
            "Export the image again.",
        )
    if dtype.kind not in "iufV" or dtype.itemsize > 8 or (dtype.kind == "V" and not dtype.names):
        raise VolumeProblem(
            str(path), f"The intensities are of type {dtype}.", "Save the image as whole or real numbers, or RGB."
        )
    return shape, dtype, offset


def _refuse_bad_spacing(header: Header, path: Path) -> None:
    spacing = np.array(header["pixdim"][1:4], dtype=np.float64)
    used = spacing[: max(1, min(3, int(header["dim"][0])))]
    if not np.isfinite(used).all() or (used <= 0).any():
        raise VolumeProblem(
            str(path),
            f"The voxel size in the header is {' x '.join(f'{s:g}' for s in spacing)}; each must be above 0.",
            "Write the right voxel size into the header, or export the image again.",
        )


def _best_affine(header: Header) -> NDArray[np.float64]:
    if header["sform_code"] > 0:
        return np.array(header.get_sform(), dtype=np.float64)
    return _qform(header) if header["qform_code"] > 0 else _affine_of_spacing(header)


def _qform(header: Header) -> NDArray[np.float64]:
    mended = header.copy()
    mended["pixdim"][1:4] = np.where(header["pixdim"][1:4] > 0, header["pixdim"][1:4], 1)  # of axes that do not exist
    if header["pixdim"][0] not in (-1, 1):  # 0 is common and means 1
        mended["pixdim"][0] = 1
    affine: NDArray[np.float64] = mended.get_qform()
    return affine


def _affine_of_spacing(header: Header) -> NDArray[np.float64]:
    """Return nibabel's reading of a header without orientation: the first index grows to the left, centred."""
    shape = np.array((*header.get_data_shape(), 1, 1)[:3])
    spacing = np.where(header["pixdim"][1:4] > 0, header["pixdim"][1:4], 1.0) * (-1, 1, 1)
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = -spacing * (shape - 1) / 2
    return affine


def _mm_per_unit(header: Header) -> float:
    """Return the factor to mm; no unit, or one that does not exist, counts as mm."""
    try:
        return _MM_PER_UNIT.get(header.get_xyzt_units()[0], 1.0)
    except KeyError:
        return 1.0
