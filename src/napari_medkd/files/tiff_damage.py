"""Refusing a TIFF that lacks something, is of several images, or would unpack to more than it says, before it is read.

What tifffile finds missing it fills with zeros, and it unpacks a strip whatever its size becomes.
"""

import zlib
from pathlib import Path
from typing import Any

import tifffile

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.giving_up import go_on_if_wanted
from napari_medkd.files.memory import refuse_beyond_memory
from napari_medkd.files.ome_xml import OmeImage
from napari_medkd.files.packed import by

_DEFLATE = (tifffile.COMPRESSION.ADOBE_DEFLATE, tifffile.COMPRESSION.DEFLATE)
#: How often smaller any compression of TIFF may be; of zeros, ZSTD comes near.
_MOST_SAVED = 40_000
#: How much wider numbers of a few bits become.
_MOST_WIDENED = 16
#: Strips of fewer bytes are unpacked without a look: they cannot become more than 300 MB.
_LARGE_STRIP = 2**18
_CHUNK = 2**24


def refuse_unreadable(file: tifffile.TiffFile, ome: OmeImage, path: Path) -> tifffile.TiffPageSeries:
    """Return the one stack of an open file.

    Raises
    ------
    VolumeProblem
        Where planes lie in other files, which are not opened, there are pages of several sizes, its colours are inks,
        planes or strips are missing, or it does not fit into memory.
    """
    if ome.elsewhere:
        raise VolumeProblem(
            str(path),
            f"Its planes lie in other files, too: {', '.join(ome.elsewhere)[:100]}.",
            "Save the image as one file.",
        )
    series = file.series[0]
    _refuse_several(file, path)
    if series.keyframe.photometric == tifffile.PHOTOMETRIC.SEPARATED:
        raise VolumeProblem(
            str(path), "Its colours are inks for printing (CMYK).", "Save it in shades of grey, or as RGB."
        )
    packed = series.keyframe.compression != tifffile.COMPRESSION.NONE
    if series.nbytes > path.stat().st_size * (_MOST_SAVED if packed else _MOST_WIDENED):
        raise _damaged(path, f"it announces {by(series.shape)} numbers in {path.stat().st_size} bytes")
    refuse_beyond_memory(2 * int(series.nbytes), path)
    for page in series.pages:
        go_on_if_wanted()
        if page is None or not _is_whole(page, file.filehandle.size):
            raise _damaged(path, "some of its planes or strips are missing")
        _refuse_bomb(page, series, file, path)
    return series


def _is_whole(page: Any, end: int) -> bool:
    strips = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    return bool(strips) and all(size > 0 and offset + size <= end for offset, size in strips)


def _refuse_several(file: tifffile.TiffFile, path: Path) -> None:
    """Refuse whole images beside the first; smaller copies and overviews do not count."""
    whole = [
        series
        for series in file.series
        if not series.keyframe.is_reduced and series.kind in ("generic", "uniform", "shaped", "ome")
    ]
    if len(whole) > 1:
        sizes = ", ".join(by(series.shape) for series in whole[:4])
        raise VolumeProblem(
            str(path),
            f"The TIFF holds {len(whole)} images ({sizes}{', ...' if len(whole) > 4 else ''}); expected one stack.",
            "Save each as its own file, or all pages in one size as one stack.",
        )


def _refuse_bomb(page: Any, series: tifffile.TiffPageSeries, file: tifffile.TiffFile, path: Path) -> None:
    """Refuse a strip or tile that becomes larger than there is place for."""
    compression = series.keyframe.compression
    if compression == tifffile.COMPRESSION.LZMA:
        raise VolumeProblem(str(path), "The TIFF is compressed by LZMA.", "Save it with another compression.")
    if compression not in _DEFLATE:
        return
    expected = max(int(series.keyframe.nbytes), 1)
    for offset, size in zip(page.dataoffsets, page.databytecounts, strict=False):
        if size < _LARGE_STRIP:
            continue
        file.filehandle.seek(offset)
        unpacker, packed, left = zlib.decompressobj(), file.filehandle.read(size), expected + _CHUNK
        while packed and left > 0:
            left -= len(unpacker.decompress(packed, _CHUNK))
            packed = unpacker.unconsumed_tail
        if left <= 0:
            raise _damaged(path, "a strip holds more than its page")


def _damaged(path: Path, why: str) -> VolumeProblem:
    return VolumeProblem(str(path), f"The TIFF is damaged: {why}.", "Export or copy it again.")
