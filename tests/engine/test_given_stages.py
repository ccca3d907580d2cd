"""An expert that an earlier run gives: what is refused, and what is said of the cases it has seen."""

import json
import shutil
from pathlib import Path

import pytest

from napari_medkd.cli.inspection import problems_of_spec
from napari_medkd.core.control import Always
from napari_medkd.core.errors import SpecProblem
from napari_medkd.core.events import Noticed
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.run_layout import RESOLVED, SPEC, checkpoint_path
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, Schedule, Target, TrainSpec
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.estimate import estimate
from napari_medkd.engine.loop import train
from napari_medkd.files.manifest import MANIFEST
from napari_medkd.methods import method_named
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine

JOINT = method_named("joint-teacher")


def spec_of(folder: Path, method: str = "joint-teacher") -> TrainSpec:
    return TrainSpec(
        datasets=(folder,),
        targets=(Target(),),
        method=MethodChoice(name=method),
        network=NetworkChoice(widths=(4, 8)),
        schedule=Schedule(epochs=1, steps_per_epoch=1, batch_size=2),
        hardware=Hardware(device="cpu", precision="fp32", threads=1),
    )


@pytest.fixture(scope="module")
def cells(tmp_path_factory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("data") / "cells", "cells", tasks="m")


@pytest.fixture(scope="module")
def trained_once(cells, tmp_path_factory) -> Path:
    run, spec = tmp_path_factory.mktemp("earlier"), spec_of(cells, "supervised")
    bench = open_bench(spec, frozenset({"segmentation"}))
    (run / SPEC).write_text(spec.model_dump_json())
    (run / RESOLVED).write_text(bench.resolved.model_dump_json())
    assert list(train(method_named("supervised"), bench, run, Always()))[-1].outcome == "completed"
    return run


@pytest.fixture
def earlier(trained_once, tmp_path) -> Path:
    """A finished run on planes, of its own for each test."""
    return Path(shutil.copytree(trained_once, tmp_path / "earlier"))


@pytest.fixture
def spec(cells, earlier) -> TrainSpec:
    return spec_of(cells).replace(starts_from={"expert": earlier})


def with_card(run: Path, **preprocessing) -> None:
    card = checkpoint_path(run, "student", "done").with_suffix(".json")
    document = json.loads(card.read_text())
    card.write_text(json.dumps(document | {"preprocessing": document["preprocessing"] | preprocessing}))


def changed(folder: Path, to: Path, groups=None, **manifest) -> Path:
    """Write a manifest that lists the same files with something else in it, and return it."""
    document = json.loads((folder / MANIFEST).read_text()) | manifest
    for case in document["cases"]:
        case["images"] = [str(folder / path) for path in case["images"]]
        case["annotations"] = {task: str(folder / path) for task, path in case["annotations"].items()}
        case["group"] = (groups or {}).get(case["id"], "")
    to.mkdir()
    (to / MANIFEST).write_text(json.dumps(document))
    return to


def split_of(*, train=range(2, 8), validate=(8, 9), test=(10, 11)) -> dict[str, list[str]]:
    sides = {"train": train, "validate": validate, "test": test}
    return {side: [f"cells{number}" for number in numbers] for side, numbers in sides.items()}


def test_an_expert_that_fits_is_no_problem(spec):
    assert problems_of_spec(spec, read_images=True) == []


def test_an_estimate_leaves_out_what_is_not_trained(spec):
    found = estimate(JOINT, open_bench(spec, JOINT.tasks))

    assert [planned.name for planned in found.plan] == list(found.seconds_per_step) == ["teacher", "student"]


def test_an_expert_of_planes_is_refused_for_volumes(tiny_dataset, earlier, tmp_path):
    document = json.loads((tiny_dataset / MANIFEST).read_text())
    tasks = {"shapes": {"kind": "segmentation", "classes": ["background", "rectangle"], "label_map": {"2": 1}}}
    volumes = changed(tiny_dataset, tmp_path / "volumes", tasks=tasks, split=document["split"])
    spec = spec_of(volumes).replace(starts_from={"expert": earlier})

    (found,) = problems_of_spec(spec, read_images=True)

    assert found.where == "starts_from.expert"
    assert found.problem == "The earlier run saw 2-D images; case_0 is a 3-D one."
    assert found.hint == "Name a run on 3-D images, or leave starts_from.expert out to train the expert."
    with pytest.raises(SpecProblem, match="saw 2-D images"):
        open_bench(spec, JOINT.tasks)


def test_an_expert_of_other_channels_is_refused(spec, earlier):
    with_card(earlier, channels=["T1", "T2"])

    (found,) = problems_of_spec(spec, read_images=True)

    assert found.where == "starts_from.expert"
    assert found.problem == "The earlier run saw the channels T1, T2; 'cells' has channel 0."


