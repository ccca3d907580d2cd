import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from PIL import Image

from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Volume
from napari_medkd.files.giving_up import GivenUp, go_on_if_wanted, until
from napari_medkd.files.opening import read_volume, write_volume
from tests.files.dicom_series_made import save_series


def test_outside_nothing_is_given_up() -> None:
    go_on_if_wanted()


def test_reading_ends_once_nobody_waits() -> None:
    answers = iter([False, False, True])

    with until(lambda: next(answers)):
        go_on_if_wanted()
        go_on_if_wanted()
        with pytest.raises(GivenUp):
            go_on_if_wanted()
    go_on_if_wanted()


@pytest.mark.parametrize("name", ["scan.nii", "scan.nii.gz"])
def test_a_large_nifti_file_is_given_up_between_two_blocks(tmp_path: Path, name: str) -> None:
    stored = nibabel.Nifti1Image(np.zeros((128, 128, 384), np.uint16), np.eye(4)).to_bytes()
    (tmp_path / name).write_bytes(gzip.compress(stored, 1) if name.endswith(".gz") else stored)
    asked: list[int] = []

    with until(lambda: asked.append(0) or len(asked) > 2), pytest.raises(GivenUp):
        read_volume(tmp_path / name)

    assert len(asked) == 3


def test_a_dicom_series_is_given_up_between_two_files(tmp_path: Path) -> None:
    save_series(tmp_path, np.zeros((5, 4, 4), np.uint16))
    asked: list[int] = []

    with until(lambda: asked.append(0) or len(asked) > 7), pytest.raises(GivenUp):
        read_volume(tmp_path)

    assert len(asked) == 8, "five headers, then three of the slices"


def _ended_by(path: Path, asked_before: int) -> int:
    """Return how often reading asked whether it is still wanted, when nobody wants it after so many answers."""
    asked: list[int] = []
    with until(lambda: asked.append(0) or len(asked) > asked_before), pytest.raises(GivenUp):
        read_volume(path)
    return len(asked)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiff_is_given_up_between_two_pieces(tmp_path: Path, compression: str | None) -> None:
    pages = np.random.default_rng(0).integers(0, 255, (48, 512, 512), np.uint8)
    tifffile.imwrite(tmp_path / "stack.tif", pages, compression=compression, photometric="minisblack")
    times: list[int] = []

    with until(lambda: times.append(0) is not None):
        read_volume(tmp_path / "stack.tif")

    assert len(times) == 48 + 3, "once a page, when it is looked at for damage, and once a piece, of three"
    assert _ended_by(tmp_path / "stack.tif", len(times) - 1) == len(times)


def test_an_ome_zarr_is_given_up_between_two_slabs(tmp_path: Path) -> None:
    volume = Volume(np.zeros((1, 130, 256, 256), np.uint8), Grid.upright((130, 256, 256)), ("image",))
    write_volume(tmp_path / "scan.ome.zarr", volume)

    assert _ended_by(tmp_path / "scan.ome.zarr", 2) == 3, "64, 64 and 2 slices"


def test_a_folder_of_slices_is_given_up_between_two_of_them(tmp_path: Path) -> None:
    for number in range(5):
        Image.fromarray(np.full((4, 4), number, np.uint8)).save(tmp_path / f"slice_{number}.png")

    assert _ended_by(tmp_path, 2) == 3, "before the second, the third and the fourth"


def test_a_dicom_file_of_many_frames_is_given_up_between_two_of_them(tmp_path: Path) -> None:
    volume = Volume(np.arange(5 * 16, dtype=np.uint16).reshape(1, 5, 4, 4), Grid.upright((5, 4, 4)))
    write_volume(tmp_path / "scan.dcm", volume)

    assert _ended_by(tmp_path / "scan.dcm", 3) == 4, "after the header, then after each frame"
