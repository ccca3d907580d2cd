"""Fixtures shared by all tests."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from numpy.typing import NDArray

from napari_medkd.core.events import (
    AnyEvent,
    CheckpointSaved,
    EpochDone,
    RunStarted,
    StagePlan,
    StageStarted,
    StepDone,
)
from napari_medkd.core.spec import Hardware, NetworkChoice, Schedule, TrainSpec
from napari_medkd.runs.folder import RunFolder

#: What a property is must not depend on what else the machine is doing.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


def _ball_and_cube(seed: int) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return a 24³ image and its labels: 1 a ball, 2 a cube, brighter than a noisy background."""
    random = np.random.default_rng(seed)
    z, y, x = np.indices((24, 24, 24))
    centre = random.integers(7, 10, 3)
    labels = np.zeros((24, 24, 24), np.uint8)
    labels[(z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2 <= 16] = 1
    low = random.integers(13, 16, 3)
    labels[low[0] : low[0] + 6, low[1] : low[1] + 6, low[2] : low[2] + 6] = 2
    image = np.choose(labels, [20.0, 80.0, 140.0]) + random.normal(0, 8, labels.shape)
    return image.astype(np.float32), labels


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of six 24³ volumes with balls and cubes: four train, one validates, one tests."""
    nibabel = pytest.importorskip("nibabel")
    folder = tmp_path_factory.mktemp("tiny")
    task = {"kind": "segmentation", "classes": ["background", "ball", "cube"]}
    cases = []
    for number in range(6):
        image, labels = _ball_and_cube(number)
        name = f"case_{number}"
        for kind, array in (("images", image), ("labels", labels)):
            (folder / kind).mkdir(exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(array.T, np.diag([1.0, 1.0, 1.5, 1.0])), folder / kind / f"{name}.nii.gz")
        cases.append(
            {
                "id": name,
                "images": [f"images/{name}.nii.gz"],
                "group": name,
                "domain": "A",
                "annotations": {"shapes": f"labels/{name}.nii.gz"},
            }
        )
    split = {"train": [f"case_{n}" for n in range(4)], "validate": ["case_4"], "test": ["case_5"]}
    manifest = {
        "schema_version": 1,
        "name": "tiny",
        "channels": ["image"],
        "modality": "MR",
        "tasks": {"shapes": task},
        "cases": cases,
        "split": split,
    }
    (folder / "medkd-dataset.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


@pytest.fixture
def unsure_dataset(tiny_dataset: Path, tmp_path: Path) -> Path:
    """The tiny dataset, in which the cubes are to be ignored."""
    document = json.loads((tiny_dataset / "medkd-dataset.json").read_text(encoding="utf-8"))
    document["tasks"]["shapes"] |= {"ignore": 255, "label_map": {"2": 255}}
    for case in document["cases"]:
        case["images"] = [str(tiny_dataset / path) for path in case["images"]]
        case["annotations"] = {"shapes": str(tiny_dataset / case["annotations"]["shapes"])}
    folder = tmp_path / "unsure"
    folder.mkdir()
    (folder / "medkd-dataset.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.fixture
def tiny_spec(tiny_dataset: Path) -> TrainSpec:
    """Two epochs of four steps with a tiny network, on the CPU in single precision, without augmentation."""
    return TrainSpec(
        datasets=(tiny_dataset,),
        network=NetworkChoice(widths=(4, 8)),
        schedule=Schedule(epochs=2, steps_per_epoch=4, batch_size=2, learning_rate=1e-2, augmentation="none"),
        hardware=Hardware(device="cpu", precision="fp32", threads=1),
        seed=7,
    )


def _scripted_epoch(stage: str, epoch: int) -> list[AnyEvent]:
    """Return what a run says during one epoch of five steps."""
    steps = range(5 * epoch - 4, 5 * epoch + 1)
    weights = f"checkpoints/{stage}.epoch-{epoch:05d}.safetensors"
    return [
        *(StepDone(stage=stage, step=step, losses={"dice": 1 / step}, seconds_per_step=0.1) for step in steps),
        EpochDone(stage=stage, epoch=epoch, step=5 * epoch, metrics={"score": 0.4 + 0.1 * epoch}, is_best=True),
        CheckpointSaved(path=weights, stage=stage, epoch=epoch),
    ]


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    """A run of two stages, two epochs of five steps each, in the middle: one epoch of the student is done.

    No process is at work on it: whoever looks finds it lost, until a test appends its end or holds its heartbeat.
    """
    spec = TrainSpec(name="scripted", datasets=(tmp_path / "data",), schedule=Schedule(epochs=2, steps_per_epoch=5))
    run = RunFolder.create(tmp_path / "runs", spec, now=datetime(2026, 11, 21, 2, 10, tzinfo=UTC))
    plan = (StagePlan("teacher", 2, 5), StagePlan("student", 2, 5))
    started = RunStarted(
        run=run.name,
        method=spec.method.name,
        host="a-host",
        pid=1,
        versions={"napari-medkd": "0.1.0"},
        seed=0,
        plan=plan,
        device="cpu",
        precision="fp32",
    )
    teacher, student = (StageStarted(stage=stage.name, epochs=2, steps_per_epoch=5) for stage in plan)
    first_half = [started, teacher, *_scripted_epoch("teacher", 1), *_scripted_epoch("teacher", 2)]
    for event in (*first_half, student, *_scripted_epoch("student", 1)):
        run.append(event)
    return run
