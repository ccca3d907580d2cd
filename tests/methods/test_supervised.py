"""The plain baseline learns masks, classes and boxes."""

from pathlib import Path

import pytest

from napari_medkd.core.control import Always
from napari_medkd.core.events import EpochDone
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, Schedule, Target, TrainSpec
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.loop import train
from napari_medkd.methods import method_named
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine


def test_one_network_learns_masks_classes_and_boxes(tmp_path: Path):
    spec = TrainSpec(
        datasets=(write_pictures(tmp_path / "cells", "cells"),),
        targets=tuple(Target(task=name) for name in ("shape", "border", "places")),
        method=MethodChoice(name="supervised"),
        network=NetworkChoice(widths=(8, 16, 16)),
        schedule=Schedule(epochs=1, steps_per_epoch=80, batch_size=8, learning_rate=1e-2, augmentation="none"),
        hardware=Hardware(device="cpu", precision="fp32", threads=1),
    )
    method = method_named("supervised")

    events = list(train(method, open_bench(spec, method.tasks), tmp_path / "run", Always()))

    (scores,) = [event.metrics for event in events if isinstance(event, EpochDone)]
    assert scores["dice rectangle"] > 0.9
    assert scores["auc framed"] == 1
    assert scores["ap rectangle"] > 0.8
    assert scores["score"] > 0.9
