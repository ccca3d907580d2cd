"""What a run decides by looking at its data."""

import json

import pytest

from napari_medkd.core.control import Always
from napari_medkd.core.events import Noticed
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, Schedule, Target, TrainSpec
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.loop import train
from napari_medkd.methods import method_named
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine


@pytest.fixture
def opacities(tmp_path):
    """Eight training pictures of a box each: six of 6 x 6 pixels, two of 20 x 4."""
    folder = write_pictures(tmp_path / "chests", "chests", tasks="b")
    for number in range(8):
        corners = [0, 4, 4, 1, 24, 8] if number < 2 else [0, 4, 4, 1, 10, 10]
        box = {"class": "rectangle", "corners": corners}
        (folder / f"boxes{number}.json").write_text(json.dumps({"axes": "IPL", "boxes": [box]}))
    return folder


def opened(folder, spacing):
    spec = TrainSpec(
        datasets=(folder,),
        targets=(Target(task="places"),),
        preprocessing=PreprocessingWishes(patch=(1, 16, 16), spacing=(1, spacing, spacing)),
        method=MethodChoice(name="supervised"),
        network=NetworkChoice(widths=(4, 8)),
        schedule=Schedule(epochs=1, steps_per_epoch=1, batch_size=2),
        hardware=Hardware(device="cpu", precision="fp32", threads=1),
    )
    return open_bench(spec, frozenset({"detection"}))


def remarks(bench, tmp_path):
    events = list(train(method_named("supervised"), bench, tmp_path / "run", Always()))
    assert events[-1].outcome == "completed"
    return [event.message for event in events if isinstance(event, Noticed)]


def test_boxes_that_are_larger_than_a_patch_are_told_before_they_are_learned_from(opacities, tmp_path):
    bench = opened(opacities, 1.0)

    (told,) = remarks(bench, tmp_path)

    assert bench.decided.boxes_beyond_patch == 0.25
    assert told.startswith("25% of the boxes of 'chests' are larger than a patch of 16 x 16 voxels")
    assert "Set a larger preprocessing.spacing" in told


def test_boxes_that_fit_at_the_spacing_are_not_told(opacities, tmp_path):
    bench = opened(opacities, 2.0)  # 10 x 2 and 3 x 3 voxels

    assert bench.decided.boxes_beyond_patch == 0
    assert remarks(bench, tmp_path) == []
