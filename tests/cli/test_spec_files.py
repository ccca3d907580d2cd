import json
from pathlib import Path

import pytest

from napari_medkd.cli.spec_files import read_document, settings_of, spec_of, with_changes
from napari_medkd.core.errors import SpecProblem


def _problems(document: dict[str, object]) -> dict[str, str]:
    with pytest.raises(SpecProblem) as refused:
        spec_of(document)
    return {problem.where: f"{problem.problem} {problem.hint}" for problem in refused.value.problems}


def test_every_fault_of_a_spec_is_named_at_once_by_its_path():
    found = _problems(
        {
            "datasetx": ["x"],
            "schedule": {"epochs": 0, "epoch": 3},
            "targets": [{"tsk": "a"}],
            "network": {"widths": [4]},
        }
    )

    assert set(found) == {
        "datasets",
        "datasetx",
        "schedule.epochs",
        "schedule.epoch",
        "targets[0].tsk",
        "network.widths",
    }


def test_a_misspelt_field_is_answered_with_the_nearest_one_beside_it():
    found = _problems({"datasets": ["x"], "schedule": {"epoch": 3}, "targets": [{"tsk": "a"}]})

    assert "Did you mean 'epochs'?" in found["schedule.epoch"]
    assert "Did you mean 'task'?" in found["targets[0].tsk"]


def test_a_value_out_of_range_is_shown_with_the_bound():
    found = _problems({"datasets": ["x"], "schedule": {"epochs": 0}})

    assert "greater than or equal to 1; found 0" in found["schedule.epochs"]


def test_a_setting_of_the_wrong_type_is_one_problem_and_not_one_for_each_type():
    found = _problems({"datasets": ["x"], "method": {"settings": {"features": [1]}}})

    assert list(found) == ["method.settings.features"]


def test_the_files_name_stands_before_the_field(tmp_path: Path):
    with pytest.raises(SpecProblem) as refused:
        spec_of({}, tmp_path / "spec.json")

    assert refused.value.problems[0].where == f"{tmp_path / 'spec.json'}: datasets"


@pytest.mark.parametrize(("name", "text"), [("a.json", '{"seed": 3}'), ("a.yaml", "seed: 3"), ("a.yml", "seed: 3")])
def test_json_and_yaml_specs_are_read(tmp_path: Path, name: str, text: str):
    (tmp_path / name).write_text(text)

    assert read_document(tmp_path / name) == {"seed": 3}


def test_a_run_folder_stands_for_its_spec(tmp_path: Path):
    (tmp_path / "spec.json").write_text(json.dumps({"seed": 3}))

    assert read_document(tmp_path) == {"seed": 3}


@pytest.mark.parametrize("text", ["{", "[1, 2]", "a: b: c", "just words"])
def test_a_file_that_is_no_spec_is_refused_by_name(tmp_path: Path, text: str):
    path = tmp_path / ("a.json" if text == "{" else "a.yaml")
    path.write_text(text)

    with pytest.raises(SpecProblem) as refused:
        read_document(path)

    assert str(path) in str(refused.value)


def test_a_missing_spec_is_refused_by_name(tmp_path: Path):
    with pytest.raises(SpecProblem, match=r"nowhere\.json"):
        read_document(tmp_path / "nowhere.json")


def test_changes_reach_into_the_document_and_leave_the_rest():
    document = {"schedule": {"epochs": 1, "batch_size": 3}, "seed": 5}

    changed = with_changes(document, {"schedule.epochs": 4, "method.settings.features": 2.0})

    assert changed == {
        "schedule": {"epochs": 4, "batch_size": 3},
        "seed": 5,
        "method": {"settings": {"features": 2.0}},
    }
    assert document["schedule"] == {"epochs": 1, "batch_size": 3}


def test_settings_become_numbers_switches_and_words():
    found = settings_of(["a=1", "b=1e-3", "c=True", "d=class means", "e=none", "f=", "g=x=y"])

    assert found == {"a": 1, "b": 0.001, "c": True, "d": "class means", "e": None, "f": "", "g": "x=y"}


@pytest.mark.parametrize("assignment", ["features", "=2", "  =2"])
def test_an_assignment_without_a_name_or_value_is_refused(assignment: str):
    with pytest.raises(SpecProblem, match="name=value"):
        settings_of([assignment])


def test_the_mark_that_some_programs_put_before_a_text_is_no_fault(tmp_path):
    path = tmp_path / "spec.json"
    path.write_bytes(b"\xef\xbb\xbf" + b'{"datasets": ["x"]}')
    assert read_document(path) == {"datasets": ["x"]}
