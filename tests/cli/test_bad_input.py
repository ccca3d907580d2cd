"""What a person gets for input that cannot be used: every problem by file and fix, exit code 2, and no run folder."""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import napari_medkd
from tests.cli.conftest import Answer, Medkd

pytestmark = pytest.mark.engine
MANIFEST = "medkd-dataset.json"


@pytest.fixture
def dataset(tiny_dataset: Path, tmp_path: Path) -> Path:
    """A copy of the tiny dataset that a test may damage."""
    return Path(shutil.copytree(tiny_dataset, tmp_path / "images of a person"))


def _edit(dataset: Path, change: Callable[[dict[str, Any]], None]) -> None:
    document = json.loads((dataset / MANIFEST).read_text(encoding="utf-8"))
    change(document)
    (dataset / MANIFEST).write_text(json.dumps(document), encoding="utf-8")


def _rewrite(path: Path, change: Callable[[np.ndarray], np.ndarray], affine: np.ndarray | None = None) -> None:
    image = nibabel.load(path)
    nibabel.save(nibabel.Nifti1Image(change(image.get_fdata()), image.affine if affine is None else affine), path)


def _no_file(dataset: Path) -> str:
    (dataset / "images" / "case_1.nii.gz").unlink()
    return "case_1.nii.gz"


def _other_shape(dataset: Path) -> str:
    _rewrite(dataset / "labels" / "case_2.nii.gz", lambda labels: labels[:-3].astype(np.uint8))
    return "case_2.nii.gz"


def _other_grid(dataset: Path) -> str:
    _rewrite(dataset / "labels" / "case_2.nii.gz", lambda labels: labels.astype(np.uint8), np.diag([2.0, 1.0, 1.5, 1]))
    return "case_2.nii.gz"


def _nan(dataset: Path) -> str:
    _rewrite(dataset / "images" / "case_0.nii.gz", lambda image: np.where(image > 100, np.nan, image))
    return "case_0.nii.gz"


def _foreign_labels(dataset: Path) -> str:
    _rewrite(dataset / "labels" / "case_3.nii.gz", lambda labels: (labels * 7).astype(np.uint8))
    return "case_3.nii.gz"


def _damaged_file(dataset: Path) -> str:
    path = dataset / "images" / "case_0.nii.gz"
    path.write_bytes(path.read_bytes()[:200])
    return "case_0.nii.gz"


def _no_cases(dataset: Path) -> str:
    _edit(dataset, lambda document: document.update(cases=[], split={}))
    return "case"


def _no_training_cases(dataset: Path) -> str:
    _edit(dataset, lambda document: document["split"].update(train=[]))
    return "training case"


def _damaged_manifest(dataset: Path) -> str:
    (dataset / MANIFEST).write_text('{"name": ', encoding="utf-8")
    return MANIFEST


BAD_DATASETS = [
    _no_file,
    _other_shape,
    _other_grid,
    _nan,
    _foreign_labels,
    _damaged_file,
    _no_cases,
    _no_training_cases,
    _damaged_manifest,
]


def _train(medkd: Medkd, tmp_path: Path, *arguments: object) -> Answer:
    return medkd("train", "--runs-folder", tmp_path / "runs", "--device", "cpu", "--widths", "4,8", *arguments)


def _is_told(answer: Answer, name: str) -> bool:
    """Return whether one problem names the thing, and says what to do."""
    lines = answer.err.splitlines()
    return name in answer.err and any(line.strip().startswith("->") and len(line) > 8 for line in lines)


@pytest.mark.parametrize("damage", BAD_DATASETS, ids=lambda damage: damage.__name__.strip("_").replace("_", " "))
def test_a_dataset_that_cannot_be_used_is_refused_by_file_and_fix(
    dataset: Path, tmp_path: Path, medkd: Medkd, damage: Callable[[Path], str]
):
    name = damage(dataset)

    answer = _train(medkd, tmp_path, "--data", dataset, "--method", "supervised")

    assert answer.code == 2
    assert _is_told(answer, name)
    assert not (tmp_path / "runs").exists()


