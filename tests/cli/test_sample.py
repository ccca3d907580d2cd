from pathlib import Path

import pytest

from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.volume import Modality
from napari_medkd.files.manifest import open_dataset, write_dataset
from tests.cli.conftest import Medkd


def test_the_sample_is_written_and_its_manifest_told(tmp_path: Path, medkd: Medkd):
    answer = medkd("sample", tmp_path / "s", "--cases-per-domain", "3", "--shape", "16,16,16")

    assert answer.code == 0
    assert Path(answer.out.strip()) == tmp_path / "s" / "medkd-dataset.json"
    assert len(open_dataset(tmp_path / "s").cases) == 9


@pytest.mark.parametrize("shape", ["64", "64,64,x", "0,64,64", "64,64,64,64"])
def test_a_shape_that_is_none_is_refused(tmp_path: Path, medkd: Medkd, shape: str):
    answer = medkd("sample", tmp_path / "s", "--shape", shape)

    assert answer.code == 2
    assert not (tmp_path / "s").exists()


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path, medkd: Medkd):
    (tmp_path / "medkd-dataset.json").write_text("mine", encoding="utf-8")

    answer = medkd("sample", tmp_path, "--cases-per-domain", "3", "--shape", "16,16,16")

    assert answer.code == 2
    assert (tmp_path / "medkd-dataset.json").read_text(encoding="utf-8") == "mine"


def test_a_dataset_that_is_no_sample_is_left_alone(tmp_path: Path, medkd: Medkd):
    mine = Dataset(
        name="phantoms",
        channels=("image",),
        modality=Modality.CT,
        tasks={},
        cases=(Case("liver_01", (tmp_path / "liver_01.nii.gz",), "patient 1", domain="ct-like"),),
    )
    before = write_dataset(mine, tmp_path).read_bytes()

    answer = medkd("sample", tmp_path, "--cases-per-domain", "3", "--shape", "16,16,16")

    assert answer.code == 2
    assert "Choose a new or an empty folder." in answer.err
    assert (tmp_path / "medkd-dataset.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["medkd-dataset.json"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, medkd: Medkd):
    (tmp_path / "file").write_text("", encoding="utf-8")

    answer = medkd("sample", tmp_path / "file" / "s", "--cases-per-domain", "3", "--shape", "16,16,16")

    assert answer.code == 2
    assert str(tmp_path / "file") in answer.err
