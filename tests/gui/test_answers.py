import csv
import io
import math
from pathlib import Path

import dask.array
import numpy as np
import pytest
from numpy.typing import NDArray

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.task import Task
from napari_medkd.files.opening import read_mask, write_mask
from napari_medkd.files.results import read_prediction, write_prediction
from napari_medkd.gui.answers import Answer, answer_of, place_of
from napari_medkd.gui.box_rows import rows_of, summary_of
from napari_medkd.gui.panels import difference
from napari_medkd.gui.tables import measures_table
from tests.gui.answered import boxed

TASK = Task("organs", "segmentation", ("background", "liver", "spleen", "kidney"), ignore=255)
GRID = Grid.upright((4, 6, 8), (3.0, 2.0, 1.0))


def _prediction(labels: NDArray[np.uint8], grid: Grid = GRID, shown: str = "image") -> Prediction:
    return Prediction("patient", TASK, grid, "a-run", "student.done", Mask(labels, grid, TASK), shown=shown)


@pytest.fixture
def labels() -> NDArray[np.uint8]:
    labels = np.zeros(GRID.shape, np.uint8)
    labels[1:3, 1:5, 2:6] = 1
    labels[0, 0, 0] = 2
    return labels


@pytest.fixture
def answer(labels: NDArray[np.uint8]) -> Answer:
    truth = labels.copy()
    truth[0, 0, 0] = 0
    return answer_of(_prediction(labels), GRID, Mask(truth, GRID, TASK))


def test_every_class_is_measured_in_millimetres_and_millilitres(answer: Answer) -> None:
    liver, spleen, kidney = answer.measures

    assert liver.dice == 1
    assert liver.volume == pytest.approx(32 * 6e-3)
    assert spleen.dice == 0
    assert math.isinf(spleen.hd95)
    assert math.isnan(kidney.dice)
    assert {one.distance_unit for one in answer.measures} == {"mm"}


def test_voxels_that_count_nowhere_are_left_out(labels: NDArray[np.uint8]) -> None:
    truth = labels.copy()
    truth[0] = 255

    answer = answer_of(_prediction(labels), GRID, Mask(truth, GRID, TASK))

    assert math.isnan(answer.measures[1].dice), "the only spleen voxel lies where nothing counts"


def test_an_answer_on_another_grid_is_brought_to_the_image(labels: NDArray[np.uint8]) -> None:
    fine = Grid.upright((8, 12, 16), (1.5, 1.0, 0.5))
    affine = fine.affine.copy()
    affine[:3, 3] = GRID.to_world(np.array([[-0.25, -0.25, -0.25]]))[0]
    fine = Grid(fine.shape, affine)
    doubled = labels.repeat(2, axis=0).repeat(2, axis=1).repeat(2, axis=2)

    answer = answer_of(_prediction(doubled, fine), GRID, Mask(labels, GRID, TASK))

    np.testing.assert_array_equal(answer.labels, labels)
    assert answer.measures[0].dice == 1


def test_an_answer_is_titled_with_what_the_network_was_shown(labels: NDArray[np.uint8]) -> None:
    shown = {"class means of the student mask": "class means of the student's mask", "label map of the true mask": ""}

    titles = [answer_of(_prediction(labels, shown=one), GRID, None).title for one in shown]

    assert titles == ["student, given class means of the student's mask", "student, given label map of the true mask"]


def test_the_place_of_a_class_is_a_voxel_of_it_near_its_middle() -> None:
    ring = np.zeros((3, 9, 9), np.uint8)
    ring[1] = 1
    ring[1, 1:8, 1:8] = 0

    found = place_of(ring, 1)

    assert found is not None
    assert ring[found] == 1
    assert found[0] == 1
    assert place_of(ring, 2) is None


def test_the_place_of_a_class_on_the_disk_is_found_across_its_blocks() -> None:
    labels = np.zeros((300, 4, 200), np.uint8)
    labels[100:201, 2, 150] = 2

    assert place_of(dask.array.from_array(labels, chunks=64), 2) == (150, 2, 150)


