import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_medkd.files.giving_up import GivenUp, go_on_if_wanted, until
from napari_medkd.files.opening import read_volume
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
