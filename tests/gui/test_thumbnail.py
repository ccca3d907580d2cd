from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import InputProblem
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.files.opening import read_volume
from napari_medkd.files.results import write_prediction

pytest.importorskip("napari.layers")

from napari_medkd.gui.thumbnail import SIDE, largest_slice, thumbnail_of

TASK = Task("shapes", "segmentation", ("background", "ball"), colours=("#ff0000",))
RED = (255, 0, 0)


def dataset_with(path: Path, channels: tuple[str, ...] = ("image",), task: Task = TASK) -> Dataset:
    return Dataset("d", channels, Modality.MR, {task.name: task}, (Case("case_0", (path,), "case_0"),))


def volume_at(folder: Path, array_ZYX: np.ndarray, spacing=(1.0, 1.0, 1.0)) -> Path:
    """Write a volume so that it is read with these indices: they grow towards inferior, posterior, left."""
    z, y, x = spacing
    affine = np.array([[0, 0, -x, 0], [0, -y, 0, 0], [-z, 0, 0, 0], [0, 0, 0, 1]], dtype=float)
    nibabel.save(nibabel.Nifti1Image(array_ZYX.astype(np.float32), affine), folder / "scan.nii.gz")
    return folder / "scan.nii.gz"


def answered(folder: Path, path: Path, labels_ZYX: np.ndarray, task: Task = TASK) -> Path:
    grid = read_volume(path).grid
    mask = Mask(labels_ZYX.astype(np.uint8), grid, task)
    return write_prediction(Prediction("case_0", task, grid, "run", "student.done", mask=mask), folder / "answers")


def made(dataset: Dataset, answer: Path):
    return thumbnail_of(dataset, dataset.cases[0], answer)


def corner_volume() -> np.ndarray:
    """Return a volume that is bright at the front on the right, in every slice."""
    array = np.zeros((6, 20, 30))
    array[:, :10, :15] = 100
    return array


def test_the_slice_with_most_foreground_is_shown_and_the_middle_one_where_there_is_none():
    labels = np.zeros((5, 4, 4), np.uint8)
    assert largest_slice(labels) == 2

    labels[1, 0, :2], labels[3, :3, 0], labels[4, 0, 0] = 1, 2, 1

    assert largest_slice(labels) == 3


def test_a_slice_stands_upright_in_the_window_of_the_canvas_and_the_proportions_of_space(tmp_path: Path):
    path = volume_at(tmp_path, corner_volume(), spacing=(3.0, 2.0, 1.0))

    thumbnail = made(dataset_with(path), answered(tmp_path, path, np.zeros((6, 20, 30))))

    assert thumbnail.z == 3
    assert thumbnail.pixels.shape == (SIDE, 144, 3)  # 40 mm high, 30 mm wide
    assert (thumbnail.pixels[20, 20] == 255).all()
    assert (thumbnail.pixels[20, -20] == 0).all()
    assert (thumbnail.pixels[-20, 20] == 0).all()


def test_the_mask_is_outlined_in_the_colour_of_its_class_and_faint_inside(tmp_path: Path):
    labels = np.zeros((6, 20, 30))
    labels[1, 10:18, 15:25] = 1
    path = volume_at(tmp_path, corner_volume())

    thumbnail = made(dataset_with(path), answered(tmp_path, path, labels))

    scale = SIDE / 30
    left, top = round(15 * scale), round(10 * scale)
    assert thumbnail.z == 1
    assert tuple(thumbnail.pixels[top + 20, left]) == RED
    assert tuple(thumbnail.pixels[top + 25, left + 30]) == (64, 0, 0)
    assert tuple(thumbnail.pixels[top + 20, left - 3]) != RED


def test_the_datasets_colours_count_more_than_those_the_network_was_trained_with(tmp_path: Path):
    labels = np.zeros((6, 20, 30))
    labels[2, 10:18, 15:25] = 1
    path = volume_at(tmp_path, corner_volume())
    answer = answered(tmp_path, path, labels, replace(TASK, colours=("#0000ff",)))

    pixels = made(dataset_with(path), answer).pixels

    assert (pixels == RED).all(axis=-1).any()
    assert not (pixels == (0, 0, 255)).all(axis=-1).any()


def test_a_picture_in_colour_keeps_its_colours(tmp_path: Path):
    picture = np.zeros((10, 20, 3), np.uint8)
    picture[:, :10] = (0, 200, 50)
    path = tmp_path / "photo.png"
    Image.fromarray(picture).save(path)
    dataset = replace(dataset_with(path, ("red", "green", "blue")), modality=Modality.OTHER)

    thumbnail = made(dataset, answered(tmp_path, path, np.zeros((1, 10, 20))))

    assert thumbnail.pixels.shape == (SIDE // 2, SIDE, 3)
    assert tuple(thumbnail.pixels[10, 10]) == (0, 200, 50)


def test_an_image_that_is_gone_is_told(tmp_path: Path):
    path = volume_at(tmp_path, corner_volume())
    answer = answered(tmp_path, path, np.zeros((6, 20, 30)))
    path.unlink()

    with pytest.raises(InputProblem):
        made(dataset_with(path), answer)
