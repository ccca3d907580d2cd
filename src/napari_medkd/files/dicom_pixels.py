"""The intensities of DICOM slices: decoded, brighter where there is more, and scaled slice by slice (CT: in HU)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import RLELossless

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.dicom_header import read_tags, translated_damage
from napari_medkd.files.dicom_slice import Slice
from napari_medkd.files.giving_up import go_on_if_wanted
from napari_medkd.files.memory import refuse_beyond_memory
from napari_medkd.files.scaling import scaled

_COLOURS_OF_PALETTE = [
    f"{part}{colour}PaletteColorLookupTable{what}"
    for colour in ("Red", "Green", "Blue")
    for part, what in (("", "Descriptor"), ("", "Data"), ("Segmented", "Data"))
]
_TAGS = [
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "ModalityLUTSequence"),
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData", "ExtendedOffsetTable", "ExtendedOffsetTableLengths"),
    *_COLOURS_OF_PALETTE,
]
_EXTRA = "pip install 'napari-medkd[dicom]'"


def intensities(slices: Sequence[Slice]) -> NDArray[Any]:
    """Return the slices as (slice, row, column), or (slice, row, column, colour).

    Whole numbers stay whole where slope and intercept are whole. Where less is brighter (MONOCHROME1), the stored
    numbers are turned round first. Beside the image, one file at a time is in memory.

    Raises
    ------
    VolumeProblem
        Naming the file: damaged, too large, or compressed in a way for which a package is missing.
    """
    refuse_beyond_memory(2 * sum(map(_num_bytes, slices)), slices[0].origin.file)
    wanted: dict[Path, list[int]] = {}
    for number, one in enumerate(slices):
        wanted.setdefault(one.origin.file, []).append(number)
    planes: dict[int, NDArray[Any]] = {}
    for file, numbers in wanted.items():
        members = [slices[number] for number in numbers]
        frames = _decoded(file, [one.frame for one in members])
        for number, one, frame in zip(numbers, members, frames, strict=True):
            _refuse_other_shape(frame, one)
            planes[number] = scaled(frame, one.slope, one.intercept)
    kinds = {plane.dtype for plane in planes.values()}
    kind = np.result_type(*kinds)
    if kind == np.float64 and len(kinds) > 1:
        kind = np.dtype(np.float32)
    return np.stack([planes[number] for number in range(len(slices))], dtype=kind, casting="same_kind")


def _num_bytes(one: Slice) -> int:
    """Return the size of a slice in memory; fractions have four bytes."""
    rows, columns = one.origin.shape
    is_whole = one.slope.is_integer() and one.intercept.is_integer()
    return one.origin.num_bytes if is_whole else max(one.origin.num_bytes, 4 * rows * columns)


def _refuse_other_shape(frame: NDArray[Any], one: Slice) -> None:
    rows, columns = one.origin.shape
    if frame.shape[:2] != (rows, columns):
        raise VolumeProblem(
            str(one.origin.file),
            f"The pixels are {' x '.join(map(str, frame.shape))}; the header says {rows} x {columns}.",
            "The file is damaged: export or copy it again.",
        )


def _decoded(file: Path, frames: list[int]) -> list[NDArray[Any]]:
    """Return those frames of a file as stored, (row, column) or (row, column, colour) each."""
    dataset = read_tags(file, _TAGS)
    with translated_damage(file):
        return [_meant(frame, dataset) for frame in _as_stored(dataset, file, frames)]


def stored_frames(file: Path) -> Iterator[NDArray[Any]]:
    """Yield all frames of a file as they are stored, until nobody waits for them.

    Raises
    ------
    VolumeProblem
        As `intensities`.
    """
    dataset = read_tags(file, _TAGS)
    with translated_damage(file):
        yield from _as_stored(dataset, file, None)


def _as_stored(dataset: FileDataset, file: Path, frames: list[int] | None) -> Iterator[NDArray[Any]]:
    _refuse_undecodable(dataset, file)
    is_packed = dataset.get("BitsAllocated") == 1 and not dataset.file_meta.TransferSyntaxUID.is_compressed
    try:
        found = iter_pixels(dataset, indices=frames, decoding_plugin=_decoder_for(dataset))
        for frame in _unpacked(dataset, frames) if is_packed else found:
            go_on_if_wanted()
            yield frame
    except RuntimeError as error:  # every decoder that is installed has given up
        raise VolumeProblem(
            str(file),
            f"The pixels cannot be decompressed ({_compression(dataset)}).",
            f"If other programs can open the file, install more decoders: {_EXTRA}",
        ) from error


def _unpacked(dataset: FileDataset, frames: list[int] | None) -> Iterator[NDArray[Any]]:
    """Yield frames of single bits, which pydicom 3.0 cannot cut out where one does not end with a whole byte."""
    rows, columns, stored = int(dataset.Rows), int(dataset.Columns), np.frombuffer(dataset.PixelData, np.uint8)
    size = rows * columns
    for number in range(int(dataset.get("NumberOfFrames") or 1)) if frames is None else frames:
        first = number * size
        bits = np.unpackbits(stored[first // 8 : -(-(first + size) // 8)], bitorder="little")
        yield bits[first % 8 : first % 8 + size].reshape(rows, columns)


def _meant(frame: NDArray[Any], dataset: FileDataset) -> NDArray[Any]:
    """Return what the stored numbers of a frame stand for, but for slope and intercept."""
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        meant = apply_color_lut(frame, dataset)
    else:
        meant = apply_modality_lut(_brighter_is_more(frame, dataset), dataset)
    return meant if meant.dtype.isnative else meant.astype(meant.dtype.newbyteorder("="))


def _decoder_for(dataset: FileDataset) -> str:
    """Return the decoder to use, "" for any; others for RLE panic, which is no Exception, where bytes are missing."""
    return "pydicom" if dataset.file_meta.TransferSyntaxUID == RLELossless else ""


def _refuse_undecodable(dataset: FileDataset, file: Path) -> None:
    """Refuse a compression before it is tried, where no decoder for it is known or installed."""
    if not any(name in dataset for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData")):
        raise VolumeProblem(str(file), "The file holds no pixels.", "Export or copy it again.")
    try:
        can_be_decoded = get_decoder(dataset.file_meta.TransferSyntaxUID).is_available
    except (NotImplementedError, AttributeError):
        raise VolumeProblem(
            str(file),
            f"The pixels are compressed in a way that cannot be read ({_compression(dataset)}).",
            "Export the image uncompressed.",
        ) from None
    if not can_be_decoded:
        raise VolumeProblem(
            str(file),
            f"The pixels are compressed, and the package that decompresses them is missing ({_compression(dataset)}).",
            f"Install it: {_EXTRA}",
        )


def _compression(dataset: FileDataset) -> str:
    found = dataset.file_meta.get("TransferSyntaxUID")
    return "no transfer syntax" if found is None else found.name


def _brighter_is_more(pixels: NDArray[Any], dataset: FileDataset) -> NDArray[Any]:
    if dataset.get("PhotometricInterpretation") != "MONOCHROME1":
        return pixels
    bits = int(dataset.BitsStored)
    lowest_plus_highest = -1 if int(dataset.PixelRepresentation) else 2**bits - 1
    return (lowest_plus_highest - pixels.astype(np.int64)).astype(pixels.dtype)