def test_a_missing_dataset_is_refused_by_its_path(tmp_path: Path, medkd: Medkd):
    answer = _train(medkd, tmp_path, "--data", tmp_path / "nowhere")

    assert answer.code == 2
    assert _is_told(answer, str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--method", "shape-intensty"], "Did you mean 'shape-intensity'?"),
        (["--set", "featuresx=1"], "Did you mean 'features'?"),
        (["--set", "features=-1"], "method.settings.features"),
        (["--preset", "faithfull"], "Did you mean 'faithful'?"),
        (["--task", "shape"], "Did you mean 'shapes'?"),
        (["--reference", "case_9"], "references[0]"),
        (["--epochs", "0"], "schedule.epochs"),
        (["--widths", "0,8"], "network.widths"),
        (["--set", "features"], "name=value"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_with_its_place_or_the_nearest_word(
    dataset: Path, tmp_path: Path, medkd: Medkd, arguments: list[str], said: str
):
    answer = _train(medkd, tmp_path, "--data", dataset, *arguments)

    assert answer.code == 2
    assert _is_told(answer, said)
    assert not (tmp_path / "runs").exists()


def test_a_device_that_is_not_here_is_refused_and_not_replaced(dataset: Path, tmp_path: Path, medkd: Medkd):
    answer = medkd("train", "--runs-folder", tmp_path / "runs", "--data", dataset, "--device", "mps")

    assert answer.code == 2
    assert _is_told(answer, "'mps' was asked for")


def test_nothing_to_learn_from_is_refused(tmp_path: Path, medkd: Medkd):
    answer = _train(medkd, tmp_path)

    assert answer.code == 2
    assert _is_told(answer, "Nothing says what to learn from")


def test_all_problems_of_spec_and_dataset_are_reported_at_once(dataset: Path, tmp_path: Path, medkd: Medkd):
    _nan(dataset)
    _foreign_labels(dataset)
    spec = tmp_path / "spec.json"
    document = {
        "datasets": [str(dataset)],
        "method": {"name": "supervised", "settings": {"dic": 1}},
        "targets": [{"task": "shape"}],
        "references": ["case_9"],
        "preview_case": "case_8",
        "preprocessing": {"patch": [0, 8, 8], "spacing": [1, 0, 1]},
    }
    spec.write_text(json.dumps(document), encoding="utf-8")

    answer = medkd("check", spec, "--json")

    rows = json.loads(answer.out)
    found = " ".join(f"{row['where']} {row['problem']} {row['hint']}" for row in rows)
    assert answer.code == 2
    assert {
        "method.settings.dic",
        "targets[0].task",
        "references[0]",
        "preview_case",
        "preprocessing.patch",
        "preprocessing.spacing",
    } <= {row["where"] for row in rows}
    assert "case_0.nii.gz" in found
    assert "case_3.nii.gz" in found
    assert all(row["problem"] and row["hint"] for row in rows)


@pytest.mark.engine
def test_a_run_that_cannot_be_started_from_is_a_problem(dataset: Path, tmp_path: Path, medkd: Medkd):
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    document = {"datasets": [str(dataset)], "method": {"name": "supervised"}}
    (unfinished / "spec.json").write_text(json.dumps(document), encoding="utf-8")
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(document | {"start_from": str(unfinished)}), encoding="utf-8")

    answer = medkd("check", spec, "--json", "--files-only")

    (row,) = json.loads(answer.out)
    assert answer.code == 2
    assert (row["where"], "is not finished" in row["problem"]) == ("start_from", True)


def test_unopened_files_show_that_one_is_missing_but_no_nan(dataset: Path, medkd: Medkd):
    _nan(dataset)
    _no_file(dataset)

    answer = medkd("check", dataset, "--files-only")

    assert answer.code == 2
    assert "case_1" in answer.err
    assert "case_0" not in answer.err


def test_a_sound_spec_has_no_problem(dataset: Path, tmp_path: Path, medkd: Medkd):
    (tmp_path / "spec.yaml").write_text(f"datasets: ['{dataset}']\nmethod: {{name: supervised}}\n", encoding="utf-8")

    answer = medkd("check", tmp_path / "spec.yaml")

    assert answer.code == 0
    assert "no problem" in answer.out


def test_a_missing_path_is_refused(tmp_path: Path, medkd: Medkd):
    answer = medkd("check", tmp_path / "nowhere", "--json")

    assert answer.code == 2
    assert json.loads(answer.out)[0]["where"] == str(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [None, "{", '{"seed": "x"}'])
def test_a_run_folder_that_cannot_be_read_is_refused_by_name(tmp_path: Path, medkd: Medkd, content: str | None):
    folder = tmp_path / "run"
    folder.mkdir()
    if content is not None:
        (folder / "spec.json").write_text(content, encoding="utf-8")

    answer = medkd("train", "--run", folder, "--resume")

    assert answer.code == 2
    assert _is_told(answer, str(folder))
    assert not (folder / "events.jsonl").exists()


def test_a_run_that_the_viewer_started_tells_its_problem_in_the_folder(dataset: Path, tmp_path: Path, medkd: Medkd):
    _nan(dataset)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "spec.json").write_text(json.dumps({"datasets": [str(dataset)]}), encoding="utf-8")

    answer = medkd("train", "--run", tmp_path / "run")

    assert answer.code == 2
    (line,) = (tmp_path / "run" / "events.jsonl").read_text(encoding="utf-8").splitlines()
    last_word = json.loads(line)
    assert last_word["outcome"] == "failed"
    assert "case_0.nii.gz" in last_word["message"]
    assert last_word["hint"]


