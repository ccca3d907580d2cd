"""Time from a path to the first pixel: DICOM against SimpleITK, large NIfTI against nibabel, OME-Zarr against zarr.

    python benchmarks/loading.py [--repeats 5] [--slices 400] [--gigabytes 1]

The data are generated into a temporary folder: CT slices of 512 x 512, and one volume of int16, plain, as .nii.gz and
as OME-Zarr. Ours is timed as napari's reader, up to one plane of the layer it returns; the others up to one plane of
the array. Each way is timed once in every round, so that what else the machine does falls on all alike; files come
from the system's cache.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk
import zarr
from numpy.typing import NDArray
from pydicom.uid import ExplicitVRLittleEndian, generate_uid
from record import Record, Row

from napari_medkd.files.opening import read_volume, write_volume
from napari_medkd.gui.reader import get_reader

SIDE = 512
CT_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
Plane = NDArray[np.generic]


def plane_of_ct(rng: np.random.Generator) -> NDArray[np.int16]:
    """Return a disc of soft tissue in air, with noise, in HU."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    noise = rng.normal(0, 12, (SIDE, SIDE))
    return np.rint(np.where(x**2 + y**2 < 0.6, 40, -1000) + noise).astype(np.int16)


def write_series(folder: Path, num_slices: int) -> Path:
    """Write a CT series, a file for each slice."""
    rng = np.random.default_rng(1)
    made = pydicom.Dataset()
    made.file_meta = pydicom.dataset.FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID, made.Modality, made.SeriesInstanceUID = CT_STORAGE, "CT", generate_uid()
    made.StudyInstanceUID = made.FrameOfReferenceUID = generate_uid()
    made.Rows = made.Columns = SIDE
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    made.RescaleSlope, made.RescaleIntercept = 1, -1024
    made.PixelSpacing, made.ImageOrientationPatient = [0.7, 0.7], [1, 0, 0, 0, 1, 0]
    folder.mkdir()
    for number in range(num_slices):
        made.SOPInstanceUID, made.InstanceNumber = generate_uid(), number + 1
        made.file_meta.MediaStorageSOPClassUID = CT_STORAGE
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
        made.ImagePositionPatient = [-180, -180, number]
        made.PixelData = (plane_of_ct(rng) + 1024).clip(0, 4095).astype(np.uint16).tobytes()
        made.save_as(folder / f"{number:04d}.dcm", enforce_file_format=True)
    return folder


def write_volumes(folder: Path, gigabytes: float) -> tuple[Path, Path, Path]:
    """Write one volume plain, compressed, and as OME-Zarr; its planes are a few that come round again."""
    rng = np.random.default_rng(2)
    planes = np.stack([plane_of_ct(rng).T for _ in range(8)], axis=2)
    num_planes = round(gigabytes * 2**30 / (2 * SIDE**2))
    image = nibabel.Nifti1Image(planes[:, :, np.arange(num_planes) % 8], np.diag([-0.7, -0.7, 1, 1]))
    plain, packed = folder / "large.nii", folder / "large.nii.gz"
    nibabel.save(image, plain)
    nibabel.save(image, packed)
    chunked = folder / "large.ome.zarr"
    write_volume(chunked, read_volume(plain))
    return plain, packed, chunked


def ours(path: Path) -> Plane:
    """Return a plane of the layer that napari would show."""
    read = get_reader(str(path))
    assert read is not None
    data = read(str(path))[0][0]
    data = data[0] if isinstance(data, list) else data  # of several resolutions the finest
    return np.array(data[len(data) // 2])


def with_simpleitk(folder: Path) -> Plane:
    """Return a plane of the series as SimpleITK reads it."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    array = sitk.GetArrayViewFromImage(image)
    return np.array(array[len(array) // 2])


def with_nibabel(path: Path) -> Plane:
    """Return a plane of the whole volume in memory."""
    array = np.array(np.asanyarray(nibabel.load(path).dataobj))  # in the order of the file
    return np.array(array[..., array.shape[-1] // 2])


def mapped_by_nibabel(path: Path) -> Plane:
    """Return a plane of a file of which nothing else is read."""
    array = nibabel.load(path).dataobj
    return np.array(array[..., array.shape[-1] // 2])


def with_zarr(path: Path) -> Plane:
    """Return a plane of the whole volume in memory, in its finest resolution."""
    array = np.asarray(zarr.open_group(path, mode="r")["0"][:])
    return np.array(array[len(array) // 2])


def timed(way: Callable[[Path], Plane], path: Path) -> float:
    """Return the seconds until the plane is there."""
    began = time.perf_counter()
    way(path)
    return time.perf_counter() - began


def measure(ways: dict[str, tuple[Callable[[Path], Plane], Path]], repeats: int) -> dict[str, list[float]]:
    """Return the seconds of each way, one for each round; a first round that is not counted fills the caches."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(repeats + 1):
        for name, (way, path) in ways.items():
            taken = timed(way, path)
            if number:
                seconds[name].append(taken)
                print(f"  {name}: {taken:.2f} s", flush=True)
    return seconds


def main() -> None:
    """Measure, and write results/loading.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        series = write_series(Path(name) / "series", asked.slices)
        plain, packed, chunked = write_volumes(Path(name), asked.gigabytes)
        ways = {
            f"DICOM, {asked.slices} slices: napari-medkd": (ours, series),
            f"DICOM, {asked.slices} slices: SimpleITK": (with_simpleitk, series),
            f"NIfTI, {asked.gigabytes:g} GiB: napari-medkd": (ours, plain),
            f"NIfTI, {asked.gigabytes:g} GiB: nibabel, all of it": (with_nibabel, plain),
            f"NIfTI, {asked.gigabytes:g} GiB: nibabel, one plane of it": (mapped_by_nibabel, plain),
            f"NIfTI, {asked.gigabytes:g} GiB as .nii.gz: napari-medkd": (ours, packed),
            f"NIfTI, {asked.gigabytes:g} GiB as .nii.gz: nibabel, all of it": (with_nibabel, packed),
            f"OME-Zarr, {asked.gigabytes:g} GiB: napari-medkd": (ours, chunked),
            f"OME-Zarr, {asked.gigabytes:g} GiB: zarr, all of it": (with_zarr, chunked),
        }
        seconds = measure(ways, asked.repeats)
    medians = {way: round(statistics.median(found), 3) for way, found in seconds.items()}
    about = (
        "Other work ran on the machine's cores meanwhile: compare the ways with each other, not with other machines."
    )
    record = Record("loading", notes={"machine's state": about, "medians in seconds": medians})
    for way, found in seconds.items():
        values = tuple(round(one, 3) for one in found)
        record.rows.append(Row(way, "time to the first pixel", "s", len(found), statistics.fmean(found), values))
    print(record.write(), medians)


if __name__ == "__main__":
    main()
