from pathlib import Path

import pytest
from pydantic import ValidationError

from napari_medkd.core.preprocessing import IntensityRule, PreprocessingWishes
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, PredictSpec, Schedule, Target, TrainSpec


def full_spec() -> TrainSpec:
    return TrainSpec(
        name="liver, second try",
        datasets=(Path("data/liver"), Path("data/spleen")),
        targets=(Target(dataset="liver", task="organ"),),
        references=("liver_012",),
        preprocessing=PreprocessingWishes(
            spacing=(2.5, 0.8, 0.8), intensity=IntensityRule(kind="window", low=-160, high=240), patch=(16, 64, 64)
        ),
        method=MethodChoice(
            name="shape-intensity",
            preset="faithful",
            settings={"features": 2.0, "rounds": 1, "is_online": True, "view": "mean", "limit": None},
        ),
        network=NetworkChoice(widths=(8, 16)),
        schedule=Schedule(epochs=3, steps_per_epoch=10, batch_size=2, learning_rate=3e-4, augmentation="paper"),
        hardware=Hardware(device="cpu", precision="fp32", threads=2),
        seed=7,
        preview_case="liver_001",
    )


def test_a_training_spec_survives_its_file():
    spec = full_spec()

    assert TrainSpec.model_validate_json(spec.model_dump_json()) == spec


def test_the_kinds_of_a_methods_settings_survive_the_file():
    read = TrainSpec.model_validate_json(full_spec().model_dump_json()).method.settings

    assert {name: type(value) for name, value in read.items()} == {
        "features": float,
        "rounds": int,
        "is_online": bool,
        "view": str,
        "limit": type(None),
    }


def test_a_prediction_spec_survives_its_file():
    spec = PredictSpec(
        run=Path("runs/a"), images=(Path("a.nii.gz"),), cases=("liver_012",), given="true mask", out=Path("out")
    )

    assert PredictSpec.model_validate_json(spec.model_dump_json()) == spec


def test_a_dataset_is_all_that_must_be_said():
    spec = TrainSpec.model_validate({"datasets": ["data/liver"]})

    assert spec.datasets == (Path("data/liver"),)
    assert spec.targets == (Target(),)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"datasets": []}, "datasets"),
        ({"seed": -1}, "seed"),
        ({"schedule": {"epochs": 0}}, "epochs"),
        ({"schedule": {"learning_rate": 0}}, "learning_rate"),
        ({"network": {"widths": [16]}}, "widths"),
        ({"hardware": {"device": "tpu"}}, "device"),
        ({"hardware": {"threads": 0}}, "threads"),
        ({"schema_version": 2}, "schema_version"),
        ({"epochs": 3}, "epochs"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(changes, named):
    with pytest.raises(ValidationError) as refused:
        TrainSpec.model_validate({"datasets": ["data"]} | changes)

    assert [error["loc"][-1] for error in refused.value.errors()] == [named]


def test_a_tilde_is_the_home_folder_in_every_path(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    spec = TrainSpec(datasets=("~/a", "b"), start_from="~/run", starts_from={"expert": "~/other"})
    asked = PredictSpec(run="~/run", images=("~/one.png",), data="~/a", out="~/out")

    assert spec.datasets == (tmp_path / "a", Path("b"))
    assert (spec.start_from, spec.starts_from) == (tmp_path / "run", {"expert": tmp_path / "other"})
    assert (asked.run, asked.images, asked.data, asked.out) == (
        tmp_path / "run",
        (tmp_path / "one.png",),
        tmp_path / "a",
        tmp_path / "out",
    )


def test_a_home_that_nobody_has_stays_as_it_is_written():
    assert TrainSpec(datasets=("~nobody-has-this-name/a",)).datasets == (Path("~nobody-has-this-name/a"),)
