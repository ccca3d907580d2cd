"""The manifest and the box file of docs/data.md are read as the page says."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files.manifest import MANIFEST, open_dataset, problems_of_dataset
from napari_medkd.files.opening import read_boxes, read_mask, write_mask, write_volume

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
GRID = Grid.upright((8, 20, 24))
STORED = Task("stored", "segmentation", tuple("0123456789"))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """What the page describes, with the files that it names."""
    manifest, box_file = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    for name in ("images", "masks", "boxes"):
        (tmp_path / name).mkdir()
    for case in json.loads(manifest)["cases"]:
        write_volume(tmp_path / case["images"][0], Volume(np.zeros((1, *GRID.shape), np.int16), GRID))
    labels = np.zeros(GRID.shape, np.uint8)
    labels[0, 0, :5] = (0, 1, 2, 3, 9)
    write_mask(tmp_path / "masks/anna_1.nii.gz", Mask(labels, GRID, STORED))
    (tmp_path / "boxes/anna_1.json").write_text(box_file)
    (tmp_path / MANIFEST).write_text(manifest)
    return open_dataset(tmp_path)


def test_the_dataset_has_no_problem(dataset: Dataset):
    assert problems_of_dataset(dataset, read_images=True) == []
    assert (dataset.split.train, dataset.split.validate) == (("anna_1",), ("ben_1",))


def test_labels_are_read_as_others_and_ignored(dataset: Dataset):
    path, task = dataset.case("anna_1").annotations["tissue"], dataset.task("tissue")

    mask = read_mask(Path(str(path)), task, label_map=dataset.label_maps["tissue"])

    assert mask.labels[0, 0, :5].tolist() == [0, 1, 2, 2, 255]
    assert task.ignore == 255


def test_several_classes_may_be_present_unknown_or_absent(dataset: Dataset):
    anna, ben = (dataset.case(name).annotations["findings"] for name in ("anna_1", "ben_1"))

    assert (anna.present, anna.unknown) == ({"effusion"}, {"edema"})
    assert (ben.present, ben.unknown) == (set(), set())


def test_a_box_has_its_corners_in_voxels(dataset: Dataset):
    boxes = read_boxes(dataset.folder / "boxes/anna_1.json", dataset.task("nodules"), GRID)

    assert (boxes.classes, boxes.corners.tolist()) == (("nodule",), [[3, 10, 12, 6, 15, 20]])
