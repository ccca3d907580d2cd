import csv
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.annotation import Mask
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.spec import PredictSpec, TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_mask, read_volume
from napari_medkd.files.results import write_prediction
from napari_medkd.runs.folder import RunFolder
from tests.cli.conftest import Medkd


def _predict(
    dataset: Path,
    name: str,
    folder: Path,
    *,
    without: int | None = None,
    shown: str = "image",
    weights: str = "student.done",
) -> None:
    """Write the truth of a case as its prediction, with one class left out where that is wished."""
    known = open_dataset(dataset)
    case, task = known.case(name), known.task("shapes")
    grid = read_volume(case.images).grid
    labels = read_mask(Path(str(case.annotations["shapes"])), task, grid=grid).labels.copy()
    if without is not None:
        labels[labels == without] = 0
    mask = Mask(labels, grid, task)
    write_prediction(Prediction(name, task, grid, "run", weights, mask=mask, shown=shown), folder)


def test_a_perfect_prediction_scores_one_without_any_distance(tiny_dataset: Path, tmp_path: Path, medkd: Medkd):
    _predict(tiny_dataset, "case_5", tmp_path / "student-test")

    answer = medkd("evaluate", tmp_path, "--data", tiny_dataset, "--json")

    found = json.loads(answer.out)
    assert answer.code == 0
    assert [(row["class"], row["dice"], row["hd95"], row["assd"]) for row in found["classes"]] == [
        ("ball", 1.0, 0.0, 0.0),
        ("cube", 1.0, 0.0, 0.0),
        ("all", 1.0, 0.0, 0.0),
    ]
    assert found["classes"][1]["volume"] == pytest.approx(6**3 * 1.5 / 1000)


def test_a_mask_too_large_for_memory_is_scored_like_any_other(
    unsure_dataset: Path, tiny_dataset: Path, tmp_path: Path, medkd: Medkd, monkeypatch: pytest.MonkeyPatch
):
    _predict(tiny_dataset, "case_5", tmp_path / "small", without=2)
    for limit in ("opening.MOST_VOXELS_HELD", "ome_zarr.LARGE_BYTES"):
        monkeypatch.setattr(f"napari_medkd.files.{limit}", 100)
    _predict(tiny_dataset, "case_5", tmp_path / "large", without=2)

    for data in (tiny_dataset, unsure_dataset):
        large, small = (medkd("evaluate", tmp_path / name, "--data", data, "--json").out for name in ("large", "small"))

        assert (tmp_path / "large" / "case_5" / "mask.ome.zarr").is_dir()
        assert json.loads(large) == json.loads(small.replace("small", "large"))


def test_folders_below_the_home_folder_are_found(
    tiny_dataset: Path, tmp_path: Path, medkd: Medkd, monkeypatch: pytest.MonkeyPatch
):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    _predict(tiny_dataset, "case_5", tmp_path / "said")
    (tmp_path / "truth").symlink_to(tiny_dataset)

    answer = medkd("evaluate", "~/said", "--data", "~/truth", "--csv", "~/scores.csv")

    assert answer.code == 0, answer.err
    assert (tmp_path / "scores.csv").is_file()


def test_means_run_over_cases_and_a_missed_class_has_an_infinite_distance(
    tiny_dataset: Path, tmp_path: Path, medkd: Medkd
):
    _predict(tiny_dataset, "case_4", tmp_path / "p")
    _predict(tiny_dataset, "case_5", tmp_path / "p", without=2)

    found = json.loads(medkd("evaluate", tmp_path / "p", "--data", tiny_dataset, "--json").out)

    cube = next(row for row in found["classes"] if row["class"] == "cube")
    everything = next(row for row in found["classes"] if row["class"] == "all")
    assert (cube["n"], cube["dice"], cube["hd95"]) == (2, 0.5, "inf")
    assert everything["dice"] == 0.75
    assert [(row["domain"], row["n"], row["dice"]) for row in found["domains"]] == [("A", 2, 0.75)]
    assert [(row["case"], row["dice"]) for row in found["cases"]] == [("case_4", 1.0), ("case_5", 0.5)]


def test_every_case_and_class_is_a_line_of_the_csv(tiny_dataset: Path, tmp_path: Path, medkd: Medkd):
    _predict(tiny_dataset, "case_5", tmp_path / "p", without=2)

    medkd("evaluate", tmp_path / "p", "--data", tiny_dataset, "--csv", tmp_path / "s.csv")

    with (tmp_path / "s.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["case"], row["domain"], row["class"], float(row["dice"])) for row in rows] == [
        ("case_5", "A", "ball", 1.0),
        ("case_5", "A", "cube", 0.0),
    ]
    assert math.isinf(float(rows[1]["hd95"]))


