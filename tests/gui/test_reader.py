from pathlib import Path

import nibabel
import numpy as np
import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.task import Task
from napari_medkd.files.results import write_prediction
from napari_medkd.gui.reader import get_reader

pytest.importorskip("napari")


def _save(array: np.ndarray, path: Path, affine: np.ndarray | None = None) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, np.diag([1.0, 1.0, 2.0, 1.0]) if affine is None else affine), path)
    return path


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    values = np.random.default_rng(0).normal(100, 20, (6, 5, 4)).astype(np.int16)
    return _save(values, tmp_path / "scan.nii.gz")


@pytest.mark.parametrize("name", ["photo.png", "notes.txt", "stack.tif", "dataset.json", "archive.gz", "nifti", ""])
def test_the_reader_says_none_to_what_is_not_ours(tmp_path: Path, name: str) -> None:
    assert get_reader(str(tmp_path / name)) is None


@pytest.mark.parametrize("name", ["scan.nii", "SCAN.NII.GZ"])
def test_the_reader_takes_nifti_by_its_name_alone(name: str) -> None:
    assert get_reader(name) is not None
    assert get_reader([name, name]) is not None


def test_an_image_opens_as_an_image_that_remembers_its_file(scan: Path) -> None:
    reader = get_reader(str(scan))

    assert reader is not None
    [(data, keywords, kind)] = reader(str(scan))
    assert kind == "image"
    assert data.shape == (4, 5, 6)
    assert keywords["name"] == "scan"
    assert keywords["metadata"]["medkd"]["source"] == str(scan)
    assert keywords["metadata"]["medkd"]["grid"]["axes_in_file"] == "RAS"


def test_several_files_open_as_several_layers(scan: Path, tmp_path: Path) -> None:
    mask = _save(np.ones((6, 5, 4), np.uint8), tmp_path / "scan_seg.nii.gz")
    reader = get_reader([str(scan), str(mask)])

    assert reader is not None
    assert [kind for _, _, kind in reader([str(scan), str(mask)])] == ["image", "labels"]


def test_whole_numbers_of_few_values_open_as_labels(tmp_path: Path) -> None:
    labels = np.zeros((6, 5, 4), np.uint8)
    labels[2:4] = 3
    path = _save(labels, tmp_path / "something.nii.gz")
    reader = get_reader(str(path))

    assert reader is not None
    [(data, keywords, kind)] = reader(str(path))
    assert kind == "labels"
    assert data.dtype == np.uint8
    assert keywords["metadata"]["medkd"]["task"]["classes"] == ("background", "label 1", "label 2", "label 3")


@pytest.mark.parametrize(("name", "kind"), [("aseg.nii.gz", "labels"), ("t1.nii.gz", "image")])
def test_many_whole_numbers_are_labels_only_where_the_name_says_so(tmp_path: Path, name: str, kind: str) -> None:
    values = np.arange(120, dtype=np.int16).reshape(6, 5, 4)
    path = _save(values, tmp_path / name)
    reader = get_reader(str(path))

    assert reader is not None
    assert [found for _, _, found in reader(str(path))] == [kind]


def test_a_header_that_says_labels_is_believed(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.arange(120, dtype=np.int16).reshape(6, 5, 4), np.eye(4))
    image.header.set_intent("label")
    nibabel.save(image, tmp_path / "t1.nii")
    reader = get_reader(str(tmp_path / "t1.nii"))

    assert reader is not None
    assert [kind for _, _, kind in reader(str(tmp_path / "t1.nii"))] == ["labels"]


def test_a_dataset_opens_as_its_first_case_with_the_truth_over_it(tiny_dataset: Path) -> None:
    reader = get_reader(str(tiny_dataset))

    assert reader is not None
    layers = reader(str(tiny_dataset))
    assert [kind for _, _, kind in layers] == ["image", "labels"]
    assert layers[0][1]["metadata"]["medkd"]["case"] == "case_0"
    assert layers[1][1]["metadata"]["medkd"]["is_truth"]
    assert layers[1][1]["metadata"]["medkd"]["task"]["classes"] == ("background", "ball", "cube")


def test_a_prediction_opens_from_its_folder_and_from_its_file(tmp_path: Path) -> None:
    grid = Grid.upright((4, 5, 6), (2.0, 1.0, 1.0))
    task = Task("organs", "segmentation", ("background", "liver"))
    mask = Mask(np.ones(grid.shape, np.uint8), grid, task)
    folder = write_prediction(Prediction("patient", task, grid, "run", "student.done", mask), tmp_path)

    for path in (folder, folder / "prediction.json"):
        reader = get_reader(str(path))
        assert reader is not None
        [(data, keywords, kind)] = reader(str(path))
        assert kind == "labels"
        assert keywords["name"] == "patient · student.done"
        np.testing.assert_array_equal(data, 1)


def test_a_damaged_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "torn.nii.gz"
    path.write_bytes(b"\x1f\x8b no gzip")
    reader = get_reader(str(path))

    assert reader is not None
    with pytest.raises(VolumeProblem, match=r"torn\.nii\.gz") as refusal:
        reader(str(path))
    assert refusal.value.problems[0].hint


@pytest.mark.gui
def test_a_large_file_is_shown_in_planes_and_in_space_from_the_disk(tmp_path, make_napari_viewer_proxy):
    path = _save(np.broadcast_to(np.arange(330, dtype=np.int16), (330, 330, 330)), tmp_path / "large.nii")
    viewer = make_napari_viewer_proxy()

    (layer,) = viewer.open(str(path), plugin="napari-medkd")
    viewer.dims.ndisplay = 3

    assert isinstance(layer.data, np.memmap)
    assert layer.contrast_limits[1] > 250


def test_a_large_mask_that_is_scaled_in_its_file_is_seen_to_be_one_without_being_held(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_medkd.files.nifti_voxels.LARGE_BYTES", 1000)
    labels = np.zeros((20, 30, 40), np.int16)
    labels[5:9, 5:9, 5:9] = 1
    image = nibabel.Nifti1Image(labels, np.eye(4))
    image.header.set_slope_inter(2, 0)
    file = tmp_path / "scan_label.nii"
    image.to_filename(file)

    [(_, _, kind)] = get_reader(str(file))(str(file))

    assert kind == "labels"
