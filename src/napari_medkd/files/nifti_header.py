"""What a NIfTI file says before its voxels: sizes that can be trusted, the affine, and doubts about it."""

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeAlias

import nibabel
import numpy as np
from nibabel.nifti1 import Nifti1Header
from nibabel.nifti2 import Nifti2Header
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Unit
from napari_medkd.files.giving_up import go_on_if_wanted
from napari_medkd.files.memory import refuse_beyond_memory

#: A Nifti1Header or Nifti2Header; nibabel does not say the types of their methods.
Header: TypeAlias = Any

_CLASS_BY_SIZE: dict[int, Any] = {348: Nifti1Header, 540: Nifti2Header}
_MM_PER_UNIT = {"meter": 1000.0, "mm": 1.0, "micron": 0.001}
_MOST_GZIP_SAVES = 1100  # deflate cannot shrink anything further
_LARGEST_NIFTI_1 = 32767
_CONFLICT_IN_VOXELS = 0.5
_BLOCK = 2**22


def read_header(path: Path) -> Header:
    """Return the header alone."""
    with _opened(path) as stream:
        return _header(stream, path)


def read_stored(path: Path) -> tuple[Header, NDArray[Any]]:
    """Return the header and the numbers as stored, of shape (i, j, k, ...), unscaled."""
    with _opened(path) as stream:
        header = _header(stream, path)
        shape, dtype, offset = _layout(header, path)
        size = math.prod(shape) * dtype.itemsize
        _refuse_impossible(offset + size, shape, path, packed=isinstance(stream, gzip.GzipFile))
        stream.read(offset - header.sizeof_hdr)
        body = _read(stream, size)
        if len(body) < size:
            raise _truncated(path, f"it ends after {len(body)} of {size} bytes of voxels")
        stream.read(1)  # at the end of a .gz this compares its checksum
    stored = np.frombuffer(body, dtype).reshape(shape, order="F")
    return header, stored if dtype.isnative else stored.astype(dtype.newbyteorder("="))


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
    """Return why the position may be wrong though there is one: no orientation stored, or two that differ."""
    sform, qform = int(header["sform_code"]) > 0, int(header["qform_code"]) > 0
    if not sform and not qform:
        return [
            Problem(
                str(path),
                "The header stores no orientation (sform and qform codes are 0), so left and right cannot be known.",
                "Write the orientation into the header; until then the first index is taken to grow to the left.",
            )
        ]
    if not (sform and qform):
        return []
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
    if data.dtype == np.bool_:
        data = data.astype(np.uint8)
    elif data.dtype == np.float16:
        data = data.astype(np.float32)
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


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | gzip.GzipFile]:
    """Open the file, packed or not by its content, and translate what goes wrong while it is read."""
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            yield gzip.GzipFile(fileobj=file) if packed else file
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _truncated(path, f"the compressed data are damaged: {error}") from error
    except OSError as error:
        raise VolumeProblem.from_os_error(error, path, "The image cannot be read") from error


def _read(stream: IO[bytes] | gzip.GzipFile, size: int) -> NDArray[np.uint8]:
    """Return so many bytes, fewer where the stream ends; block by block, for a person may cancel meanwhile."""
    body, done = np.empty(size, np.uint8), 0
    view = body.data
    while done < size:
        go_on_if_wanted()
        count = stream.readinto(view[done : done + _BLOCK])  # type: ignore[union-attr]  # both are binary streams
        if not count:
            break
        done += count
    return body[:done]


def _truncated(path: Path, why: str) -> VolumeProblem:
    return VolumeProblem(str(path), f"The file is incomplete or damaged: {why}.", "Copy or download it again.")


def _header(stream: IO[bytes] | gzip.GzipFile, path: Path) -> Header:
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


def _layout(header: Header, path: Path) -> tuple[tuple[int, ...], np.dtype[Any], int]:
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
    if dtype.kind not in "iufV" or dtype.itemsize > 8 or (dtype.kind == "V" and not dtype.names):
        raise VolumeProblem(
            str(path), f"The intensities are of type {dtype}.", "Save the image as whole or real numbers, or RGB."
        )
    return shape, dtype, offset


def _refuse_impossible(size: int, shape: tuple[int, ...], path: Path, *, packed: bool) -> None:
    """Refuse sizes the file cannot hold or the memory cannot take, before anything is allocated."""
    there = path.stat().st_size
    if size > there * (_MOST_GZIP_SAVES if packed else 1):
        raise _truncated(path, f"the header announces {' x '.join(map(str, shape))} voxels, the file has {there} bytes")
    refuse_beyond_memory(size, path)


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
