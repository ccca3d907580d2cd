"""What is true of a picture that a network is asked about."""

from pathlib import Path

import numpy as np

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Prediction
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import write_boxes
from napari_medkd.gui.answers import answer_of
from napari_medkd.gui.subject import KnownCase, truth_of
from tests.growing_dataset import copied, mask_of, paint_another_class
from tests.pictures import SIDE, write_pictures


def test_true_boxes_are_cut_to_the_image_as_they_are_to_teach(tmp_path):
    folder, grid = write_pictures(tmp_path / "cells", "cells", tasks="b"), Grid.upright((1, SIDE, SIDE), unit="pixel")
    dataset = open_dataset(folder)
    task, case = dataset.task("places"), dataset.cases[0]
    corners = np.array([[0, -4, 0, 1, 8, 8], [0, SIDE + 1, 0, 1, SIDE + 9, 8]], dtype=np.float64)
    write_boxes(folder / "boxes0.json", Boxes(corners, ("rectangle", "rectangle"), grid, task))

    found = truth_of(KnownCase(case, dataset, folder), task, grid)

    assert found.corners.tolist() == [[0, 0, 0, 1, 8, 8]]


def test_what_a_run_could_not_know_is_not_held_against_it(tiny_dataset: Path, tmp_path: Path) -> None:
    folder = copied(tiny_dataset, tmp_path / "data")
    before = mask_of(folder)
    said = before.labels.copy()
    said[0, -1, -1] = 1  # a ball where the corner is by now
    paint_another_class(folder)
    dataset = open_dataset(folder)

    truth = truth_of(KnownCase(dataset.case("case_0"), dataset, folder), before.task, before.grid)

    assert isinstance(truth, Mask)
    assert (np.count_nonzero(truth.labels == 1), np.count_nonzero(truth.labels == 3)) == ((before.labels == 1).sum(), 0)
    answer = Prediction(
        "case_0", before.task, before.grid, "run", "student.done", mask=Mask(said, before.grid, before.task)
    )
    assert [one.dice for one in answer_of(answer, before.grid, truth).measures] == [1.0, 1.0]
