"""Predictions of image files by a network of a run."""

import json
from itertools import pairwise
from pathlib import Path

import dask.array
import numpy as np
import pytest
import torch
from PIL import Image

from napari_medkd.core.box_measures import MOST_BOXES
from napari_medkd.core.control import Always
from napari_medkd.core.errors import InputProblem, SpecProblem
from napari_medkd.core.events import CaseDone, Noticed
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.spec import Hardware, PredictSpec, TrainSpec
from napari_medkd.core.status import status_of
from napari_medkd.core.volume import Volume
from napari_medkd.engine.checkpoint import Checkpoints, TaskCard, WeightsCard
from napari_medkd.engine.known_images import in_known_order
from napari_medkd.engine.networks.anchors import AnchorSizes
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.shape import UNetShape
from napari_medkd.engine.predict import predict
from napari_medkd.files.opening import write_volume
from napari_medkd.files.results import predictions_in, read_prediction
from napari_medkd.runs.folder import RunFolder

pytestmark = pytest.mark.engine

RGB = ("red", "green", "blue")


CELLS = TaskCard(name="cells", kind="segmentation", classes=("background", "cell"))
SPOTS = TaskCard(name="spots", kind="detection", classes=("spot",))
STAGE = TaskCard(name="stage", kind="classification", classes=("early", "late"))


def _run(folder: Path, *channels: str, tasks: tuple[TaskCard, ...] = (CELLS,)) -> Path:
    """Make a run whose student, a 2-D network, has the weights it started with."""
    run = RunFolder.create(folder, TrainSpec(datasets=(folder / "data",))).path
    answers = HeadsShape(
        num_classes=2,
        num_scores=2 if STAGE in tasks else 0,
        num_box_classes=1 if SPOTS in tasks else 0,
        anchors=AnchorSizes(levels=(1,), sizes=(((2.0, 2.0),),)) if SPOTS in tasks else None,
    )
    shape = UNetShape(dimensions=2, in_channels=len(channels), answers=answers, widths=(4, 8), skips=True)
    card = WeightsCard(
        method="supervised",
        stage="student",
        sees="image",
        network=shape,
        preprocessing=Preprocessing(
            dimensions=2, spacing=(1, 1, 1), patch=(1, 8, 8), channels=channels, whole=STAGE in tasks
        ),
        task=tasks[0],
        tasks=tasks,
        epoch=1,
        sha256="",
    )
    torch.manual_seed(0)
    network = shape.build()
    torch.nn.init.normal_(network.heads.segmentation.weight)  # an answer that depends on the image
    if SPOTS in tasks:  # one at every anchor
        torch.nn.init.zeros_(network.heads.detection.classes.bias)
        torch.nn.init.zeros_(network.heads.detection.offsets.weight)
    Checkpoints(run).save_product("done", network, (card,))
    return run


def _picture(path: Path, *, colours: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 255, (9, 8, colours), np.uint8)
    Image.fromarray(pixels.squeeze()).save(path)
    return path


def _dataset(folder: Path, *channels: str) -> Path:
    """Make a dataset of one case with a picture for each channel, the same one for the same channel."""
    images = [_picture(folder / f"{channel}.png") for channel in channels]
    case = {"id": "c", "images": [path.name for path in images], "annotations": {}}
    task = {"kind": "segmentation", "classes": ["background", "cell"]}
    manifest = {"schema_version": 1, "name": folder.name, "channels": channels, "tasks": {"cells": task}}
    (folder / "medkd-dataset.json").write_text(json.dumps(manifest | {"cases": [case]}), encoding="utf-8")
    return folder


def _answer(run: Path, data: Path) -> Prediction:
    """Predict the case of a dataset, and return the answer."""
    hardware = Hardware(device="cpu", precision="fp32", threads=1)
    spec = PredictSpec(run=run, cases=("c",), data=data, out=run / data.name, hardware=hardware)
    (done,) = [event for event in predict(spec, Always()) if isinstance(event, CaseDone)]
    return read_prediction(Path(done.path))


def _predicted(run: Path, *images: Path) -> list[str]:
    """Predict the files, and return the names the answers were given."""
    hardware = Hardware(device="cpu", precision="fp32", threads=1)
    spec = PredictSpec(run=run, images=images, out=run / "answers", hardware=hardware)
    return [event.case for event in predict(spec, Always()) if isinstance(event, CaseDone)]


