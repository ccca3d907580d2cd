"""Training a detector of which most images are free of boxes."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from napari_medkd.core.control import Always
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, Schedule, Target, TrainSpec
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.checkpoint import Checkpoints
from napari_medkd.engine.loop import train
from napari_medkd.methods import method_named
from napari_medkd.methods.supervised import SupervisedMethod
from tests.pictures import write_pictures
from tests.stopping import StopAfter

pytestmark = pytest.mark.engine


@pytest.fixture
def spec(tmp_path):
    """A run over pictures of which one in four has a box."""
    folder = write_pictures(tmp_path / "chests", "chests", tasks="b")
    for number in set(range(8)) - {2, 6}:
        (folder / f"boxes{number}.json").write_text(json.dumps({"axes": "IPL", "boxes": []}))
    return TrainSpec(
        datasets=(folder,),
        targets=(Target(task="places"),),
        preprocessing=PreprocessingWishes(patch=(1, 16, 16), spacing=(1.0, 1.0, 1.0)),
        method=MethodChoice(name="joint-teacher"),
        network=NetworkChoice(widths=(4, 8)),
        schedule=Schedule(epochs=2, steps_per_epoch=3, batch_size=3),
        hardware=Hardware(device="cpu", precision="fp32", threads=1),
    )


def trained(spec, run, control, attempt, resolved=None):
    bench = open_bench(spec, frozenset({"detection"}), resolved)
    list(train(method_named(spec.method.name), bench, run, control, attempt=attempt))
    return bench.resolved


def test_every_batch_shows_a_box_though_most_images_have_none(spec):
    bench = open_bench(spec.replace(schedule=spec.schedule.replace(augmentation="none")), frozenset({"detection"}))

    batches = list(bench.batches()(torch.Generator().manual_seed(0)))

    assert all(any(len(target.corners_ND) for target in batch.boxes) for batch in batches)


@pytest.mark.parametrize("looks", [4, 8, 11])
def test_a_detector_that_is_stopped_and_continued_ends_with_the_same_bits(spec, tmp_path, looks):
    trained(spec, tmp_path / "whole", Always(), 1)

    resolved = trained(spec, tmp_path / "stopped", StopAfter(looks), 1)
    assert not checkpoint_path(tmp_path / "stopped", "student", "done").exists()
    trained(spec, tmp_path / "stopped", Always(), 2, resolved)

    one, other = (load_file(checkpoint_path(tmp_path / run, "student", "done")) for run in ("whole", "stopped"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_a_detector_that_begins_from_an_earlier_one_keeps_its_anchors_when_boxes_were_added(spec, tmp_path):
    spec, run = spec.replace(method=MethodChoice(name="supervised")), tmp_path / "earlier"
    earlier = trained(spec, run, Always(), 1)
    (run / "spec.json").write_text(spec.model_dump_json())
    box = {"class": "rectangle", "corners": [0, 2, 2, 1, 30, 7]}
    (spec.datasets[0] / "boxes1.json").write_text(json.dumps({"axes": "IPL", "boxes": [box, box]}))

    again = trained(spec.replace(start_from=run), tmp_path / "again", Always(), 1)

    assert again.courses[0].anchors == earlier.courses[0].anchors
    assert checkpoint_path(tmp_path / "again", "student", "done").exists()


def test_images_too_large_to_find_boxes_in_are_refused_by_name_before_anything_is_trained(spec, monkeypatch):
    monkeypatch.setattr("napari_medkd.engine.data.streamed.MOST_VOXELS_HELD", 1000)

    with pytest.raises(VolumeProblem) as caught:
        open_bench(spec, frozenset({"detection"}))

    files = [Path(problem.where).name for problem in caught.value.problems]
    assert files == ["chests2_0.png", "chests6_0.png"]
    assert "preprocessing.spacing" in caught.value.problems[0].hint


def test_validation_images_too_large_to_find_boxes_in_are_refused_too(spec, monkeypatch):
    for number in (8, 9):
        large = np.zeros((32, 64), np.uint8)
        Image.fromarray(large).save(spec.datasets[0] / f"chests{number}_0.png")
    monkeypatch.setattr("napari_medkd.engine.data.streamed.MOST_VOXELS_HELD", 1500)

    with pytest.raises(VolumeProblem, match=r"chests8_0.png(.|\n)*chests9_0.png"):
        open_bench(spec, frozenset({"detection"}))


def test_a_detector_is_not_judged_by_an_image_it_cannot_find_boxes_in(spec, monkeypatch):
    bench = open_bench(spec, frozenset({"detection"}))
    monkeypatch.setattr("napari_medkd.engine.data.streamed.MOST_VOXELS_HELD", 1000)

    with pytest.raises(VolumeProblem, match="too large"):
        bench.judge(bench.network())()


def test_images_are_not_prepared_to_learn_how_large_their_boxes_are(spec, monkeypatch):
    prepared = []
    monkeypatch.setattr("napari_medkd.engine.data.cases.prepared_image", lambda *_: prepared.append(1))

    bench = open_bench(spec, frozenset({"detection"}))

    assert bench.decided.anchors is not None
    assert not prepared


def test_what_batches_usually_hold_stands_in_a_checkpoint(spec, tmp_path):
    trained(spec, tmp_path / "run", Always(), 1)

    kept = Checkpoints(tmp_path / "run").last_objective("student")

    assert kept["losses.usual_matches.mean"] > 0


def test_a_detector_that_diverges_ends_its_run_as_diverged(spec, tmp_path, monkeypatch):
    original = SupervisedMethod.stages

    def diverging(self, settings, bench):
        for stage in original(self, settings, bench):
            steps = iter(range(100))

            def diverge(module, args, steps=steps, product=stage.product):
                if next(steps) == 4:
                    torch._foreach_mul_([weights.data for weights in product.parameters()], math.inf)

            stage.objective.register_forward_pre_hook(diverge)
            yield stage

    monkeypatch.setattr(SupervisedMethod, "stages", diverging)
    spec = spec.replace(method=MethodChoice(name="supervised"))
    bench = open_bench(spec, frozenset({"detection"}))

    last = list(train(SupervisedMethod(), bench, tmp_path, Always()))[-1]

    assert last.outcome == "failed"
    assert "stopped being a number" in last.message
    assert checkpoint_path(tmp_path, "student", "epoch-00001").is_file()
