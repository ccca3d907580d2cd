"""The image a network is asked about."""

import numpy as np

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.grid import Grid
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import write_boxes
from napari_medkd.gui.subject import KnownCase, truth_of
from tests.pictures import SIDE, write_pictures


def test_true_boxes_are_cut_to_the_image_as_they_are_to_teach(tmp_path):
    folder, grid = write_pictures(tmp_path / "cells", "cells", tasks="b"), Grid.upright((1, SIDE, SIDE), unit="pixel")
    dataset = open_dataset(folder)
    task, case = dataset.task("places"), dataset.cases[0]
    corners = np.array([[0, -4, 0, 1, 8, 8], [0, SIDE + 1, 0, 1, SIDE + 9, 8]], dtype=np.float64)
    write_boxes(folder / "boxes0.json", Boxes(corners, ("rectangle", "rectangle"), grid, task))

    found = truth_of(KnownCase(case, dataset, folder), task, grid)

    assert found.corners.tolist() == [[0, 0, 0, 1, 8, 8]]
