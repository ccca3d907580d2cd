"""The pieces of a PNG file and their checksums, which Pillow does not compare where the pixels are."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from napari_medkd.core.errors import VolumeProblem

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_DEEP_COLOUR = ((16, 2), (16, 4), (16, 6))


def refuse_damaged_png(path: Path) -> None:
    """Refuse what Pillow would show wrongly; another file, whatever it is called, is left to Pillow.

    Raises
    ------
    VolumeProblem
        Where a piece that is needed does not have its checksum, and of colour or transparency of 16 bits, of which
        Pillow keeps 8.
    """
    try:
        with path.open("rb") as file:
            content = file.read() if file.read(len(_SIGNATURE)) == _SIGNATURE else b""
    except OSError as error:
        raise VolumeProblem.from_os_error(error, path, "The picture cannot be read") from error
    for kind, body, checksum in _chunks(memoryview(content)):
        if kind == b"IHDR" and tuple(body[8:10]) in _DEEP_COLOUR:
            raise VolumeProblem(
                str(path),
                "16-bit PNG with colour or transparency cannot be read without losing bits.",
                "Save it as TIFF, with 8 bits, or in shades of grey without transparency.",
            )
        is_needed = kind[:1].isupper()
        if is_needed and zlib.crc32(body, zlib.crc32(kind)) != checksum:
            raise VolumeProblem(
                str(path), "The picture is damaged: a checksum in it is wrong.", "Export or copy it again."
            )


def _chunks(content: memoryview) -> Iterator[tuple[bytes, memoryview, int]]:
    """Yield kind, body and checksum of each piece; one that the file ends in has none that fits."""
    at = 0
    while at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        body, after = content[at + 8 : at + 8 + size], content[at + 8 + size : at + 12 + size]
        yield kind, body, int.from_bytes(after, "big") if len(body) == size and len(after) == 4 else -1
        at += 12 + size
