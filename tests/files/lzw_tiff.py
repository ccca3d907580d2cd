"""TIFF packed by LZW, which Pillow writes of few types of number and tifffile of none."""

from pathlib import Path

import numpy as np
import tifffile

_CLEAR, _END = 256, 257


def write_lzw(path: Path, array: np.ndarray, **options: object) -> Path:
    """Write one page as tifffile does, and pack its numbers."""
    tifffile.imwrite(path, array, metadata=None, **options)
    with tifffile.TiffFile(path, mode="r+") as file:
        page, stored = file.pages[0], file.filehandle
        stored.seek(page.dataoffsets[0])
        packed = _packed(stored.read(page.databytecounts[0]))
        at = stored.seek(0, 2)
        stored.write(packed)
        for name, value in (("Compression", 5), ("StripOffsets", at), ("StripByteCounts", len(packed))):
            page.tags[name].overwrite(value)
    return path


def _packed(content: bytes) -> bytes:
    """Return codes of nine bits, each byte as itself: the table is cleared before it grows."""
    codes = [code for byte in content for code in (_CLEAR, byte)]
    bits = "".join(f"{code:09b}" for code in (*codes, _END))
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")