def _task(kind: str, classes: list[str]) -> dict[str, object]:
    return {"kind": kind, "classes": classes}


@pytest.mark.parametrize(
    ("tasks", "arguments", "said"),
    [
        ({"lesion": _task("classification", ["no", "yes"])}, ["--task", "lesion"], "teaches segmentation"),
        ({"more": _task("segmentation", ["background", "ball", "cube"])}, [], "fit and none is named"),
    ],
)
def test_the_task_must_be_one_that_the_method_teaches(
    dataset: Path, tmp_path: Path, medkd: Medkd, tasks: dict[str, object], arguments: list[str], said: str
):
    def add(document: dict[str, Any]) -> None:
        document["tasks"].update(tasks)
        for case in document["cases"]:
            for name in tasks:
                label = {"present": ["yes"]} if name == "lesion" else case["annotations"]["shapes"]
                case["annotations"][name] = label

    _edit(dataset, add)

    answer = _train(medkd, tmp_path, "--data", dataset, *arguments)

    assert answer.code == 2
    assert _is_told(answer, said)


def test_one_run_learns_from_one_dataset(dataset: Path, tmp_path: Path, medkd: Medkd):
    document = {"datasets": [str(dataset), str(dataset)], "targets": [{"dataset": "tinny"}]}
    (tmp_path / "spec.json").write_text(json.dumps(document), encoding="utf-8")

    rows = json.loads(medkd("check", tmp_path / "spec.json", "--json").out)

    assert {row["where"] for row in rows} == {"datasets", "targets[0].dataset"}


@pytest.mark.parametrize("side", [float("nan"), float("inf")])
def test_a_voxel_without_a_size_is_refused(dataset: Path, tmp_path: Path, medkd: Medkd, side: float):
    document = {"datasets": [str(dataset)], "preprocessing": {"spacing": [1, side, 1]}}
    (tmp_path / "spec.json").write_text(json.dumps(document), encoding="utf-8")

    rows = json.loads(medkd("check", tmp_path / "spec.json", "--json", "--files-only").out)

    assert [row["where"] for row in rows] == ["preprocessing.spacing"]


