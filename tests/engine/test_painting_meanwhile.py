"""A person adds a class to a reference's mask while a run trains from it, or before it is continued."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from napari_medkd.core.control import Always
from napari_medkd.core.events import CaseDone, PreviewSaved, RunEnded
from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.core.spec import MethodChoice, PredictSpec
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.loop import train
from napari_medkd.engine.predict import predict
from napari_medkd.engine.resuming import added_since
from napari_medkd.files.results import read_prediction
from napari_medkd.methods import method_named
from napari_medkd.runs.folder import RunFolder
from tests.growing_dataset import copied, paint_another_class
from tests.stopping import StopAfter

pytestmark = pytest.mark.engine

METHOD = method_named("one-shot")


@pytest.fixture
def folder(tiny_dataset, tmp_path):
    return copied(tiny_dataset, tmp_path / "data")


@pytest.fixture
def spec(tiny_spec, folder):
    settings = {"registration_share": 1.0, "refinement": 0}
    method = MethodChoice(name="one-shot", settings=settings)
    return tiny_spec.replace(datasets=(folder,), references=("case_0",), method=method)


def test_a_run_shows_its_reference_as_it_began_with_it(spec, folder, tmp_path):
    events = train(METHOD, open_bench(spec, METHOD.tasks), tmp_path / "run", Always())
    first = next(event for event in events if isinstance(event, PreviewSaved))

    paint_another_class(folder)
    others = list(events)

    assert (first.stage, first.epoch) == ("registration", 1)
    assert isinstance(others[-1], RunEnded)
    assert others[-1].outcome == "completed"
    second = next(event for event in others if isinstance(event, PreviewSaved))
    assert (second.stage, second.epoch) == ("registration", 2)
    assert set(np.unique(read_prediction(tmp_path / "run" / second.path).mask.labels)) == {0, 1, 2}


def test_a_case_that_is_read_again_has_the_classes_the_run_began_with(spec, folder):
    bench = open_bench(spec, METHOD.tasks)
    began = bench.training_cases[0].label_ZYX

    paint_another_class(folder)
    again = Cases(bench.dataset, bench.tasks, ("case_0",), bench.preprocessing)[0].label_ZYX

    np.testing.assert_array_equal(again, began)


def test_a_run_goes_on_after_a_class_was_added_as_if_nobody_had_painted_it(spec, folder, tmp_path):
    without = tmp_path / "left alone"
    list(train(METHOD, open_bench(spec, METHOD.tasks), without, Always()))
    run, bench = tmp_path / "run", open_bench(spec, METHOD.tasks)
    list(train(METHOD, bench, run, StopAfter(6)))

    paint_another_class(folder)
    again = open_bench(spec, METHOD.tasks, bench.resolved)
    events = list(train(METHOD, again, run, Always(), attempt=2))

    assert events[-1].outcome == "completed"
    assert again.task.classes == ("background", "ball", "cube")
    (told,) = added_since(again.course)
    assert told.startswith("The run does not know corner (shapes), added since it began: background to it.")
    weights, expected = (load_file(checkpoint_path(each, "student", "done")) for each in (run, without))
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


def test_a_teacher_is_shown_a_true_mask_in_the_classes_it_learned(spec, folder, tmp_path):
    spec = spec.replace(references=(), method=MethodChoice(name="shape-intensity"))
    run = RunFolder.create(tmp_path / "runs", spec).path
    taught = method_named("shape-intensity")
    list(train(taught, open_bench(spec, taught.tasks), run, Always()))

    paint_another_class(folder)
    asked = PredictSpec(
        run=run, stage="teacher", given="true mask", cases=("case_0",), out=tmp_path / "out", hardware=spec.hardware
    )
    events = list(predict(asked, Always()))

    assert any(isinstance(event, CaseDone) for event in events)
    assert events[-1].outcome == "completed", events[-1]