def test_an_answer_says_how_unsure_it_is_where_it_is_announced_and_where_it_is_kept(tmp_path: Path):
    run = _run(tmp_path, "image")
    hardware = Hardware(device="cpu", precision="fp32", threads=1)
    spec = PredictSpec(run=run, images=(_picture(tmp_path / "a.png"),), out=run / "answers", hardware=hardware)

    (announced,) = [event for event in predict(spec, Always()) if isinstance(event, CaseDone)]

    assert announced.uncertainty is not None
    assert 0 < announced.uncertainty <= 1
    assert read_prediction(Path(announced.path)).uncertainty == announced.uncertainty


def test_a_prediction_says_of_how_many_cases_it_is_before_the_first(tmp_path: Path):
    run, images = _run(tmp_path, "image"), tuple(_picture(tmp_path / name) for name in ("a.png", "b.png"))
    hardware = Hardware(device="cpu", precision="fp32", threads=1)

    events = list(predict(PredictSpec(run=run, images=images, out=run / "answers", hardware=hardware), Always()))
    killed_and_started_again = status_of([*events[:2], *events])

    assert [event.kind for event in events] == ["prediction_started", "case_done", "case_done", "run_ended"]
    assert (killed_and_started_again.step, killed_and_started_again.of_steps) == (2, 2)


def test_dots_in_a_name_tell_files_apart(tmp_path: Path):
    images = [_picture(tmp_path / name) for name in ("p1.2020.png", "p1.2021.PNG")]

    assert _predicted(_run(tmp_path, "image"), *images) == ["p1.2020", "p1.2021"]


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path):
    run = _run(tmp_path, "image")
    images = [_picture(tmp_path / name) for name in ("a/ct/scan.png", "b/ct/scan.png", "b/ct/other.png")]

    assert _predicted(run, *images) == ["a_ct_scan", "b_ct_scan", "b_ct_other"]
    assert len({read_prediction(path).case for path in predictions_in(run / "answers")}) == 3


def test_files_that_no_name_tells_apart_are_refused(tmp_path: Path):
    images = [_picture(tmp_path / name) for name in ("scan.png", "scan.tif")]

    with pytest.raises(InputProblem, match=r"scan\.png, scan\.tif"):
        _predicted(_run(tmp_path, "image"), *images)


def test_pictures_in_colour_are_one_case_each(tmp_path: Path):
    run = _run(tmp_path, *RGB)
    images = [_picture(tmp_path / f"{letter}.png", colours=3) for letter in "abc"]

    assert _predicted(run, images[0]) == ["a"]
    assert _predicted(run, *images) == ["a", "b", "c"]


def test_files_of_one_channel_each_are_the_channels_of_one_case(tmp_path: Path):
    images = [_picture(tmp_path / name) for name in ("first.png", "second.png")]

    assert _predicted(_run(tmp_path, "t1", "flair"), *images) == ["first"]


def test_a_file_with_other_channels_than_the_network_is_told_by_name(tmp_path: Path):
    image = _picture(tmp_path / "photo.png", colours=3)

    with pytest.raises(InputProblem) as refused:
        _predicted(_run(tmp_path, "t1", "flair"), image)

    (problem,) = refused.value.problems
    assert problem.where == str(image)
    assert problem.problem == "The image has 3 channels; expected 2: t1, flair."


def _volume(path: Path) -> Path:
    voxels = np.random.default_rng(0).normal(size=(1, 5, 9, 8)).astype(np.float32)
    write_volume(path, Volume(voxels, Grid.upright((5, 9, 8)), ("image",)))
    return path


def test_a_class_of_planes_is_not_asked_of_a_volume(tmp_path: Path):
    run, volume = _run(tmp_path, "image", tasks=(STAGE,)), _volume(tmp_path / "scan.nii.gz")
    picture = _picture(tmp_path / "plane.png")

    with pytest.raises(InputProblem) as refused:
        _predicted(run, volume, picture)

    (problem,) = refused.value.problems
    assert problem.where == str(volume)
    assert problem.problem == (
        "The image has 5 planes; expected one: the network was trained on planes, and answers 'stage' (classification) "
        "for a single one alone."
    )
    assert "Save the planes that matter as pictures" in problem.hint
    assert [read_prediction(path).case for path in predictions_in(run / "answers")] == ["plane"]


