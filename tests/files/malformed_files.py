"""More than two hundred files that are no image, or a damaged one, made the same every time: a fuzzer with a seed."""

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Literal, TypeAlias

from tests.files.malformed_folders import FOLDERS
from tests.files.malformed_headers import HEADERS
from tests.files.malformed_links import LINKS
from tests.files.sound_files import SOUND

#: What may come of a file: refused; or shown as it was, if the damage does no harm; or shown, for nothing could tell.
Fate: TypeAlias = Literal["refused", "refused or true", "refused or shown"]

_TRUNCATED_AT = (0.0, 0.02, 0.2, 0.5, 0.9, 0.99)
_FLIPS_OF_A_KIND = 7
_SUM_CHECKED = ("nii.gz", "nrrd", "nhdr", "mha", "mhd", "png", "deep png")
#: Formats that check what is packed alone: of the header, a flipped bit may be another true header.
_PACKED_BEHIND_TEXT = ("nrrd", "nhdr", "mha", "mhd")
_SUFFIXES = (".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".tif", ".png", ".jpg", ".dcm")
_STRANGERS = {
    "nothing": b"",
    "one byte": b"\x00",
    "a table": b"patient,age\n1,50\n" * 40,
    "a web page": b"<!doctype html><html><body>404: not found</body></html>",
    "zeros": bytes(4096),
    "noise": Random(6).randbytes(4096),
    "packed text": gzip.compress(b"no image\n" * 200, mtime=0),
}


@dataclass(frozen=True)
class Malformed:
    """A file to be made in an empty folder of its own.

    ``sound`` is the one of `SOUND` that it was before, or "".
    """

    name: str
    make: Callable[[Path], Path]
    fate: Fate
    sound: str = ""


def _truncated(kind: str, share: float) -> Malformed:
    def make(folder: Path) -> Path:
        path = SOUND[kind](folder)
        hurt = _with_voxels(path)
        content = hurt.read_bytes()
        hurt.write_bytes(content[: int(len(content) * share)])
        return path

    return Malformed(f"{kind} cut at {share:.0%}", make, "refused or true", kind)


def _flipped(kind: str, seed: int) -> Malformed:
    random = Random(f"{kind} {seed}")
    is_checked = kind in _SUM_CHECKED

    def make(folder: Path) -> Path:
        path = SOUND[kind](folder)
        hurt = _with_voxels(path)
        content = bytearray(hurt.read_bytes())
        start = _end_of_text(content) if kind in _PACKED_BEHIND_TEXT and hurt == path else 0
        for _ in range(random.choice((1, 1, 2, 8, 40))):
            content[random.randrange(start, len(content))] ^= 1 << random.randrange(8)
        hurt.write_bytes(content)
        return path

    return Malformed(f"{kind} flipped {seed}", make, "refused or true" if is_checked else "refused or shown", kind)


def _flipped_header(kind: str, seed: int) -> Malformed:
    random = Random(f"header {kind} {seed}")

    def make(folder: Path) -> Path:
        path = SOUND[kind](folder)
        content = bytearray(path.read_bytes())
        for _ in range(random.choice((1, 2, 5))):
            content[random.randrange(min(352, len(content)))] = random.randrange(256)
        path.write_bytes(content)
        return path

    return Malformed(f"{kind} header {seed}", make, "refused or shown", kind)


def _stranger(suffix: str, what: str, content: bytes) -> Malformed:
    def make(folder: Path) -> Path:
        (folder / f"a{suffix}").write_bytes(content)
        return folder / f"a{suffix}"

    return Malformed(f"{what} called {suffix}", make, "refused")


def _with_voxels(path: Path) -> Path:
    """The file with the voxels: the one beside a header, if there is one."""
    return next((other for other in sorted(path.parent.iterdir()) if other.suffix in (".gz", ".zraw")), path)


def _end_of_text(content: bytes) -> int:
    found = re.search(rb"\n\n|LOCAL\n", content)
    return found.end() if found else 0


def _all() -> Iterator[Malformed]:
    for kind in SOUND:
        yield from (_truncated(kind, share) for share in _TRUNCATED_AT)
        yield from (_flipped(kind, seed) for seed in range(_FLIPS_OF_A_KIND))
        yield from (_flipped_header(kind, seed) for seed in range(_FLIPS_OF_A_KIND))
    for suffix in _SUFFIXES:
        yield from (_stranger(suffix, what, content) for what, content in _STRANGERS.items())
    for name, make in (HEADERS | LINKS | FOLDERS).items():
        yield Malformed(name, make, "refused")


MALFORMED = {one.name: one for one in _all()}
