"""What is true of a case, for a network that learned the task before a class was added to it."""

from pathlib import Path

import numpy as np

from napari_medkd.core.annotation import Mask
from napari_medkd.core.prediction import Prediction
from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.answers import answer_of
from napari_medkd.gui.subject import KnownCase, truth_of
from tests.growing_dataset import copied, mask_of, paint_another_class


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
