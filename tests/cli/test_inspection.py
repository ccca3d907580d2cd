"""What is told of a spec over several datasets before anything is trained."""

import json
from pathlib import Path

import pytest

from napari_medkd.cli.inspection import problems_of_spec
from napari_medkd.core.spec import Hardware, MethodChoice, Target, TrainSpec
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine

TASKS = ("shape", "border", "places")  # a mask, classes and boxes


def spec_of_three_heads(*datasets: Path) -> TrainSpec:
    targets = tuple(Target(dataset=path.name, task=task) for path in datasets for task in TASKS)
    hardware = Hardware(device="cpu", precision="fp32", threads=1)
    return TrainSpec(datasets=datasets, targets=targets, method=MethodChoice(name="joint-teacher"), hardware=hardware)


def rewritten(folder: Path, **changes: object) -> Path:
    manifest = folder / "medkd-dataset.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **changes}))
    return folder


@pytest.fixture
def cells(tmp_path) -> Path:
    return write_pictures(tmp_path / "cells", "cells")


@pytest.mark.parametrize("read_images", [False, True], ids=["paths", "images"])
def test_an_empty_dataset_among_several_is_told_once_by_name(cells, tmp_path, read_images):
    empty = rewritten(write_pictures(tmp_path / "spots", "spots"), cases=[], split={})

    (problem,) = problems_of_spec(spec_of_three_heads(cells, empty), read_images=read_images)

    assert problem.where == "dataset spots"
    assert problem.problem == "There is no case."
    assert problem.hint == "List cases in medkd-dataset.json, or add images to the folder."


def test_a_dataset_among_several_without_a_training_side_is_told_for_every_head(cells, tmp_path):
    unsplit = rewritten(write_pictures(tmp_path / "spots", "spots"), split={})

    problems = problems_of_spec(spec_of_three_heads(cells, unsplit), read_images=False)

    found = "0 cases are on the training side and 12 of all are labelled."
    assert [each.where for each in problems] == ["dataset spots"] * 3
    assert [each.problem for each in problems] == [
        f"No training case has a label for {task!r}: {found}" for task in TASKS
    ]
