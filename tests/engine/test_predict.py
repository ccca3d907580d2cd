"""Predictions of image files by a network of a run."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_medkd.core.control import Always
from napari_medkd.core.errors import InputProblem
from napari_medkd.core.events import CaseDone
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.spec import Hardware, PredictSpec, TrainSpec
from napari_medkd.engine.checkpoint import Checkpoints, TaskCard, WeightsCard
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.shape import UNetShape
from napari_medkd.engine.predict import predict
from napari_medkd.files.results import predictions_in, read_prediction
from napari_medkd.runs.folder import RunFolder

pytestmark = pytest.mark.engine

RGB = ("red", "green", "blue")


def _run(folder: Path, *channels: str) -> Path:
    """Make a run whose student, a 2-D network, has the weights it started with."""
    run = RunFolder.create(folder, TrainSpec(datasets=(folder / "data",))).path
    shape = UNetShape(
        dimensions=2, in_channels=len(channels), answers=HeadsShape(num_classes=2), widths=(4, 8), skips=True
    )
    card = WeightsCard(
        method="supervised",
        stage="student",
        sees="image",
        network=shape,
        preprocessing=Preprocessing(dimensions=2, spacing=(1, 1, 1), patch=(1, 8, 8), channels=channels),
        task=TaskCard(name="cells", kind="segmentation", classes=("background", "cell")),
        epoch=1,
        sha256="",
    )
    Checkpoints(run).save_product("done", shape.build(), (card,))
    return run


def _picture(path: Path, *, colours: int = 1) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 255, (9, 8, colours), np.uint8)
    Image.fromarray(pixels.squeeze()).save(path)
    return path


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
