import json

import numpy as np
import pytest

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import ScoredBoxes
from napari_medkd.core.task import Task
from napari_medkd.files import coco

CELLS = Task("cells", "detection", ("red", "white"))


def found(grid: Grid) -> ScoredBoxes:
    corners = np.array([[0, 10, 20, 1, 15, 22.5], [0, 0, 0, 1, 4, 8]])
    return ScoredBoxes(Boxes(corners, ("white", "red"), grid, CELLS), np.array([0.9, 0.25]))


def test_boxes_of_a_picture_are_annotations_of_its_image(tmp_path):
    coco.write(tmp_path / "boxes.json", found(Grid.upright((1, 40, 60), unit="pixel")), "smear.png", "student")

    document = json.loads((tmp_path / "boxes.json").read_text())
    assert document["images"] == [{"id": 1, "file_name": "smear.png", "width": 60, "height": 40}]
    assert document["categories"] == [{"id": 1, "name": "red"}, {"id": 2, "name": "white"}]
    first, second = document["annotations"]
    assert first == {
        "id": 1,
        "image_id": 1,
        "category_id": 2,
        "bbox": [20, 10, 2.5, 5],
        "area": 12.5,
        "iscrowd": 0,
        "score": 0.9,
    }
    assert second["bbox"] == [0, 0, 8, 4]
    assert document["info"]["description"] == "cells of smear.png, found by student"


def test_boxes_of_a_volume_are_refused_with_what_to_do_instead(tmp_path):
    with pytest.raises(VolumeProblem, match=r"volume of 3 x 40 x 60 voxels.*flat images alone.*CSV"):
        coco.write(tmp_path / "boxes.json", found(Grid.upright((3, 40, 60))), "scan", "student")

    assert list(tmp_path.iterdir()) == []
