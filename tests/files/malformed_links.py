"""Headers and links that lead to files they have no business with, and to none."""

import os
from collections.abc import Callable
from pathlib import Path

from tests.files.sound_files import SOUND

Make = Callable[[Path], Path]

_META = "ObjectType = Image\nNDims = 2\nDimSize = 8 8\nElementType = MET_UCHAR\nElementDataFile = "
_NRRD = "NRRD0004\ntype: uchar\ndimension: 2\nsizes: 8 8\nencoding: raw\ndata file: "
_SECRET = b"this must not be shown".ljust(64, b".")

#: What a header calls its voxels, by what that is; a secret lies above the folder.
_NAMES = {
    "above its folder": "../secret.raw",
    "above by a way round": "inner/../../secret.raw",
    "by the whole path": "{above}/secret.raw",
    "behind a link": "link.raw",
    "in a linked folder": "linked/secret.raw",
    "in a pipe that nobody fills": "pipe.raw",
    "in a device": "/dev/zero",
    "in a folder": "inner",
    "in a file that is not there": "gone.raw",
    "behind a ring of links": "ring.raw",
    "in another system's way": "..\\secret.raw",
    "on a disk": "C:secret.raw",
    "at an address": "http://localhost/secret.raw",
    "in a list": "LIST\nsecret.raw",
    "in many": "slice%03d.raw 1 8 1",
    "in an endless width": "slice%0999999999d.raw 1 8 1",
    "under a name too long": "x" * 5000,
    "under a name with a NUL": "a\0b.raw",
    "in itself": "{own}",
}


def _detached(suffix: str, start: str, name: str) -> Make:
    def make(folder: Path) -> Path:
        (folder.parent / "secret.raw").write_bytes(_SECRET)
        (folder / "inner").mkdir()
        (folder / "link.raw").symlink_to(folder.parent / "secret.raw")
        (folder / "linked").symlink_to(folder.parent)
        (folder / "ring.raw").symlink_to("ring.raw")
        os.mkfifo(folder / "pipe.raw")
        path = folder / f"a{suffix}"
        path.write_text(start + name.format(above=folder.parent, own=path.name) + "\n")
        return path

    return make


def _link(name: str, target: str) -> Make:
    def make(folder: Path) -> Path:
        (folder / "inner").mkdir()
        (folder / name).symlink_to(target)
        return folder / name

    return make


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.nii")
    return folder / "a.nii"


def _renamed(kind: str, suffix: str) -> Make:
    def make(folder: Path) -> Path:
        return SOUND[kind](folder).rename(folder / f"other{suffix}")

    return make


LINKS: dict[str, Make] = {
    **{f"mhd with voxels {what}": _detached(".mhd", _META, name) for what, name in _NAMES.items()},
    **{f"nhdr with voxels {what}": _detached(".nhdr", _NRRD, name) for what, name in _NAMES.items()},
    "a link to nothing": _link("a.nii.gz", "gone.nii.gz"),
    "a link to itself": _link("a.nrrd", "a.nrrd"),
    "a link to a folder": _link("a.tif", "inner"),
    "a link to a device": _link("a.png", "/dev/zero"),
    "a link to an endless device": _link("a.dcm", "/dev/random"),
    "a pipe called nii": _pipe,
    "nii called nrrd": _renamed("nii", ".nrrd"),
    "nii.gz called mha": _renamed("nii.gz", ".mha"),
    "nrrd called nii": _renamed("nrrd", ".nii"),
    "mha called nhdr": _renamed("mha", ".nhdr"),
    "png called tif": _renamed("png", ".tif"),
    "tif called nii.gz": _renamed("tif", ".nii.gz"),
    "dcm called jpg": _renamed("dcm", ".jpg"),
    "jpg called dcm": _renamed("jpg", ".dcm"),
}
