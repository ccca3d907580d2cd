"""One small sound image in every format that can be read: what damage is done to."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import tifffile
from PIL import Image

from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import write_volume
from tests.files.dicom_series_made import save_series

_RANDOM = np.random.default_rng(6)
VOXELS = _RANDOM.integers(0, 1000, (6, 14, 16)).astype(np.int16)
PIXELS = _RANDOM.integers(0, 256, (40, 48), dtype=np.uint8)


def _as_volume(name: str) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        write_volume(folder / name, Volume(VOXELS[np.newaxis], Grid.upright(VOXELS.shape, (2.5, 1.0, 0.7))))
        return folder / name

    return made


def _by_simpleitk(name: str, *, packed: bool = False) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        sitk.WriteImage(sitk.GetImageFromArray(VOXELS), str(folder / name), useCompression=packed)
        return folder / name

    return made


def _picture(name: str, pixels: np.ndarray) -> Callable[[Path], Path]:
    def made(folder: Path) -> Path:
        Image.fromarray(pixels).save(folder / name)
        return folder / name

    return made


def _plain_tiff(folder: Path) -> Path:
    tifffile.imwrite(folder / "plain.tif", VOXELS, photometric="minisblack", metadata=None)
    return folder / "plain.tif"


def _ome_tiff(folder: Path) -> Path:
    write_volume(folder / "a.ome.tif", Volume(VOXELS[np.newaxis], Grid.upright(VOXELS.shape, (2.5, 1.0, 0.7))))
    return folder / "a.ome.tif"


def _dicom(folder: Path) -> Path:
    uids = {"SeriesInstanceUID": "1.2.4", "SOPInstanceUID": "1.2.5"}
    return save_series(folder, PIXELS[np.newaxis].astype(np.uint16), **uids)[0]


#: What makes each, by a name for it.
SOUND: dict[str, Callable[[Path], Path]] = {
    "nii": _as_volume("a.nii"),
    "nii.gz": _as_volume("a.nii.gz"),
    "nrrd": _as_volume("a.nrrd"),
    "raw nrrd": _by_simpleitk("a.nrrd"),
    "nhdr": _as_volume("a.nhdr"),
    "mha": _as_volume("a.mha"),
    "raw mha": _by_simpleitk("a.mha"),
    "mhd": _by_simpleitk("a.mhd", packed=True),
    "ome.tif": _ome_tiff,
    "tif": _plain_tiff,
    "png": _picture("a.png", PIXELS),
    "deep png": _picture("a.png", PIXELS.astype(np.uint16) * 257),
    "jpg": _picture("a.jpg", PIXELS),
    "dcm": _dicom,
}
