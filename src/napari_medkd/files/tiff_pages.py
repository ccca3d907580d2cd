"""The chain of a TIFF's pages, followed to its end: tifffile leaves out what comes after a break, or goes round."""

import struct
from pathlib import Path
from typing import IO

from napari_medkd.core.errors import VolumeProblem

_ORDERS = {b"II": "<", b"MM": ">"}
#: By version: where the first page's place stands, how places and numbers of tags are written, the size of a tag.
_LAYOUTS = {42: (4, "I", "H", 12), 43: (8, "Q", "Q", 20)}
_MOST_TAGS = 4096


def refuse_broken_chain(path: Path) -> None:
    """Follow the pages from each to the next, as far as the file is TIFF.

    Raises
    ------
    VolumeProblem
        Where one lies outside of the file, is no page, or was there before.
    OSError
        Where the file cannot be read.
    """
    with path.open("rb") as file:
        order = _ORDERS.get(file.read(2), "<")
        version = int.from_bytes(file.read(2), "little" if order == "<" else "big")
        if version not in _LAYOUTS:
            return
        place, offset, count, tag_size = _LAYOUTS[version]
        seen: set[int] = set()
        file.seek(place)
        while at := _number(file, f"{order}{offset}", path, len(seen)):
            if at in seen:
                raise _broken(path, len(seen), "comes before itself")
            seen.add(at)
            file.seek(at)
            tags = _number(file, f"{order}{count}", path, len(seen))
            if not 0 < tags <= _MOST_TAGS:
                raise _broken(path, len(seen), f"has {tags} tags")
            file.seek(tags * tag_size, 1)


def _number(file: IO[bytes], form: str, path: Path, page: int) -> int:
    content = file.read(struct.calcsize(form))
    if len(content) < struct.calcsize(form):
        raise _broken(path, page, "lies outside of the file")
    number: int = struct.unpack(form, content)[0]
    return number


def _broken(path: Path, page: int, why: str) -> VolumeProblem:
    return VolumeProblem(str(path), f"The TIFF is damaged: page {page} {why}.", "Export or copy it again.")
