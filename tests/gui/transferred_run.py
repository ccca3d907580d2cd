"""A one-shot run that has written previews of a case, made without training."""

from pathlib import Path

import numpy as np

from napari_medkd.core.annotation import Mask
from napari_medkd.core.events import PreviewSaved
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.preview import PictureName, PreviewPicture
from napari_medkd.core.spec import MethodChoice, TrainSpec
from napari_medkd.core.volume import Volume
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_mask, read_volume
from napari_medkd.files.previews import write_pictures
from napari_medkd.files.results import write_prediction
from napari_medkd.gui.state import Preview
from napari_medkd.runs.folder import RunFolder

REFERENCE, CASE = "case_0", "case_1"


def one_shot_run(parent: Path, dataset: Path) -> Path:
    """Make a one-shot run of the tiny dataset that has written nothing yet."""
    spec = TrainSpec(datasets=(dataset,), references=(REFERENCE,), method=MethodChoice(name="one-shot"))
    return RunFolder.create(parent, spec).path


def _write(run: Path, dataset: Path, stage: str, epoch: int, mask: Mask, name: PictureName | None) -> Preview:
    opened = open_dataset(dataset)
    volume = read_volume(opened.case(CASE).images)
    task = opened.task("shapes")
    prediction = Prediction(CASE, task, volume.grid, run.name, f"{stage}.epoch-{epoch:05d}", mask=mask)
    folder = write_prediction(prediction, run / "previews" / stage)
    if name is not None:
        picture = Volume((volume.data + epoch).astype(np.float32), volume.grid, ("image",))
        write_pictures([PreviewPicture(name, REFERENCE if stage == "registration" else CASE, picture)], folder)
    path = folder.relative_to(run).as_posix()
    return Preview(run, (PreviewSaved(case=CASE, stage=stage, epoch=epoch, path=path),))


def register(run: Path, dataset: Path, epoch: int = 1) -> Preview:
    """Write what a stage of registration shows: the case brighter by its epoch, with the reference's label on it."""
    opened = open_dataset(dataset)
    task, grid = opened.task("shapes"), read_volume(opened.case(CASE).images).grid
    path = opened.case(REFERENCE).annotations["shapes"]
    assert isinstance(path, Path)
    labels = np.roll(read_mask(path, task).labels, (2, 0, -1), (0, 1, 2))
    return _write(run, dataset, "registration", epoch, Mask(labels, grid, task), "warped reference")


def learn(run: Path, dataset: Path, epoch: int = 1, *, label: int = 1, reconstructs: bool = False) -> Preview:
    """Write what a student shows: a mask full of one label."""
    opened = open_dataset(dataset)
    task, grid = opened.task("shapes"), read_volume(opened.case(CASE).images).grid
    mask = Mask(np.full(grid.shape, label, np.uint8), grid, task)
    return _write(run, dataset, "student", epoch, mask, "reconstruction" if reconstructs else None)
