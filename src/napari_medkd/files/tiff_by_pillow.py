"""What tifffile leaves to others, unpacked by Pillow: palettes, and compressions that it brings no codec for."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.giving_up import go_on_if_wanted
from napari_medkd.files.raster import without_bomb_warnings

_KEPT_IN_ITS_BYTE_ORDER = ("int16", "int32", "float32")


def unpacked(path: Path, *, in_colours: bool = False) -> tuple[NDArray[Any], str]:
    """Return the stack, and a letter for each of its axes; ``in_colours`` resolves a palette."""
    with without_bomb_warnings(), Image.open(path, formats=("TIFF",)) as opened:
        pages = []
        for page in ImageSequence.Iterator(opened):
            go_on_if_wanted()
            pages.append(np.array(page.convert("RGB") if in_colours else page))
    stack = np.stack(pages)
    return stack, "IYXS"[: stack.ndim]


def refuse_inexact(page: Any, why: object, path: Path) -> None:
    """Refuse numbers that Pillow would change: it narrows some, and takes some for others.

    Parameters
    ----------
    page
        As tifffile describes it.
    why
        What tifffile says to be missing.
    """
    if not _is_kept(page):
        raise VolumeProblem(
            str(path),
            f"Its numbers ({page.samplesperpixel} of {page.dtype} a pixel) cannot be unpacked as they are: {why}.",
            "Save it with Deflate or uncompressed.",
        )


def _is_kept(page: Any) -> bool:
    if page.dtype in ("bool", "uint8"):
        return page.bitspersample in (1, 8)
    is_of_here = page.parent.byteorder == ("<" if sys.byteorder == "little" else ">")
    return page.samplesperpixel == 1 and (
        page.dtype == "uint16" or (is_of_here and page.dtype in _KEPT_IN_ITS_BYTE_ORDER)
    )
