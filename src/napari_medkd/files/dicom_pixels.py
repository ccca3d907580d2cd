"""The intensities of DICOM slices: decoded, brighter where there is more, and scaled slice by slice (CT: in HU)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import FileDataset
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import RLELossless

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.dicom_header import read_tags, translated_damage
from napari_medkd.files.dicom_slice import Slice
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
    numbers are turned round first.

    Raises
    ------
    VolumeProblem
        Naming the file: damaged, too large, or compressed in a way for which a package is missing.
    """
    refuse_beyond_memory(2 * sum(one.origin.num_bytes for one in slices), slices[0].origin.file)
    wanted: dict[Path, list[Slice]] = {}
    for one in slices:
        wanted.setdefault(one.origin.file, []).append(one)
    planes: dict[tuple[Path, int], NDArray[Any]] = {}
    for file, members in wanted.items():
        frames = _decoded(file)
        _refuse_other_shape(frames, members, file)
        planes |= {(file, one.frame): frames[one.frame] for one in members}
    stored = [planes[one.origin.file, one.frame] for one in slices]
    if len({(one.slope, one.intercept) for one in slices}) == 1:
        return scaled(_stacked(stored), slices[0].slope, slices[0].intercept)
    return _stacked([scaled(plane, one.slope, one.intercept) for plane, one in zip(stored, slices, strict=True)])


def _stacked(planes: list[NDArray[Any]]) -> NDArray[Any]:
    stack = np.stack(planes)
    mixed = stack.dtype == np.float64 and any(plane.dtype != np.float64 for plane in planes)
    return stack.astype(np.float32) if mixed else stack


def _refuse_other_shape(frames: NDArray[Any], members: list[Slice], file: Path) -> None:
    rows, columns = members[0].origin.shape
    if frames.shape[1:3] != (rows, columns) or len(frames) <= max(one.frame for one in members):
        raise VolumeProblem(
            str(file),
            f"The pixels are {' x '.join(map(str, frames.shape))}; the header says {rows} x {columns}.",
            "The file is damaged: export or copy it again.",
        )


def _decoded(file: Path) -> NDArray[Any]:
    """Return all frames of a file as stored, (frame, row, column) or (frame, row, column, colour)."""
    dataset = read_tags(file, _TAGS)
    with translated_damage(file):
        _refuse_undecodable(dataset, file)
        try:
            pixels = pixel_array(dataset, decoding_plugin=_decoder_for(dataset))
        except RuntimeError as error:  # every decoder that is installed has given up
            raise VolumeProblem(
                str(file),
                f"The pixels cannot be decompressed ({_compression(dataset)}).",
                f"If other programs can open the file, install more decoders: {_EXTRA}",
            ) from error
        if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, dataset)
        else:
            pixels = apply_modality_lut(_brighter_is_more(pixels, dataset), dataset)
        pixels = pixels if pixels.dtype.isnative else pixels.astype(pixels.dtype.newbyteorder("="))
        return pixels if int(dataset.get("NumberOfFrames") or 1) > 1 else pixels[np.newaxis]


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
