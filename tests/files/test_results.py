import json
import re
from dataclasses import replace

import nibabel
import numpy as np
import pytest

from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.errors import InputProblem, SpecProblem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Attention, ClassScores, Prediction, ScoredBoxes
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Volume
from napari_medkd.files import results
from napari_medkd.files.opening import write_volume
from napari_medkd.files.results import (
    predictions_in,
    read_prediction,
    record_of,
    refuse_to_replace_others,
    write_prediction,
)

ORGANS = Task("organs", "segmentation", ("background", "liver", "spleen"), ignore=255)
GRADE = Task("grade", "classification", ("benign", "malignant"))
FOUND = Task("found", "detection", ("nodule",))
OBLIQUE = Grid(
    (2, 3, 4),
    np.array([[0, 0.1, -0.7, 12.3], [0.2, -0.7, 0, -7], [-3, 0, 0.1, 99.9], [0, 0, 0, 1]]),
    axes_in_file="LPS",
)
#: Pixels that have sizes and a place, as in an OME-Zarr whose axes have a scale but no unit.
PLACED = Grid((2, 3, 4), np.array([[0, 0, -0.5, 7.0], [0, -0.5, 0, -9], [-2, 0, 0, 1], [0, 0, 0, 1]]), "pixel")
PLACED_PICTURE = Grid((1, 3, 4), PLACED.affine, "pixel")


def prediction(task: Task, grid: Grid = OBLIQUE, case: str = "liver_012", **said: object) -> Prediction:
    return Prediction(case, task, grid, made_by="2026-11-21_run", checkpoint="student.best", **said)


def masked(grid: Grid = OBLIQUE, case: str = "liver_012") -> Prediction:
    labels = (np.arange(np.prod(grid.shape)).reshape(grid.shape) % 3).astype(np.uint8)
    return prediction(ORGANS, grid, case, mask=Mask(labels, grid, ORGANS))


def raising(error):
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("grid", "name"),
    [
        (OBLIQUE, "mask.nii.gz"),
        (Grid.upright((1, 3, 4), unit="pixel"), "mask.png"),
        (Grid.upright((2, 3, 4), unit="pixel"), "mask.tif"),
        (PLACED, "mask.nrrd"),
        (PLACED_PICTURE, "mask.nrrd"),
    ],
    ids=["volume", "picture", "stack", "placed stack", "placed picture"],
)
def test_a_mask_is_read_back_on_its_grid(tmp_path, grid, name):
    first = masked(grid)

    folder = write_prediction(first, tmp_path)

    second = read_prediction(folder)
    assert sorted(path.name for path in folder.iterdir()) == [name, "prediction.json"]
    np.testing.assert_array_equal(second.mask.labels, first.mask.labels)
    np.testing.assert_array_equal(second.grid.affine, grid.affine)
    assert (second.grid.shape, second.grid.unit, second.grid.axes_in_file) == (grid.shape, grid.unit, grid.axes_in_file)
    assert (second.case, second.task, second.made_by, second.checkpoint, second.shown) == (
        first.case,
        first.task,
        first.made_by,
        first.checkpoint,
        "image",
    )
    assert second.scores is None
    assert second.boxes is None


def test_the_uncertainty_is_read_back_and_an_older_record_has_none(tmp_path):
    folder = write_prediction(replace(masked(), uncertainty=0.125), tmp_path)
    older = write_prediction(masked(case="older"), tmp_path)

    assert read_prediction(folder).uncertainty == record_of(folder).uncertainty == 0.125
    assert "uncertainty" not in json.loads((older / "prediction.json").read_text(encoding="utf-8"))
    assert read_prediction(older).uncertainty is None