def test_a_mask_too_large_for_memory_is_measured_and_compared(
    labels: NDArray[np.uint8], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for limit in ("opening.MOST_VOXELS_HELD", "ome_zarr.LARGE_BYTES"):
        monkeypatch.setattr(f"napari_medkd.files.{limit}", 100)
    truth = labels.copy()
    truth[0, 0] = 255
    write_mask(tmp_path / "truth.ome.zarr", Mask(truth, GRID, TASK))
    known = read_mask(tmp_path / "truth.ome.zarr", TASK, grid=GRID)

    found = read_prediction(write_prediction(_prediction(labels), tmp_path))
    answer = answer_of(found, GRID, known)

    assert answer.prediction.mask is not None
    assert answer.prediction.mask.is_on_disk
    assert repr(answer.measures) == repr(answer_of(_prediction(labels), GRID, Mask(truth, GRID, TASK)).measures)
    assert place_of(answer.labels, 2) == (0, 0, 0)
    expected = difference(labels, truth)
    np.testing.assert_array_equal(difference(answer.labels, known.labels), expected)


def test_the_csv_has_a_line_for_every_class_and_says_who_was_shown_what(answer: Answer) -> None:
    rows = list(csv.DictReader(io.StringIO(measures_table([answer]))))

    assert [row["class"] for row in rows] == ["liver", "spleen", "kidney"]
    assert rows[0] | {"dice": "1.0", "distance_unit": "mm", "volume_unit": "ml", "run": "a-run"} == rows[0]
    assert {row["shown"] for row in rows} == {"image"}
    assert rows[1]["hd95"] == "inf"
    assert rows[2]["dice"] == "nan"


def test_without_a_truth_the_csv_has_volumes_only(labels: NDArray[np.uint8]) -> None:
    rows = list(csv.DictReader(io.StringIO(measures_table([answer_of(_prediction(labels), GRID, None)]))))

    assert rows[0]["dice"] == rows[0]["hd95"] == rows[0]["truth_volume"] == ""
    assert float(rows[0]["volume"]) == pytest.approx(0.192)


def test_boxes_are_paired_with_the_true_ones_and_described_in_words() -> None:
    true = [(0.0, 0, 0, 2, 2, 2), (2.0, 3, 4, 4, 6, 8)]
    answer = boxed(GRID, [(0, 0, 0, 2, 2, 2), (2, 3, 4, 3, 4, 5), (2, 0, 0, 4, 2, 2)], [0.9, 0.6, 0.5], truth=true)

    assert answer.boxes is not None
    assert summary_of(answer.boxes, 0.0) == "3 of 3 boxes · 1 of 2 true boxes found, 2 extra"
    assert summary_of(answer.boxes, 0.7) == "1 of 3 boxes · 1 of 2 true boxes found, 0 extra"
    rows = rows_of(answer.boxes, 0.55)
    assert [row.state for row in rows] == ["true", "extra", "missed"]
    assert rows[0].size.tolist() == [6, 4, 2]
    assert rows[0].middle == (0.5, 0.5, 0.5)


def test_boxes_without_a_truth_are_neither_true_nor_extra() -> None:
    answer = boxed(GRID, [(0, 0, 0, 2, 2, 2)], [0.9])

    assert answer.boxes is not None
    assert [row.state for row in rows_of(answer.boxes, 0.0)] == ["unknown"]
    assert "truth not known" in summary_of(answer.boxes, 0.0)


def test_boxes_on_another_grid_are_brought_to_the_image_with_their_scores() -> None:
    affine = GRID.affine.copy()
    affine[:3, 3] = GRID.to_world(np.array([[0.0, 2.0, 0.0]]))[0]
    lower = Grid(GRID.shape, affine)
    said = boxed(lower, [(0, 0, 0, 1, 2, 3), (0, 4, 0, 1, 6, 3)], [0.4, 0.9]).prediction

    boxes = answer_of(said, GRID, None).boxes

    assert boxes is not None
    # Row 0 of the lower grid is row 2 of the image; its rows 4 and 5 are outside.
    np.testing.assert_allclose(boxes.found.boxes.corners, [[0, 2, 0, 1, 4, 3]])
    assert boxes.found.scores.tolist() == [0.4]
