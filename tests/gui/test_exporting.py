import csv
import json
from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.errors import InputProblem
from napari_medkd.core.grid import Grid
from napari_medkd.files.opening import read_mask
from napari_medkd.gui.exporting import export_coco, export_masks, export_tables
from tests.gui.answered import ORGANS, boxed, graded, masked, signed

PICTURE = Grid.upright((1, 40, 60), unit="pixel")
VOLUME = Grid.upright((8, 10, 12), (4.0, 1.0, 0.5))
FOUND = [(0, 10, 20, 1, 20, 40), (0, 0, 0, 1, 4, 4)]


def rows_in(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_one_table_is_written_under_the_name_that_was_chosen(tmp_path):
    path = tmp_path / "scores.csv"

    assert export_tables([graded(PICTURE, 0.75, "malignant")], path, 0.5, 0.5) == [path]

    benign, malignant = rows_in(path)
    assert (benign["class"], benign["score"], benign["chosen"], benign["true"]) == ("benign", "0.25", "0", "0")
    assert (malignant["network"], malignant["chosen"], malignant["true"]) == ("student", "1", "1")


def test_several_tables_get_their_names_behind_the_files(tmp_path):
    answers = [
        masked(PICTURE, np.zeros(PICTURE.shape, np.uint8), None),
        graded(PICTURE, 0.75),
        boxed(PICTURE, FOUND, [0.9, 0.8]),
    ]

    files = export_tables(answers, tmp_path / "case.csv", 0.5, 0.5)

    assert [file.name for file in files] == ["case-measures.csv", "case-scores.csv", "case-boxes.csv"]
    assert all(file.is_file() for file in files)


def test_the_class_threshold_decides_what_the_table_calls_chosen(tmp_path):
    answer = signed(PICTURE, 0.6, 0.4, {"nodule"})

    chosen = []
    for threshold in (0.3, 0.5, 0.9):
        export_tables([answer], tmp_path / "t.csv", 0.5, threshold)
        chosen.append([row["chosen"] for row in rows_in(tmp_path / "t.csv")])

    assert chosen == [["1", "1"], ["1", "0"], ["0", "0"]]


def test_boxes_are_written_in_voxels_and_millimetres_and_missed_ones_too(tmp_path):
    corners = [(1, 2, 4, 3, 6, 8), (0, 0, 0, 1, 1, 1)]
    answer = boxed(VOLUME, corners, [0.9, 0.2], truth=[(1, 2, 4, 3, 6, 8), (5, 5, 5, 7, 7, 7)])

    export_tables([answer], tmp_path / "boxes.csv", 0.5, 0.5)

    found, missed = rows_in(tmp_path / "boxes.csv")
    assert [found[name] for name in ("z0", "y0", "x0", "z1", "y1", "x1")] == ["1.0", "2.0", "4.0", "3.0", "6.0", "8.0"]
    assert [found[name] for name in ("size_z", "size_y", "size_x", "unit")] == ["8.0", "4.0", "2.0", "mm"]
    # The middle is voxel (1.5, 3.5, 5.5); indices grow to Inferior, Posterior, Left, by 4, 1 and 0.5 mm.
    centre = [float(found[f"centre_{way}"]) for way in ("right", "anterior", "superior")]
    assert centre == [-2.75, -3.5, -6.0]
    assert (found["state"], found["iou"], found["score"]) == ("true", "1.0", "0.9")
    assert (missed["state"], missed["iou"], missed["score"], missed["class"]) == ("missed", "", "", "tumour")


def test_only_the_boxes_that_are_shown_are_exported_as_coco(tmp_path):
    answer = boxed(PICTURE, FOUND, [0.9, 0.3])

    [file] = export_coco([answer], tmp_path / "boxes.json", 0.5, "scan.png")

    document = json.loads(file.read_text())
    assert [one["bbox"] for one in document["annotations"]] == [[20, 10, 20, 10]]
    assert document["images"][0]["file_name"] == "scan.png"


def test_two_networks_boxes_are_two_coco_files(tmp_path):
    answers = [boxed(PICTURE, FOUND, [0.9, 0.3], stage=stage) for stage in ("student", "teacher")]

    files = export_coco(answers, tmp_path / "boxes.json", 0.0)

    assert [file.name for file in files] == ["boxes-student.json", "boxes-teacher.json"]
    assert json.loads(files[0].read_text())["images"][0]["file_name"] == "patient"


def test_boxes_of_a_volume_are_no_coco(tmp_path):
    with pytest.raises(InputProblem, match="flat images alone"):
        export_coco([boxed(VOLUME, [(0, 0, 0, 1, 1, 1)], [0.9])], tmp_path / "boxes.json", 0.0)

    assert list(tmp_path.iterdir()) == []


def test_what_was_not_answered_cannot_be_exported_and_the_message_says_what_can(tmp_path):
    answer = graded(PICTURE, 0.5)

    with pytest.raises(InputProblem, match="None of the answers has boxes"):
        export_coco([answer], tmp_path / "boxes.json", 0.0)
    with pytest.raises(InputProblem, match="None of the answers is a mask"):
        export_masks([answer], tmp_path / "mask.png")


@pytest.mark.parametrize(("grid", "name"), [(PICTURE, "mask.png"), (VOLUME, "mask.nii.gz")], ids=["PNG", "NIfTI"])
def test_masks_are_written_on_the_images_grid(tmp_path, grid, name):
    labels = np.zeros(grid.shape, np.uint8)
    labels[0, 2:5, 3:9] = 1

    files = export_masks([masked(grid, labels, None), masked(grid, 1 - labels, None, "teacher")], tmp_path / name)

    stem, suffix = name.split(".", 1)
    assert [file.name for file in files] == [f"{stem}-student.{suffix}", f"{stem}-teacher.{suffix}"]
    back = read_mask(files[0], ORGANS, grid=grid)
    np.testing.assert_array_equal(back.labels, labels)


def test_a_picture_format_refuses_the_mask_of_a_volume(tmp_path):
    with pytest.raises(InputProblem, match=r"mask\.png"):
        export_masks([masked(VOLUME, np.zeros(VOLUME.shape, np.uint8), None)], tmp_path / "mask.png")


@pytest.mark.parametrize("agrees", [True, False])
def test_files_that_nobody_chose_are_replaced_only_where_that_is_agreed_to(tmp_path, agrees):
    empty = np.zeros(PICTURE.shape, np.uint8)
    answers = [masked(PICTURE, empty, None), masked(PICTURE, empty, None, "teacher")]
    answers += [boxed(PICTURE, FOUND, [0.9, 0.3], stage=stage) for stage in ("student", "teacher")]
    mine = [tmp_path / name for name in ("case-teacher.png", "case-boxes.csv", "case-student.json")]
    for file in mine:
        file.write_text("mine")
    asked = []

    def may_replace(files):
        asked.extend(files)
        return agrees

    saved = [
        export_masks(answers, tmp_path / "case.png", may_replace),
        export_tables(answers, tmp_path / "case.csv", 0.5, 0.5, may_replace),
        export_coco(answers, tmp_path / "case.json", 0.0, "", may_replace),
    ]

    assert asked == mine
    assert [len(files) for files in saved] == ([2, 2, 2] if agrees else [0, 0, 0])
    assert [file.read_bytes() == b"mine" for file in mine] == [not agrees] * 3
    assert len(list(tmp_path.iterdir())) == (6 if agrees else 3)


def test_the_file_that_was_chosen_is_replaced_without_another_question(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text("mine")

    assert export_tables([graded(PICTURE, 0.75)], path, 0.5, 0.5) == [path]