def test_a_prediction_that_a_crash_cut_short_or_that_is_damaged_may_be_written_again(tmp_path, monkeypatch):
    damaged = write_prediction(masked(case="damaged"), tmp_path) / "prediction.json"
    damaged.write_text(damaged.read_text(encoding="utf-8").replace('"shown"', '"damaged"'), encoding="utf-8")
    monkeypatch.setattr(results, "write_json", raising(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        write_prediction(masked(), tmp_path)
    assert (tmp_path / "liver_012" / "mask.nii.gz").exists()

    refuse_to_replace_others(["liver_012", "damaged"], [tmp_path])


@pytest.mark.parametrize("name", ["mask.ome.zarr", "attention.tif", "prediction.json"])
def test_a_file_that_is_of_no_prediction_is_refused_by_its_name(tmp_path, name):
    other = tmp_path / "liver_012" / name
    other.parent.mkdir()
    other.write_text('{"case": "liver_012"}', encoding="utf-8")

    with pytest.raises(SpecProblem, match=re.escape(str(other))):
        refuse_to_replace_others(["liver_011", "liver_012"], [tmp_path])


def test_a_record_is_read_without_its_mask(tmp_path):
    folder = write_prediction(masked(), tmp_path)
    (folder / "mask.nii.gz").unlink()

    record = record_of(folder)

    assert (record.case, record.task, record.checkpoint) == ("liver_012", ORGANS, "student.best")


def test_the_mask_file_has_the_affine_and_order_of_the_image(tmp_path):
    folder = write_prediction(masked(), tmp_path)

    stored = nibabel.load(folder / "mask.nii.gz")

    assert nibabel.aff2axcodes(stored.affine) == ("L", "P", "S")
    assert stored.shape == (4, 3, 2)


def test_scores_are_read_back(tmp_path):
    scores = {"benign": 0.1 + 0.2, "malignant": 1e-9}

    folder = write_prediction(
        prediction(GRADE, scores=ClassScores(scores), shown="class means of the true mask"), tmp_path
    )

    assert read_prediction(folder).scores.scores == scores
    assert read_prediction(folder).shown == "class means of the true mask"


@pytest.mark.parametrize("count", [0, 2])
def test_scored_boxes_are_read_back(tmp_path, count):
    corners = np.array([[0, 0, 0.5, 1, 2, 3], [0, 1, 1, 2, 2, 2.25]])[:count].reshape(-1, 6)
    scores = np.array([0.9, 1 / 3])[:count]
    found = ScoredBoxes(Boxes(corners, ("nodule",) * count, OBLIQUE, FOUND), scores)

    back = read_prediction(write_prediction(prediction(FOUND, boxes=found), tmp_path)).boxes

    np.testing.assert_array_equal(back.boxes.corners, corners)
    np.testing.assert_array_equal(back.scores, scores)


@pytest.mark.parametrize(
    ("grid", "name"),
    [
        (OBLIQUE, "attention.nii.gz"),
        (Grid.upright((1, 3, 4), unit="pixel"), "attention.tif"),
        (Grid.upright((2, 3, 4), unit="pixel"), "attention.tif"),
        (PLACED, "attention.nrrd"),
        (PLACED_PICTURE, "attention.nrrd"),
    ],
    ids=["volume", "picture", "stack", "placed stack", "placed picture"],
)
def test_attention_is_read_back_on_the_images_grid(tmp_path, grid, name):
    values = np.linspace(0, 1, int(np.prod(grid.shape)), dtype=np.float32).reshape(grid.shape)
    scores = ClassScores({"benign": 0.2, "malignant": 0.8})

    folder = write_prediction(
        prediction(GRADE, grid, scores=scores, attention=Attention("malignant", values)), tmp_path
    )

    assert sorted(path.name for path in folder.iterdir()) == [name, "prediction.json"]
    back = read_prediction(folder).attention
    assert back.class_name == "malignant"
    assert back.map_ZYX.dtype == np.float32
    np.testing.assert_allclose(back.map_ZYX, values, atol=0.5 / 255 + 1e-6)
    assert (back.map_ZYX.min(), back.map_ZYX.max()) == (0, 1)


def test_attention_that_an_earlier_version_wrote_as_fractions_is_read_as_it_was(tmp_path):
    values = np.linspace(0, 1, int(np.prod(OBLIQUE.shape)), dtype=np.float32).reshape(OBLIQUE.shape)
    looked = Attention("benign", np.ones_like(values))
    folder = write_prediction(prediction(GRADE, attention=looked), tmp_path)
    write_volume(folder / "attention.nii.gz", Volume(values[np.newaxis], OBLIQUE))

    np.testing.assert_array_equal(read_prediction(folder).attention.map_ZYX, values)


def test_the_attention_of_an_older_prediction_does_not_stay(tmp_path):
    looked = Attention("benign", np.ones(OBLIQUE.shape, np.float32))
    folder = write_prediction(prediction(GRADE, attention=looked), tmp_path)

    write_prediction(prediction(GRADE, scores=ClassScores({"benign": 1.0})), tmp_path)

    assert [path.name for path in folder.iterdir()] == ["prediction.json"]
    assert read_prediction(folder).attention is None


def test_attention_that_was_replaced_by_another_images_is_refused(tmp_path):
    looked = Attention("benign", np.ones(OBLIQUE.shape, np.float32))
    folder = write_prediction(prediction(GRADE, attention=looked), tmp_path)
    moved = OBLIQUE.affine.copy()
    moved[0, 3] += 5
    other = write_prediction(
        prediction(GRADE, Grid(OBLIQUE.shape, moved, axes_in_file="LPS"), "other", attention=looked), tmp_path
    )
    (other / "attention.nii.gz").replace(folder / "attention.nii.gz")

    with pytest.raises(VolumeProblem, match=r"attention\.nii\.gz.*lies elsewhere"):
        read_prediction(folder)


def test_the_answers_of_several_tasks_are_found_one_folder_lower(tmp_path):
    folders = [write_prediction(prediction(task), tmp_path / task.name) for task in (GRADE, FOUND)]

    assert predictions_in(tmp_path) == sorted(folders)


def test_predicting_again_replaces_all_of_the_old_prediction(tmp_path):
    folder = write_prediction(masked(), tmp_path)

    again = write_prediction(prediction(GRADE, scores=ClassScores({"benign": 1.0})), tmp_path)

    assert again == folder
    assert [path.name for path in folder.iterdir()] == ["prediction.json"]
    assert read_prediction(folder).task == GRADE


@pytest.mark.parametrize("case", ["../../etc/passwd", "a/b", "a\\b", "..", ".", "", "Größe", "x" * 300, "c:d"])
def test_a_case_of_any_name_stays_inside_the_folder(tmp_path, case):
    folder = write_prediction(masked(case=case), tmp_path / "out")

    assert folder.parent == tmp_path / "out"
    assert read_prediction(folder).case == case


def test_cases_whose_names_look_alike_get_folders_of_their_own(tmp_path):
    folders = {write_prediction(masked(case=case), tmp_path) for case in ("a/b", "a_b", "a:b")}

    assert len(folders) == 3


def test_cases_that_differ_in_large_and_small_letters_do_not_share_a_folder(tmp_path):
    write_prediction(masked(case="Scan"), tmp_path).rename(tmp_path / "scan")  # as Windows and macOS find it, too

    for _ in range(2):
        write_prediction(masked(case="scan"), tmp_path)

    assert {read_prediction(path).case for path in predictions_in(tmp_path)} == {"Scan", "scan"}
    assert len(predictions_in(tmp_path)) == 2


def test_the_folder_of_a_plain_name_has_that_name(tmp_path):
    assert write_prediction(masked(case="Image_01L.v2"), tmp_path) == tmp_path / "Image_01L.v2"


def test_predictions_are_found_below_a_folder_in_order(tmp_path):
    folders = [write_prediction(masked(case=case), tmp_path / stage) for stage in "ab" for case in ("c2", "c1")]

    assert predictions_in(tmp_path) == sorted(folders)
    assert predictions_in(folders[0]) == [folders[0]]
    assert predictions_in(tmp_path / "nowhere") == []


# ---------------------------------------------------------------- trouble


def changed(tmp_path, **fields: object):
    folder = write_prediction(masked(), tmp_path)
    record = json.loads((folder / "prediction.json").read_text())
    (folder / "prediction.json").write_text(json.dumps(record | fields))
    return folder


def test_a_folder_without_a_prediction_is_refused(tmp_path):
    with pytest.raises(VolumeProblem, match=r"prediction\.json: The prediction cannot be read"):
        read_prediction(tmp_path)


def test_a_damaged_record_is_refused(tmp_path):
    (tmp_path / "prediction.json").write_text('{"case": ')

    with pytest.raises(VolumeProblem, match=r"prediction\.json"):
        read_prediction(tmp_path)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("case", 3, r"prediction\.json: case"),
        ("schema_version", 2, r"prediction\.json: schema_version"),
        (
            "grid",
            {"shape": [2, 3, 4], "affine": [[0] * 4] * 4, "unit": "mm", "axes_in_file": "RAS"},
            r"prediction\.json.*affine",
        ),
        ("mask", "../../elsewhere.nii.gz", r"prediction\.json: The mask is called"),
        ("attention", {"class": "liver", "file": "../x.tif"}, r"prediction\.json: The attention is called"),
    ],
)
def test_a_record_that_makes_no_sense_is_refused(tmp_path, field, value, said):
    folder = changed(tmp_path, **{field: value})

    with pytest.raises(VolumeProblem, match=said):
        read_prediction(folder)


