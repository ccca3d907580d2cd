"""What a run decides by looking at its data."""

import json

import pytest
from PIL import Image

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
    assert told.startswith("25% of the boxes of 'chests' are too large to be found well: the network sees 19 voxels")
    assert "a patch of 16 x 16 voxels" in told
    assert "Set a larger preprocessing.spacing" in told


def without_wishes(folder, *tasks):
    spec = TrainSpec(
        datasets=(folder,),
        targets=tuple(Target(task=task) for task in tasks),
        method=MethodChoice(name="supervised"),
        network=NetworkChoice(widths=(4, 8)),  # sees 19 voxels
        hardware=Hardware(device="cpu", precision="fp32", threads=1),
    )
    return open_bench(spec, frozenset({"detection", "segmentation"}))


def boxes_of(folder, *sides):
    """Give every training picture, enlarged to 128 x 128 pixels, a square box of one of these sides."""
    for number in range(12):
        for path in folder.glob(f"*{number}*.png"):
            Image.open(path).resize((128, 128), Image.Resampling.NEAREST).save(path)
        side = sides[number % len(sides)]
        box = {"class": "rectangle", "corners": [0, 0, 0, 1, side, side]}
        (folder / f"boxes{number}.json").write_text(json.dumps({"axes": "IPL", "boxes": [box]}))
    return folder


def test_where_boxes_are_too_long_for_the_network_images_are_made_coarser(opacities, tmp_path):
    bench = without_wishes(boxes_of(opacities, 76), "places")

    assert bench.preprocessing.spacing == (1.0, 4.0, 4.0)
    assert bench.preprocessing.patch == (1, 32, 32)
    assert bench.decided.boxes_beyond_patch == 0
    assert bench.decided.remarks("chests") == ()


def test_images_are_not_made_so_coarse_that_their_small_boxes_are_lost(opacities):
    bench = without_wishes(boxes_of(opacities, 76, 16), "places")

    assert bench.preprocessing.spacing == (1.0, 2.0, 2.0)
    assert bench.decided.remarks("chests")[0].startswith("50% of the boxes")


def test_images_whose_boxes_are_seen_stay_as_they_are(opacities):
    assert without_wishes(boxes_of(opacities, 19), "places").preprocessing.spacing == (1.0, 1.0, 1.0)


def test_where_masks_are_drawn_too_images_stay_as_fine_and_it_is_told(tmp_path):
    folder = boxes_of(write_pictures(tmp_path / "chests", "chests", tasks="mb"), 76)

    bench = without_wishes(folder, "shape", "places")

    assert bench.preprocessing.spacing == (1.0, 1.0, 1.0)
    assert bench.decided.remarks("chests")[0].startswith("100% of the boxes")


def test_boxes_that_fit_at_the_spacing_are_not_told(opacities, tmp_path):
    bench = opened(opacities, 2.0)  # 10 x 2 and 3 x 3 voxels

    assert bench.decided.boxes_beyond_patch == 0
    assert remarks(bench, tmp_path) == []
