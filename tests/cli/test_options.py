from pathlib import Path

import pytest

from napari_medkd.cli.options import changes_of
from napari_medkd.cli.spec_files import spec_of, with_changes
from napari_medkd.core.errors import RunProblem, SpecProblem


def test_every_option_reaches_its_field_of_the_spec():
    options = {
        "data": ["images", "more"],
        "task": ["liver", "more:a:tumour"],
        "method": "supervised",
        "preset": "faithful",
        "changes": ["dice=0.5"],
        "reference": ["a", "b"],
        "widths": "4, 8",
        "epochs": 3,
        "steps_per_epoch": 5,
        "batch_size": 2,
        "learning_rate": 0.01,
        "augmentation": "paper",
        "seed": 9,
        "device": "cpu",
        "precision": "fp32",
        "threads": 1,
        "name": "try",
    }

    spec = spec_of(with_changes({}, changes_of(options)))

    assert [str(path) for path in spec.datasets] == ["images", "more"]
    assert [(target.dataset, target.task) for target in spec.targets] == [("", "liver"), ("more:a", "tumour")]
    assert spec.references == ("a", "b")
    assert (spec.method.name, spec.method.preset, spec.method.settings) == ("supervised", "faithful", {"dice": 0.5})
    assert spec.network.widths == (4, 8)
    assert spec.schedule.model_dump() == {
        "epochs": 3,
        "steps_per_epoch": 5,
        "batch_size": 2,
        "learning_rate": 0.01,
        "augmentation": "paper",
    }
    assert spec.hardware.model_dump() == {"device": "cpu", "precision": "fp32", "threads": 1}
    assert (spec.seed, spec.name) == (9, "try")


def test_an_option_that_is_not_given_changes_nothing():
    assert changes_of({"data": None, "epochs": None, "changes": None, "resume": False}) == {}


def test_seed_zero_is_given():
    assert changes_of({"seed": 0}) == {"seed": 0}


def test_widths_that_are_no_numbers_are_refused_where_they_stand():
    with pytest.raises(SpecProblem) as refused:
        spec_of(with_changes({}, changes_of({"data": ["x"], "widths": "4,wide"})))

    assert refused.value.problems[0].where == "network.widths[1]"


def test_the_run_to_start_from_is_found_by_its_name(tmp_path):
    run = tmp_path / "2026-01-01_1200_supervised_first"
    run.mkdir()
    (run / "spec.json").write_text('{"datasets": ["x"], "method": {"name": "supervised"}}')

    assert changes_of({"start_from": Path("first"), "runs_folder": tmp_path}) == {"start_from": str(run)}
    with pytest.raises(RunProblem, match="no such run"):
        changes_of({"start_from": Path("second"), "runs_folder": tmp_path})


def test_the_run_that_gives_an_expert_is_found_by_its_name_and_stands_at_the_expert_of_its_dataset(tmp_path):
    run = tmp_path / "2026-01-01_1200_supervised_first"
    run.mkdir()
    (run / "spec.json").write_text('{"datasets": ["x"], "method": {"name": "supervised"}}')
    options = {"data": ["x"], "expert": ["hospital a=first", str(run)], "runs_folder": tmp_path}

    spec = spec_of(with_changes({}, changes_of(options)))

    assert spec.starts_from == {"expert-hospital_a": run, "expert": run}


@pytest.mark.parametrize(("given", "error"), [("a=", SpecProblem), ("a=second", RunProblem)])
def test_an_expert_of_no_run_is_refused(tmp_path, given, error):
    with pytest.raises(error):
        changes_of({"expert": [given], "runs_folder": tmp_path})
