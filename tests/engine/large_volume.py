"""A volume of 4.2 GB that takes 5 MB on the disk, and what a process of its own does with it; tells its peak memory.

python -m tests.engine.large_volume FOLDER (crops | labelled-crops | predict | predict-in-small-pieces)
"""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
import zarr
from torch import nn

from napari_medkd.core.control import Always
from napari_medkd.core.events import CaseDone
from napari_medkd.core.preprocessing import IntensityRule, Preprocessing
from napari_medkd.core.spec import PredictSpec
from napari_medkd.engine import pieces
from napari_medkd.engine.checkpoint import TaskCard, WeightsCard
from napari_medkd.engine.data.cases import Cases
from napari_medkd.engine.data.patches import Patches
from napari_medkd.engine.hardware import Machine
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.shape import UNetShape
from napari_medkd.engine.peak_memory import peak_memory_bytes
from napari_medkd.engine.predict import Answering, Predictor, Question, _answered
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_volume

SIDE = 1280
CHUNK = 64
PATCH = (64, 64, 64)
WINDOW = IntensityRule(kind="window", low=0, high=600)
PREPROCESSING = Preprocessing(dimensions=3, spacing=(1, 1, 1), patch=PATCH, channels=("image",), intensity=WINDOW)


def make(folder: Path) -> None:
    """Write image and labels: a value for most chunks, and bright noise that is labelled in sixteen of them."""
    noise = np.random.default_rng(0).integers(400, 600, (CHUNK,) * 3).astype(np.uint16)
    write(folder / "image.ome.zarr", noise, 100, {})
    write(folder / "label.ome.zarr", np.ones_like(noise, np.uint8), 0, {"image-label": {}})
    case = {"id": "a", "images": ["image.ome.zarr"], "annotations": {"organs": "label.ome.zarr"}}
    task = {"kind": "segmentation", "classes": ["background", "organ"]}
    manifest = {"schema_version": 1, "name": "large", "modality": "MR", "tasks": {"organs": task}, "cases": [case]}
    (folder / "medkd-dataset.json").write_text(json.dumps(manifest))


def write(path: Path, chunk: np.ndarray, rest: int, more: dict[str, Any]) -> None:
    group = zarr.open_group(path, mode="w")
    array = group.create_array("0", shape=(SIDE,) * 3, chunks=(CHUNK,) * 3, dtype=chunk.dtype, fill_value=rest)
    for z in range(0, SIDE, 320):
        for y in range(0, SIDE, 320):
            array[z : z + CHUNK, y : y + CHUNK, 640 : 640 + CHUNK] = chunk
    axes = [{"name": name, "type": "space", "unit": "millimeter"} for name in "zyx"]
    scale = [{"type": "scale", "scale": [1, 1, 1]}]
    said = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}]
    group.attrs.update({"ome": {"version": "0.5", "multiscales": said} | more})


def crops(folder: Path, *, labelled: bool) -> dict[str, Any]:
    """Draw training patches."""
    dataset = open_dataset(folder)
    cases = Cases(dataset, (dataset.task("organs"),), ("a",), PREPROCESSING, labelled=labelled)
    generator = torch.Generator().manual_seed(0)
    drawn = [Patches(cases, PATCH).draw(4, generator) for _ in range(5)]
    held = cases[0].held()
    return {
        "bright": [float(one.images_BCZYX.max()) for one in drawn],
        "labelled": [int((one.labels_BZYX == 1).sum()) for one in drawn],
        "agree": all(bool(((one.images_BCZYX[:, 0] > 0.5) == (one.labels_BZYX == 1)).all()) for one in drawn),
        "part": held.image_CZYX.shape,
    }


class Bright(nn.Module):
    """Says of what is bright that it is an organ: a network that takes no time."""

    dimensions = 3

    def __init__(self) -> None:
        super().__init__()
        self.steepness = nn.Parameter(torch.tensor(10.0))

    def forward(self, image: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=torch.cat([0.5 - image, image - 0.5], 1) * self.steepness)


def predict(folder: Path) -> dict[str, Any]:
    """Predict the image into ``answers``."""
    torch.set_num_threads(1)
    shape = UNetShape(dimensions=3, in_channels=1, answers=HeadsShape(num_classes=2), widths=(4, 8), skips=True)
    card = WeightsCard(
        method="supervised",
        stage="student",
        sees="image",
        network=shape,
        preprocessing=PREPROCESSING,
        task=TaskCard(name="organs", kind="segmentation", classes=("background", "organ")),
        epoch=1,
        sha256="",
    )
    machine = Machine(torch.device("cpu"), "fp32")
    predictor = Predictor(Bright(), card, Path("student.safetensors"), machine)
    image = folder / "image.ome.zarr"
    spec = PredictSpec(run=folder / "run", images=(image,), out=folder / "answers")
    question = Question("image", lambda: read_volume(image, channels=("image",)))
    said = list(_answered(Answering(spec, predictor, None), question, Always(), 1))
    return {"paths": [event.path for event in said if isinstance(event, CaseDone)]}


def main() -> None:
    """Do what the command line asks, and print what came of it with the process's peak memory in bytes."""
    folder, task = Path(sys.argv[1]), sys.argv[2]
    if task == "predict-in-small-pieces":
        pieces.PIECE_BYTES = 2**25
    found = predict(folder) if task.startswith("predict") else crops(folder, labelled=task == "labelled-crops")
    sys.stdout.write(json.dumps(found | {"peak": peak_memory_bytes()}))


if __name__ == "__main__":
    main()
