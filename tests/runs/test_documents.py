import json
from pathlib import Path

import pytest

from napari_medkd.core.errors import RunProblem
from napari_medkd.core.run_layout import SPEC
from napari_medkd.core.spec import PredictSpec, TrainSpec
from napari_medkd.runs.documents import read_document, read_spec


def test_a_spec_is_read_back(tmp_path):
    spec = TrainSpec(datasets=(Path("data"),), name="Größe")
    (tmp_path / SPEC).write_text(spec.model_dump_json(), encoding="utf-8")

    assert read_spec(tmp_path, TrainSpec) == spec


def test_every_fault_of_a_spec_is_named_with_its_file(tmp_path):
    (tmp_path / SPEC).write_text(json.dumps({"datasets": ["a"], "seed": -1, "schedule": {"epochs": "many"}}))

    with pytest.raises(RunProblem) as refused:
        read_spec(tmp_path, TrainSpec)

    assert [fault.where for fault in refused.value.problems] == [
        f"{tmp_path / SPEC}: schedule.epochs",
        f"{tmp_path / SPEC}: seed",
    ]
    assert "found -1" in refused.value.problems[1].problem


def test_a_training_spec_is_no_prediction_spec(tmp_path):
    (tmp_path / SPEC).write_text(json.dumps({"datasets": ["a"]}))

    with pytest.raises(RunProblem, match=r"spec\.json: run"):
        read_spec(tmp_path, PredictSpec)


@pytest.mark.parametrize("text", [b"", b"{", b"[1, 2]", b'"words"', b"\xff\xfe\x00"])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / SPEC).write_bytes(text)

    with pytest.raises(RunProblem, match=r"spec\.json: The file is damaged .+ Restore it"):
        read_document(tmp_path, SPEC)


def test_a_folder_without_the_file_is_no_run(tmp_path):
    with pytest.raises(RunProblem, match=r"holds no spec\.json: it is no run\. Choose a run"):
        read_document(tmp_path, SPEC)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / SPEC).mkdir()

    with pytest.raises(RunProblem, match=r"spec\.json: The file cannot be read"):
        read_document(tmp_path, SPEC)
