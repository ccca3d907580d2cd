import numpy as np
import pytest
from PIL import Image

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.manifest import open_dataset


def picture(path, value=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 9), value, np.uint8)).save(path)


@pytest.mark.parametrize("shelf", ["", "images"])
def test_images_without_masks_are_cases_to_be_annotated(shelf, tmp_path):
    for name in ("a", "b"):
        picture(tmp_path / shelf / f"{name}.png")

    dataset = open_dataset(tmp_path)

    assert [case.id for case in dataset.cases] == ["a", "b"]
    assert dataset.tasks == {}
    assert dataset.split.train == ()


def test_an_empty_folder_is_no_dataset(tmp_path):
    with pytest.raises(DatasetProblem, match="images alone, to be annotated"):
        open_dataset(tmp_path)


def test_two_images_of_one_name_are_refused(tmp_path):
    picture(tmp_path / "a.png")
    picture(tmp_path / "a.tif")

    with pytest.raises(DatasetProblem, match="has the same name"):
        open_dataset(tmp_path)
