"""What is written of the preview case while a run trains."""

import json
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from napari_medkd.core.control import Always
from napari_medkd.core.events import PreviewSaved
from napari_medkd.core.grid import Grid
from napari_medkd.core.preview import PreviewPicture
from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.core.spec import MethodChoice, Target
from napari_medkd.core.volume import Volume
from napari_medkd.engine import preview
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.loop import train
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.unet import UNet
from napari_medkd.engine.preview import Previews
from napari_medkd.engine.sliding_window import blended
from napari_medkd.files.opening import read_volume
from napari_medkd.files.previews import read_pictures, write_pictures
from napari_medkd.files.results import read_prediction
from napari_medkd.methods import method_named
from tests import pictures
from tests.methods.joint_runs import spec_of, trained

pytestmark = pytest.mark.engine

KINDS = frozenset({"segmentation"})


@pytest.fixture
def one_shot(tiny_spec):
    return tiny_spec.replace(method=MethodChoice(name="one-shot", settings={"hint": 1.0}), references=("case_0",))


def previews_while(spec, run, **changes):
    events = train(method_named(spec.method.name), open_bench(spec.replace(**changes), KINDS), run, Always())
    return [event for event in events if isinstance(event, PreviewSaved)]


def test_a_one_shot_run_shows_the_reference_on_an_unlabelled_case_and_then_the_student(one_shot, tmp_path):
    gently = one_shot.schedule.replace(learning_rate=1e-4)

    told = previews_while(one_shot, tmp_path, schedule=gently)

    first, last = told[0], told[-1]
    assert {event.case for event in told} == {"case_1"}
    assert (first.stage, last.stage, last.epoch) == ("registration", "student", 2)
    assert [first.path, last.path] == ["previews/registration/case_1", "previews/student/case_1"]
    (warped,) = read_pictures(tmp_path / first.path)
    assert (warped.name, warped.of) == ("warped reference", "case_0")
    # In the unit of the reference's file, where the cube has 140.
    labels = read_prediction(tmp_path / first.path).mask.labels
    assert warped.volume.data[0][labels == 2].mean() == pytest.approx(140, abs=15)
    (drawn,) = read_pictures(tmp_path / last.path)
    assert (drawn.name, drawn.of, drawn.volume.data.shape) == ("reconstruction", "case_1", (1, 24, 24, 24))
    assert read_prediction(tmp_path / last.path).mask is not None


@pytest.mark.parametrize(
    ("changes", "case"),
    [
        ({"references": ("case_0", "case_1")}, "case_2"),
        ({"preview_case": "case_5"}, "case_5"),
        ({"references": (), "method": MethodChoice(name="supervised")}, "case_4"),
    ],
)
def test_which_case_is_shown(one_shot, changes, case):
    bench = open_bench(one_shot.replace(**changes), KINDS)

    assert bench.preview_case.names == (case,)
    assert (bench.preview_case[0].label_ZYX == -1).all()


def test_of_several_references_the_one_that_was_added_last_is_shown(one_shot, tmp_path):
    told = previews_while(one_shot, tmp_path, references=("case_1", "case_0", "case_2"))

    (warped,) = read_pictures(tmp_path / told[0].path)
    assert warped.of == "case_2"


def test_without_a_teacher_that_reconstructs_there_is_no_reconstruction(one_shot, tmp_path):
    method = MethodChoice(name="one-shot", settings={"hint": 0.0})

    told = previews_while(one_shot, tmp_path, method=method)

    assert read_pictures(tmp_path / told[-1].path) == ()


def test_previews_that_cost_too_much_wait_but_not_the_last(one_shot, tmp_path, monkeypatch):
    monkeypatch.setattr(preview, "LARGEST_SHARE", 1e-9)

    method = MethodChoice(name="one-shot", settings={"registration_share": 0.5})

    told = previews_while(one_shot, tmp_path, schedule=one_shot.schedule.replace(epochs=4), method=method)

    seen = [(event.stage, event.epoch) for event in told]
    assert seen == [("registration", 1), ("registration", 2), ("student", 1), ("student", 4)]


def test_looking_changes_nothing_of_the_training(one_shot, tmp_path, monkeypatch):
    weights = []
    for name in ("looked at", "left alone"):
        method = method_named("one-shot")
        events = list(train(method, open_bench(one_shot, KINDS), tmp_path / name, Always()))
        assert events[-1].outcome == "completed"
        weights.append(load_file(checkpoint_path(tmp_path / name, "student", "done")))
        monkeypatch.setattr(Previews, "after_epoch", lambda *_args, **_named: iter(()))

    looked_at, left_alone = weights
    assert all(torch.equal(looked_at[name], left_alone[name]) for name in looked_at)


def test_blended_windows_are_the_answer_itself_where_one_window_holds_all():
    torch.manual_seed(0)
    network = UNet(dimensions=3, in_channels=1, answers=HeadsShape(num_classes=1), widths=(4, 8), skips=True).eval()
    image = torch.rand(1, 16, 16, 16)

    found = blended(network, image, (16, 16, 16), autocast=nullcontext)

    with torch.no_grad():
        torch.testing.assert_close(found, network(image[None]).logits[0])


@pytest.mark.parametrize("shape", [(20, 30, 17), (8, 8, 40)])
def test_blended_windows_cover_every_voxel_of_any_image(shape):
    torch.manual_seed(0)
    network = UNet(dimensions=3, in_channels=2, answers=HeadsShape(num_classes=2), widths=(4, 8), skips=True).eval()

    found = blended(network, torch.rand(2, *shape), (16, 16, 16), autocast=nullcontext)

    assert found.shape == (2, *shape)
    assert found.isfinite().all()


def test_pictures_of_planes_are_kept_with_their_values(tmp_path):
    values = np.random.default_rng(0).normal(size=(2, 1, 12, 9)).astype(np.float32)
    volume = Volume(values, Grid.upright((1, 12, 9), unit="pixel"), ("T1", "T2"))

    write_pictures([PreviewPicture("reconstruction", "plane", volume)], tmp_path)

    (found,) = read_pictures(tmp_path)
    np.testing.assert_array_equal(found.volume.data, values)
    assert found.volume.channels == ("T1", "T2")
    assert read_volume(tmp_path / "reconstruction.tif").grid.is_flat


@pytest.mark.parametrize("name", ["..", "ABSOLUTE"])
def test_whatever_tasks_are_called_previews_stay_in_the_run(name, tmp_path):
    folder, absolute = pictures.write_pictures(tmp_path / "cells", "cells", tasks="mc"), str(tmp_path / "elsewhere")
    name, manifest = name.replace("ABSOLUTE", absolute), folder / "medkd-dataset.json"
    manifest.write_text(manifest.read_text().replace('"border"', json.dumps(name)))
    targets = (Target(dataset="cells", task="shape"), Target(dataset="cells", task=name))
    (tmp_path / "run").mkdir()

    told = trained(spec_of(folder, targets=targets, method="supervised"), tmp_path / "run" / "it")

    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells", "run"]
    written = [tmp_path / "run" / "it" / event.path for event in told if isinstance(event, PreviewSaved)]
    assert {read_prediction(path).task.name for path in written} == {"shape", name}
    assert all(path.resolve().parents[1] == tmp_path / "run" / "it" / "previews" / "student" for path in written)