def test_the_preprocessing_of_one_dataset_is_checked_as_that_of_all(dataset: Path, tmp_path: Path, medkd: Medkd):
    wishes = {"tiny": {"patch": [0, 8, 8], "spacing": [1, 1, -0.5]}, "tinny": {"patch": [8, 8, 8]}}
    document = {"datasets": [str(dataset)], "preprocessing_of": wishes}
    (tmp_path / "spec.json").write_text(json.dumps(document), encoding="utf-8")

    rows = json.loads(medkd("check", tmp_path / "spec.json", "--json", "--files-only").out)

    assert {row["where"]: row["problem"] for row in rows} == {
        "preprocessing_of.tiny.patch": "[0, 8, 8] holds a size below 1.",
        "preprocessing_of.tiny.spacing": "[1.0, 1.0, -0.5] holds a size that is not above 0.",
        "preprocessing_of.tinny": "No dataset 'tinny' is listed.",
    }
    assert "Did you mean 'tiny'?" in [row["hint"] for row in rows]


def test_one_network_learns_one_task_of_a_kind(dataset: Path, tmp_path: Path, medkd: Medkd):
    document = {"datasets": [str(dataset)], "targets": [{"task": "shapes"}, {"task": "shapes"}]}
    (tmp_path / "spec.json").write_text(json.dumps(document), encoding="utf-8")

    (row,) = json.loads(medkd("check", tmp_path / "spec.json", "--json").out)

    assert row["where"] == "targets[1].task"
    assert "two tasks of the kind segmentation are named: shapes, shapes" in row["problem"]


def test_without_torch_a_spec_is_still_checked_and_the_line_that_installs_it_is_told(
    dataset: Path, tmp_path: Path, medkd: Medkd, monkeypatch: pytest.MonkeyPatch
):
    for name in [name for name in sys.modules if name.startswith(("napari_medkd.engine", "napari_medkd.methods"))]:
        monkeypatch.delitem(sys.modules, name)
    for part in ("engine", "methods"):  # the package names the parts that are imported now: as before, after the test
        monkeypatch.setattr(napari_medkd, part, getattr(napari_medkd, part, None), raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "spec.json").write_text(json.dumps({"datasets": [str(dataset)], "preview_case": "case_8"}))

    answer = medkd("check", tmp_path / "spec.json")

    assert answer.code == 2
    assert 'pip install "napari-medkd[train]"' in answer.err
    assert "case_8" in answer.err


def test_a_run_keeps_its_own_spec(dataset: Path, tmp_path: Path, medkd: Medkd):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "spec.json").write_text(json.dumps({"datasets": [str(dataset)]}), encoding="utf-8")

    answer = medkd("train", "--run", folder, "--epochs", "3")

    assert answer.code == 2
    assert _is_told(answer, "schedule.epochs")
    assert not (folder / "events.jsonl").exists()


def test_a_folder_that_is_no_dataset_and_no_run_is_told_what_was_looked_for(tmp_path: Path, medkd: Medkd):
    answer = medkd("check", tmp_path)

    assert answer.code == 2
    assert _is_told(answer, str(tmp_path))
    assert _is_told(medkd("train", tmp_path), "is not a run")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is Unicode")
def test_a_dataset_whose_path_is_not_in_utf_8_is_refused(dataset: Path, tmp_path: Path, medkd: Medkd):
    latin = dataset.rename(os.fsdecode(os.fsencode(tmp_path) + b"/K\xf6ln"))

    answer = medkd("train", "--data", latin, "--runs-folder", tmp_path / "runs")

    assert answer.code == 2
    assert "K?ln:" in answer.err
    assert "a name that is not in UTF-8" in answer.err
    assert not (tmp_path / "runs").exists()