def test_a_lost_mask_is_named(tmp_path):
    folder = write_prediction(masked(), tmp_path)
    (folder / "mask.nii.gz").unlink()

    with pytest.raises(VolumeProblem, match=r"mask\.nii\.gz: The file does not exist"):
        read_prediction(folder)


def test_a_mask_that_was_replaced_by_another_is_refused(tmp_path):
    folder = write_prediction(masked(), tmp_path)
    moved = OBLIQUE.affine.copy()
    moved[0, 3] += 5
    other = masked(Grid(OBLIQUE.shape, moved, axes_in_file="LPS"))
    (write_prediction(replace(other, case="other"), tmp_path) / "mask.nii.gz").replace(folder / "mask.nii.gz")

    with pytest.raises(VolumeProblem, match="5 mm away"):
        read_prediction(folder)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(InputProblem, match="file"):
        write_prediction(masked(), tmp_path / "file")


def test_a_prediction_that_is_killed_while_it_is_replaced_is_none(tmp_path, monkeypatch):
    def said(label, checkpoint):
        mask = Mask(np.full(OBLIQUE.shape, label, np.uint8), OBLIQUE, ORGANS)
        return Prediction(case="a", task=ORGANS, grid=OBLIQUE, made_by="run", checkpoint=checkpoint, mask=mask)

    def killed(*_):
        raise KeyboardInterrupt

    write_prediction(said(0, "best"), tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(results, "write_json", killed)
        with pytest.raises(KeyboardInterrupt):
            write_prediction(said(1, "last"), tmp_path)

    assert predictions_in(tmp_path) == []
    assert read_prediction(write_prediction(said(1, "last"), tmp_path)).checkpoint == "last"