def test_a_split_leaves_out_other_cases_and_says_which_are_missing(tiny_dataset: Path, tmp_path: Path, medkd: Medkd):
    _predict(tiny_dataset, "case_0", tmp_path / "p")
    _predict(tiny_dataset, "case_5", tmp_path / "p")

    answer = medkd("evaluate", tmp_path / "p", "--data", tiny_dataset, "--split", "train", "--json")

    found = json.loads(answer.out)
    assert [row["case"] for row in found["cases"]] == ["case_0"]
    assert found["notes"] == ["p: 3 of 4 train cases have no prediction."]
    assert "3 of 4 train cases" in answer.err


def test_a_teacher_that_saw_the_answer_is_never_scored_untitled(tiny_dataset: Path, tmp_path: Path, medkd: Medkd):
    _predict(tiny_dataset, "case_5", tmp_path / "teacher", shown="class means of the true mask")
    _predict(tiny_dataset, "case_5", tmp_path / "student")

    told = medkd("evaluate", tmp_path, "--data", tiny_dataset).out

    assert "teacher: student, given class means of the true mask" in told
    assert "student: student\n" in told


def test_labels_to_be_ignored_count_neither_way(tiny_dataset: Path, unsure_dataset: Path, tmp_path: Path, medkd: Medkd):
    _predict(tiny_dataset, "case_5", tmp_path / "p", without=2)

    found = json.loads(medkd("evaluate", tmp_path / "p", "--data", unsure_dataset, "--json").out)

    assert [(row["class"], row["n"], row["dice"]) for row in found["classes"]] == [
        ("ball", 1, 1.0),
        ("cube", 0, "nan"),
        ("all", 1, 1.0),
    ]


def test_predictions_of_other_classes_are_refused(tiny_dataset: Path, tmp_path: Path, medkd: Medkd):
    case = open_dataset(tiny_dataset).case("case_5")
    grid = read_volume(case.images).grid
    task = Task("shapes", "segmentation", ("background", "cube"))
    mask = Mask(np.zeros(grid.shape, np.uint8), grid, task)
    write_prediction(Prediction("case_5", task, grid, "run", "student.done", mask=mask), tmp_path)

    answer = medkd("evaluate", tmp_path, "--data", tiny_dataset)

    assert answer.code == 2
    assert "background, ball, cube but the network's background, cube" in answer.err


def test_previews_of_a_run_are_not_scored_as_its_predictions(tiny_dataset: Path, tmp_path: Path, medkd: Medkd):
    run = RunFolder.create(tmp_path, TrainSpec(datasets=(tiny_dataset,)))
    _predict(tiny_dataset, "case_5", run.path / "previews")

    answer = medkd("evaluate", run.path)

    assert answer.code == 2
    assert f"medkd predict {run.path} --split test" in answer.err


@pytest.fixture
def asked_run(tiny_dataset: Path, tmp_path: Path) -> Path:
    """A run whose student was asked about the test case."""
    run = RunFolder.create(tmp_path, TrainSpec(datasets=(tiny_dataset,))).path
    spec = PredictSpec(run=run, cases=("case_5",), out=run / "predictions" / "student-test")
    _predict(tiny_dataset, "case_5", RunFolder.for_prediction(spec).path)
    return run


def test_answers_about_image_files_do_not_keep_a_run_from_being_scored(
    tiny_dataset: Path, asked_run: Path, medkd: Medkd
):
    spec = PredictSpec(run=asked_run, images=(Path("case_4.nii.gz"),), out=asked_run / "predictions" / "student-images")
    _predict(tiny_dataset, "case_4", RunFolder.for_prediction(spec).path)

    answer = medkd("evaluate", asked_run, "--json")

    assert answer.code == 0
    assert [row["case"] for row in json.loads(answer.out)["cases"]] == ["case_5"]
    assert "student-images: These predictions are of image files" in answer.err


def test_answers_of_earlier_weights_and_to_earlier_questions_are_told(
    tiny_dataset: Path, asked_run: Path, medkd: Medkd
):
    folder = asked_run / "predictions" / "student-test"
    assert json.loads(medkd("evaluate", asked_run, "--json").out)["notes"] == []
    _predict(tiny_dataset, "case_4", folder, weights="student.best")

    told = json.loads(medkd("evaluate", asked_run, "--json").out)["notes"]

    assert told == [
        "student-test: Means run over answers of different weights (1 by student.best of run, 1 by student.done of "
        "run): predict all cases again for those of one.",
        "student-test: 1 of these 2 cases were not in the last question, but in an earlier one.",
    ]