@pytest.mark.parametrize(
    ("wishes", "where"),
    [
        ({"preprocessing": PreprocessingWishes(spacing=(1, 2, 2))}, "preprocessing.spacing"),
        ({"preprocessing_of": {"cells": PreprocessingWishes(patch=(1, 8, 8))}}, "preprocessing_of.cells.patch"),
    ],
)
def test_wishes_that_a_given_expert_was_not_trained_with_are_refused(spec, wishes, where):
    (found,) = problems_of_spec(spec.replace(**wishes), read_images=False)

    assert found.where == where
    assert "is asked for, but the expert given for 'cells' was trained with" in found.problem
    with pytest.raises(SpecProblem, match="is asked for"):
        open_bench(spec.replace(**wishes), JOINT.tasks)


def test_wishes_that_are_set_aside_for_its_dataset_do_not_concern_a_given_expert(spec):
    wishes = {"preprocessing": PreprocessingWishes(spacing=(1, 2, 2)), "preprocessing_of": {"cells": {}}}

    assert problems_of_spec(TrainSpec.model_validate(spec.model_dump() | wishes), read_images=False) == []


def test_an_expert_that_has_learned_a_case_that_tests_now_is_refused(spec, cells, tmp_path):
    again = changed(cells, tmp_path / "again", split=split_of(test=(0, 1, 10, 11)))

    (found,) = problems_of_spec(spec.replace(datasets=(again,)), read_images=False)

    assert found.where == "starts_from.expert"
    assert found.problem == "The earlier run learned from patients who test here: cells0, cells1."


def test_other_cases_of_a_patient_who_was_learned_from_do_not_test_either(spec, cells, tmp_path):
    again = changed(cells, tmp_path / "again", {"cells0": "P", "cells11": "P"}, split=split_of())

    (found,) = problems_of_spec(spec.replace(datasets=(again,)), read_images=False)

    assert found.problem.endswith("who test here: cells11.")


@pytest.mark.parametrize("kept", ["{}", "torn", None])
def test_of_a_run_that_did_not_write_down_its_cases_the_manifest_tells(spec, earlier, cells, tmp_path, kept):
    again = changed(cells, tmp_path / "again", split=split_of(test=(0, 10, 11)))
    (earlier / RESOLVED).unlink() if kept is None else (earlier / RESOLVED).write_text(kept)

    (found,) = problems_of_spec(spec.replace(datasets=(again,)), read_images=False)

    assert found.problem.endswith("who test here: cells0.")


@pytest.fixture
def further(earlier, cells, tmp_path) -> Path:
    """A finished run that began from the earlier one, of another case."""
    split = {"train": ["cells9"], "test": ["cells10", "cells11"]}
    other = changed(cells, tmp_path / "further cells", split=split)
    spec = spec_of(other, "supervised").replace(start_from=earlier)
    run = Path(shutil.copytree(earlier, tmp_path / "further"))
    (run / SPEC).write_text(spec.model_dump_json())
    (run / RESOLVED).write_text(open_bench(spec, frozenset({"segmentation"})).resolved.model_dump_json())
    return run


def problems_after(further: Path, cells: Path, folder: Path) -> list[str]:
    again = changed(cells, folder, split=split_of(validate=(8,), test=(0, 9, 11)))
    spec = spec_of(again, "supervised").replace(start_from=further)
    return [found.problem for found in problems_of_spec(spec, read_images=False)]


def test_what_the_run_before_an_earlier_run_learned_from_does_not_test_even_when_it_is_gone(
    further, earlier, cells, tmp_path
):
    shutil.rmtree(earlier)

    (found,) = problems_after(further, cells, tmp_path / "again")

    assert found.endswith("who test here: cells0, cells9.")


def test_earlier_runs_are_followed_where_an_older_version_did_not_write_down_their_cases(further, cells, tmp_path):
    document = json.loads((further / RESOLVED).read_text())
    del document["taught_before"]
    (further / RESOLVED).write_text(json.dumps(document))

    (found,) = problems_after(further, cells, tmp_path / "again")

    assert found.endswith("who test here: cells0, cells9.")


def test_of_a_run_whose_cases_nobody_knows_any_more_nothing_is_said(spec, earlier, cells, tmp_path):
    again = changed(cells, tmp_path / "again", split=split_of(test=(0, 10, 11)))
    (earlier / RESOLVED).unlink()
    (earlier / SPEC).write_text(spec.replace(datasets=(tmp_path / "gone",)).model_dump_json())

    assert problems_of_spec(spec.replace(datasets=(again,)), read_images=False) == []


def test_cases_of_another_dataset_are_not_those_of_the_earlier_run(spec, cells, tmp_path):
    other = changed(cells, tmp_path / "other", name="other", split=split_of(test=(0, 1, 10, 11)))

    assert problems_of_spec(spec.replace(datasets=(other,)), read_images=False) == []


def test_that_an_expert_has_learned_a_case_that_validates_now_is_noticed(spec, cells, tmp_path):
    again = changed(cells, tmp_path / "again", split=split_of(validate=(0, 8, 9)))
    bench = open_bench(spec.replace(datasets=(again,)), JOINT.tasks)

    told = [event.message for event in train(JOINT, bench, tmp_path / "run", Always()) if isinstance(event, Noticed)]

    assert told == [
        "Stage 'expert' is not trained: its network is that of earlier.",
        "earlier learned from patients who validate here, which flatters its answers: cells0.",
    ]
