"""Images whose header leaves their position in doubt are told of, and used."""

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_medkd.core.grid import Grid
from napari_medkd.core.status import status_of
from napari_medkd.core.volume import Volume
from napari_medkd.files.opening import write_volume
from napari_medkd.runs.folder import RunFolder
from tests.cli.conftest import Medkd


@pytest.fixture
def unplaced(tiny_dataset: Path, tmp_path: Path) -> Path:
    """The tiny dataset without any orientation in its headers."""
    for path in sorted(tiny_dataset.glob("*/*.nii.gz")):
        image = nibabel.load(path)
        image.set_sform(None, 0)
        image.set_qform(None, 0)
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        nibabel.save(image, tmp_path / path.parent.name / path.name)
    (tmp_path / "medkd-dataset.json").write_bytes((tiny_dataset / "medkd-dataset.json").read_bytes())
    return tmp_path


def test_a_doubt_is_a_remark_of_the_check_and_no_problem(unplaced: Path, medkd: Medkd):
    answer = medkd("check", unplaced)

    assert answer.code == 0
    assert "case_0.nii.gz: The header stores no orientation" in answer.err
    assert "no problem found, and 6 remarks" in answer.out


def test_the_problems_of_a_program_hold_no_remark(unplaced: Path, medkd: Medkd):
    answer = medkd("check", unplaced, "--json")

    assert (answer.code, json.loads(answer.out)) == (0, [])
    assert "stores no orientation" in answer.err


def test_unopened_files_are_not_doubted(unplaced: Path, medkd: Medkd):
    assert medkd("check", unplaced, "--files-only").err == ""


def test_a_doubt_is_a_remark_of_a_preview(unplaced: Path, medkd: Medkd):
    answer = medkd("import", unplaced / "images", "--preview", "--json")

    document = json.loads(answer.out)
    assert (answer.code, document["problems"]) == (0, [])
    assert [row["where"] for row in document["remarks"]][-6:] == [f"cases.case_{n}" for n in range(6)]


def test_an_image_in_pixels_that_this_program_wrote_itself_is_no_problem(tmp_path: Path, medkd: Medkd):
    flat = Volume(np.zeros((1, 1, 8, 8), np.uint8), Grid.upright((1, 8, 8), unit="pixel"))
    write_volume(tmp_path / "images" / "a.ome.zarr", flat)

    answer = medkd("check", tmp_path / "images")

    assert answer.code == 0
    assert "no unit of length" in answer.err


@pytest.mark.engine
def test_training_notices_each_kind_of_doubt_once_and_goes_on(unplaced: Path, tmp_path: Path, medkd: Medkd):
    quick = ("--method", "supervised", "--widths", "4,8", "--epochs", 1, "--steps-per-epoch", 1, "--device", "cpu")

    answer = medkd("train", "--runs-folder", tmp_path / "runs", "--data", unplaced, *quick)

    assert answer.code == 0, answer.err
    (notice,) = status_of(RunFolder(Path(answer.out.strip())).events()).notices
    assert "case_0.nii.gz: The header stores no orientation" in notice
    assert "So it is with 5 more" in notice
