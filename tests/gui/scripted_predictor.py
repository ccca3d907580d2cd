"""A process that predicts without a network, and otherwise keeps every rule of a prediction folder.

Run as ``python scripted_predictor.py predict OUT``. The student calls voxels by their brightness, the
teacher says the same one voxel further to the left. ``MEDKD_SCRIPT`` makes it fail, wait for an order before the first
case or after it, die, or answer three tasks. The student is the less sure the larger the number at the end of a case's
id.
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_medkd.cli.attempt import carry_out
from napari_medkd.core.annotation import Boxes, Mask
from napari_medkd.core.control import Control
from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.events import AnyEvent, CaseDone, RunEnded
from napari_medkd.core.prediction import Attention, ClassScores, Prediction, ScoredBoxes
from napari_medkd.core.spec import PredictSpec
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_volume
from napari_medkd.files.results import write_prediction
from napari_medkd.runs.folder import RunFolder

TASK = Task("shapes", "segmentation", ("background", "ball", "cube"))
GRADE = Task("grade", "classification", ("small", "large"))
FOUND = Task("found", "detection", ("ball", "cube"))
_BETWEEN = (50.0, 110.0)


def predict(spec: PredictSpec, control: Control) -> Iterator[AnyEvent]:
    """Yield what a prediction says, and write what it writes."""
    behaviour = os.environ.get("MEDKD_SCRIPT", "answer")
    if behaviour == "die":
        os._exit(9)
    if behaviour == "wait":
        yield _waited(control)
        return
    if behaviour == "fail":
        raise VolumeProblem("scan.nii.gz", "The image is upside down.", "Turn it round.")
    for number, (name, images) in enumerate(_asked(spec)):
        if behaviour == "wait after one" and number:
            yield _waited(control)
            return
        volume = read_volume(images)
        labels = np.digitize(volume.data[0], _BETWEEN).astype(np.uint8)
        if spec.stage == "teacher":
            labels = np.roll(labels, 1, axis=2)
        shown = "image" if spec.given == "image" else f"class means of the {spec.given}"
        mask = Mask(labels, volume.grid, TASK)
        unsure = int(name[-1]) / 10 if name[-1].isdigit() else 0.5
        checkpoint = f"{spec.stage}.done"
        prediction = Prediction(
            name, TASK, volume.grid, spec.run.name, checkpoint, mask, shown=shown, uncertainty=unsure
        )
        if behaviour == "three tasks":
            path, *_ = (write_prediction(one, spec.out / one.task.name) for one in _three(prediction, mask))
        else:
            path = write_prediction(prediction, spec.out)
        of_cases = len(spec.cases) or len(spec.images)
        yield CaseDone(case=name, path=str(path), seconds=0.1, of_cases=of_cases, uncertainty=unsure)
    yield RunEnded(outcome="completed")


def _three(prediction: Prediction, mask: Mask) -> Iterator[Prediction]:
    """Yield the mask, a class with where it was looked for, and the boxes of components, the surer the larger."""
    yield prediction
    large = 0.8 if prediction.checkpoint.startswith("student") else 0.3
    looked = Attention("large", (mask.labels > 0).astype(np.float32))
    scores = ClassScores({"small": 1 - large, "large": large})
    yield replace(prediction, task=GRADE, mask=None, uncertainty=None, scores=scores, attention=looked)
    boxes = Boxes.from_mask(mask, FOUND)
    sizes = np.prod(boxes.corners[:, 3:] - boxes.corners[:, :3], axis=1)
    found = ScoredBoxes(boxes, sizes / (sizes.max() + 1))
    yield replace(prediction, task=FOUND, mask=None, uncertainty=None, boxes=found)


def _waited(control: Control) -> RunEnded:
    while control.wish() != "stop":
        time.sleep(0.02)
    return RunEnded(outcome="cancelled", message="The prediction was stopped.")


def _asked(spec: PredictSpec) -> Iterator[tuple[str, tuple[Path, ...]]]:
    if spec.images:
        yield spec.images[0].name.split(".")[0], spec.images
        return
    assert spec.data is not None
    dataset = open_dataset(spec.data)
    for name in spec.cases:
        yield name, dataset.case(name).images


if __name__ == "__main__":
    folder = RunFolder(Path(sys.argv[2]))
    sys.exit(carry_out(folder, 1, lambda control, _: predict(folder.prediction_spec(), control)))