def test_questions_that_cannot_be_scored_do_not_keep_a_run_from_being_scored(
    tiny_dataset: Path, asked_run: Path, tmp_path: Path, medkd: Medkd
):
    other = tmp_path / "other"
    other.mkdir()
    document = json.loads((tiny_dataset / "medkd-dataset.json").read_text(encoding="utf-8"))
    document |= {"name": "other", "tasks": {}, "split": {}}
    for case in document["cases"]:
        case |= {"images": [str(tiny_dataset / path) for path in case["images"]], "annotations": {}}
    (other / "medkd-dataset.json").write_text(json.dumps(document), encoding="utf-8")
    for name, data in (("without-task", other), ("gone", tmp_path / "gone")):
        spec = PredictSpec(run=asked_run, cases=("case_4",), data=data, out=asked_run / "predictions" / name)
        _predict(tiny_dataset, "case_4", RunFolder.for_prediction(spec).path)

    everything = medkd("evaluate", asked_run, "--json")
    shutil.rmtree(asked_run / "predictions" / "student-test")
    nothing = medkd("evaluate", asked_run)

    assert everything.code == 0, everything.err
    assert [row["case"] for row in json.loads(everything.out)["cases"]] == ["case_5"]
    gone, without_task = json.loads(everything.out)["notes"]
    assert f"gone: These predictions are not scored. {tmp_path / 'gone'}:" in gone
    assert without_task == "without-task: Dataset 'other' has no task 'shapes' to score."
    assert nothing.code == 2
    assert str(tmp_path / "gone") in nothing.err


def test_a_case_whose_truth_is_not_known_is_named_and_left_out(tiny_dataset: Path, tmp_path: Path, medkd: Medkd):
    for name in ("case_3", "case_4", "case_5"):
        _predict(tiny_dataset, name, tmp_path / "p")
    document = json.loads((tiny_dataset / "medkd-dataset.json").read_text(encoding="utf-8"))
    document["cases"] = [case for case in document["cases"] if case["id"] != "case_3"]
    document["split"] = {}
    for case in document["cases"]:
        case["images"] = [str(tiny_dataset / path) for path in case["images"]]
        labels = str(tiny_dataset / case["annotations"]["shapes"])
        case["annotations"] = {"shapes": labels} if case["id"] != "case_4" else {}
    (tmp_path / "medkd-dataset.json").write_text(json.dumps(document), encoding="utf-8")

    found = json.loads(medkd("evaluate", tmp_path / "p", "--data", tmp_path, "--json").out)

    assert [row["case"] for row in found["cases"]] == ["case_5"]
    assert found["notes"] == ["p: Dataset 'tiny' has no true mask to score these by: case_3, case_4."]


def test_the_prediction_of_one_case_is_scored_by_its_folder(asked_run: Path, medkd: Medkd):
    answer = medkd("evaluate", asked_run / "predictions" / "student-test" / "case_5", "--json")

    assert answer.code == 0, answer.err
    assert [(row["case"], row["predictions"]) for row in json.loads(answer.out)["cases"]] == [
        ("case_5", "student-test")
    ]


def test_a_run_is_scored_after_it_was_renamed(asked_run: Path, medkd: Medkd):
    renamed = RunFolder(asked_run).rename("my best").path

    answer = medkd("evaluate", renamed)

    assert answer.code == 0
    assert "case_5" in answer.out


def test_cases_that_taught_the_network_are_told_beside_their_scores(tiny_dataset: Path, asked_run: Path, medkd: Medkd):
    taught = {"taught_by": {"tiny": ["case_0", "case_4"]}, "taught_before": {"tiny": ["case_1"]}}
    (asked_run / "resolved.json").write_text(json.dumps(taught), encoding="utf-8")
    assert json.loads(medkd("evaluate", asked_run, "--json").out)["notes"] == []
    spec = PredictSpec(run=asked_run, out=asked_run / "predictions" / "student-all")
    everything = RunFolder.for_prediction(spec).path
    for number in range(6):
        _predict(tiny_dataset, f"case_{number}", everything)

    answer = medkd("evaluate", asked_run, "--json")

    said = "student-all: 3 of these 6 cases taught the network, or are of patients who did."
    assert json.loads(answer.out)["notes"] == [said]
    assert said in answer.err


def test_scoring_needs_no_torch():
    code = "import sys, napari_medkd.cli.evaluating; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{dataset}"], "There are no predictions"),
        (["{dataset}/nowhere"], "There is no such run"),
        (["{predictions}"], "Name the dataset with --data."),
        (["{predictions}", "--data", "{dataset}", "--split", "train"], "Check --data and --split."),
    ],
)
def test_what_cannot_be_scored_is_refused_with_the_way_out(
    tiny_dataset: Path, tmp_path: Path, medkd: Medkd, arguments: list[str], said: str
):
    _predict(tiny_dataset, "case_5", tmp_path / "p")

    answer = medkd("evaluate", *(part.format(dataset=tiny_dataset, predictions=tmp_path / "p") for part in arguments))

    assert answer.code == 2
    assert said in answer.err
