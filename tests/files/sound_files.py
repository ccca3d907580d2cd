"""One small sound image in every format that can be read: what damage is done to."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK as sitk
import tifffile
from PIL import Image

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import write_mask, write_volume
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


def _multi_frame_dicom(folder: Path) -> Path:
    return _with_the_same_identity(_as_volume("a.dcm")(folder))


def _segmentation(folder: Path) -> Path:
    labels = (VOXELS > 600).astype(np.uint8) + (VOXELS > 800)
    task = Task("organs", "segmentation", ("background", "liver", "spleen"))
    write_mask(folder / "mask.dcm", Mask(labels, Grid.upright(VOXELS.shape, (2.5, 1.0, 0.7)), task))
    return _with_the_same_identity(folder / "mask.dcm")


def _with_the_same_identity(path: Path) -> Path:
    """The file with UIDs and times that do not change from day to day."""
    header = pydicom.dcmread(path)
    for element in header.iterall():
        if element.keyword.endswith(("InstanceUID", "ReferenceUID")):
            element.value = "1.2.4"
        elif element.VR in ("DA", "TM"):
            element.value = ""
    header.file_meta.MediaStorageSOPInstanceUID = "1.2.4"
    header.save_as(path)
    return path


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
    "multi-frame dcm": _multi_frame_dicom,
    "dcm segmentation": _segmentation,
}