def test_a_network_of_planes_that_answers_more_gives_a_volume_its_mask_alone_and_says_so(tmp_path: Path):
    run, volume = _run(tmp_path, "image", tasks=(CELLS, STAGE)), _volume(tmp_path / "scan.nii.gz")
    hardware = Hardware(device="cpu", precision="fp32", threads=1)
    spec = PredictSpec(run=run, images=(volume,), out=run / "answers", hardware=hardware)

    said = list(predict(spec, Always()))

    (told,) = [event.message for event in said if isinstance(event, Noticed)]
    assert told == (
        "The image has 5 planes; expected one: the network was trained on planes, and answers 'stage' (classification) "
        "for a single one alone. Its masks are drawn plane by plane."
    )
    assert predictions_in(run / "answers" / "stage") == []
    (path,) = predictions_in(run / "answers" / "cells")
    mask = read_prediction(path).mask
    assert mask is not None
    assert all(np.unique(plane).tolist() == [0, 1] for plane in mask.labels)  # of a picture in each plane
    assert not any(np.array_equal(one, other) for one, other in pairwise(mask.labels))


def test_masks_of_planes_are_predicted_through_a_volume(tmp_path: Path):
    run = _run(tmp_path, "image")

    assert _predicted(run, _volume(tmp_path / "scan.nii.gz")) == ["scan"]


def test_channels_that_a_dataset_lists_in_another_order_are_shown_in_the_network_s(tmp_path: Path):
    run = _run(tmp_path, "t1", "flair")

    own, turned = (
        _answer(run, _dataset(tmp_path / "-".join(order), *order)) for order in (("t1", "flair"), ("flair", "t1"))
    )

    assert own.mask is not None
    assert turned.mask is not None
    assert np.array_equal(own.mask.labels, turned.mask.labels)
    assert own.uncertainty == turned.uncertainty


def test_a_dataset_of_other_channels_is_refused_before_anything_is_predicted(tmp_path: Path):
    run = _run(tmp_path, "t1", "flair")

    with pytest.raises(SpecProblem, match=r"saw the channels t1, flair; 'other' has t1, t2\."):
        _answer(run, _dataset(tmp_path / "other", "t1", "t2"))

    assert not (run / "other").exists()


def test_one_channel_may_have_another_name(tmp_path: Path):
    assert _answer(_run(tmp_path, "image"), _dataset(tmp_path / "scans", "t1")).case == "c"


def test_channels_of_a_file_that_stays_on_the_disk_are_put_in_order_without_reading_it(tmp_path: Path):
    mapped = np.memmap(tmp_path / "image.raw", np.uint8, "w+", shape=(3, 2, 2, 2))
    mapped[:] = np.arange(3)[:, None, None, None]
    volume = Volume(mapped, Grid((2, 2, 2), np.eye(4)), ("t1", "t2", "flair"))

    turned = in_known_order(volume, ("flair", "t1", "t2"))

    assert isinstance(turned.data, dask.array.Array)
    assert np.asarray(turned.data)[:, 0, 0, 0].tolist() == [2, 0, 1]
    assert turned.channels == ("flair", "t1", "t2")


def test_files_of_a_person_where_answers_would_be_are_not_replaced(tmp_path: Path):
    run = _run(tmp_path, "image")
    images = [_picture(tmp_path / name) for name in ("a.png", "patient.png")]
    drawn = [run / "answers" / "patient" / name for name in ("mask.png", "mask.tif")]
    for path in drawn:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("an expert's")

    with pytest.raises(SpecProblem, match=r"patient.mask\.png, .*patient.mask\.tif\. Choose another folder"):
        _predicted(run, *images)

    assert [path.read_text() for path in drawn] == ["an expert's"] * 2
    assert not (run / "answers" / "a").exists()


def test_what_was_predicted_before_is_replaced(tmp_path: Path):
    run, image = _run(tmp_path, "image"), _picture(tmp_path / "a.png")

    assert _predicted(run, image) == _predicted(run, image) == ["a"]


@pytest.mark.parametrize(("side", "notices"), [(8, 0), (24, 1)])
def test_where_more_boxes_may_be_there_than_are_kept_is_told_once(tmp_path: Path, side: int, notices: int):
    run = _run(tmp_path, "gray", tasks=(CELLS, SPOTS))
    images = (tmp_path / "a.png", tmp_path / "b.png")
    for path in images:
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (side, side), np.uint8)).save(path)
    quick = Hardware(device="cpu", precision="fp32", threads=1)
    spec = PredictSpec(run=run, images=images, out=tmp_path / "out", hardware=quick)

    said = list(predict(spec, Always()))

    found = [len(read_prediction(path).boxes.scores) for path in predictions_in(tmp_path / "out" / "spots")]
    assert len(found) == 2
    assert [each == MOST_BOXES for each in found] == [notices == 1] * 2
    told = [event.message for event in said if isinstance(event, Noticed)]
    assert told == ["2 of 2 images have 100 boxes of a class: no more are kept of one, the surest."] * notices
