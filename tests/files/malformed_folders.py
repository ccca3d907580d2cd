"""Folders that are no image, or several: mixed series of DICOM, and pictures that are not the slices of one stack."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tests.files.dicom_series_made import CORONAL, save_series
from tests.files.sound_files import SOUND

Make = Callable[[Path], Path]

_PLANES = np.arange(4 * 40, dtype=np.uint16).reshape(4, 5, 8)


def _pictures(shapes: Mapping[str, tuple[int, ...]]) -> Make:
    def make(folder: Path) -> Path:
        for name, shape in shapes.items():
            Image.fromarray(np.full(shape, 7, np.uint8)).save(folder / name)
        return folder

    return make


def _with_a_damaged_slice(folder: Path) -> Path:
    _pictures({f"{n}.png": (40, 40) for n in range(5)})(folder)
    content = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(content[: len(content) // 2])
    return folder


def _with_text_for_a_slice(folder: Path) -> Path:
    _pictures({f"{n}.png": (8, 8) for n in range(3)})(folder)
    (folder / "3.png").write_text("no picture")
    return folder


def _mixed_series(folder: Path) -> Path:
    save_series(folder, _PLANES)
    save_series(folder, _PLANES, orientation=CORONAL, names=[f"other{n}.dcm" for n in range(4)])
    return folder


def _one_series_turned(folder: Path) -> Path:
    save_series(folder, _PLANES, SeriesInstanceUID="1.2.7")
    save_series(
        folder, _PLANES, orientation=CORONAL, names=[f"other{n}.dcm" for n in range(4)], SeriesInstanceUID="1.2.7"
    )
    return folder


def _series(*, gone: int = -1, cut: int = -1, **tags: object) -> Make:
    def make(folder: Path) -> Path:
        paths = save_series(folder, np.zeros((6, 32, 32), np.uint16), **tags)
        if gone >= 0:
            paths[gone].unlink()
        if cut >= 0:
            paths[cut].write_bytes(paths[cut].read_bytes()[:1500])
        return folder

    return make


def _one_kind_of_image(folder: Path) -> Path:
    SOUND["nii"](folder)
    return folder


def _empty(folder: Path) -> Path:
    return folder


FOLDERS: dict[str, Make] = {
    "a folder of nothing": _empty,
    "a folder of a volume": _one_kind_of_image,
    "pictures of two sizes": _pictures({"1.png": (5, 7), "2.png": (5, 7), "3.png": (7, 5)}),
    "pictures with a gap": _pictures({f"s{n}.png": (5, 7) for n in (1, 2, 4, 5)}),
    "pictures with one number twice": _pictures({"s1.png": (5, 7), "s01.png": (5, 7), "s2.png": (5, 7)}),
    "pictures without numbers": _pictures({"front.png": (5, 7), "back.png": (5, 7)}),
    "pictures that differ in two numbers": _pictures({"a1_b1.png": (5, 7), "a2_b2.png": (5, 7)}),
    "pictures of two formats": _pictures({"1.png": (5, 7), "2.tif": (5, 7)}),
    "pictures of which one is cut": _with_a_damaged_slice,
    "pictures of which one is text": _with_text_for_a_slice,
    "two series of DICOM": _mixed_series,
    "a series that is turned in the middle": _one_series_turned,
    "a series with a gap": _series(gone=3),
    "a series with a damaged slice": _series(cut=2),
    "a series with two slices in one place": _series(ImagePositionPatient=[[0, 0, z] for z in (0, 1, 1, 2, 3, 4)]),
    "a series with a tilted gantry": _series(ImagePositionPatient=[[0, 2 * z, 3 * z] for z in range(6)]),
    "a series without places": _series(ImagePositionPatient=None),
}
