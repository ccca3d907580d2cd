"""Fixtures shared by all tests."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_medkd.core.spec import Hardware, NetworkChoice, Schedule, TrainSpec


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
def tiny_spec(tiny_dataset: Path) -> TrainSpec:
    """Two epochs of four steps with a tiny network, on the CPU in single precision, without augmentation."""
    return TrainSpec(
        datasets=(tiny_dataset,),
        network=NetworkChoice(widths=(4, 8)),
        schedule=Schedule(epochs=2, steps_per_epoch=4, batch_size=2, learning_rate=1e-2, augmentation="none"),
        hardware=Hardware(device="cpu", precision="fp32", threads=1),
        seed=7,
    )
