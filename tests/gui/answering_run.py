"""A run whose networks can be asked, made without training; `scripted_predictor.py` answers for them."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_medkd.core.events import RunEnded
from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.core.spec import PredictSpec, TrainSpec
from napari_medkd.gui.following import follow
from napari_medkd.gui.presenters.predicting import Predicting
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.launch import Here

PREDICTOR = Path(__file__).with_name("scripted_predictor.py")
BOTH = (("student", "image"), ("teacher", "class means"))


def make_run(parent: Path, dataset: Path, networks: Sequence[tuple[str, str]] = BOTH) -> Path:
    """Make a run of a dataset with the cards of its networks, each as (stage, what it sees)."""
    run = RunFolder.create(parent, TrainSpec(datasets=(dataset,)))
    for stage, sees in networks:
        add_network(run.path, stage, sees)
    return run.path


def finish(run: Path) -> None:
    """Let a run have come to its end."""
    RunFolder(run).append(RunEnded(outcome="completed"))


def add_network(
    run: Path, stage: str, sees: str = "image", tasks: Sequence[dict[str, Any]] = (), dataset: str = ""
) -> None:
    """Put the card of a trained network into a run; ``tasks`` are those it answers besides the mask."""
    weights = checkpoint_path(run, stage, "done")
    weights.parent.mkdir(exist_ok=True)
    weights.write_bytes(b"")
    card = {
        "method": "shape-intensity",
        "stage": stage,
        "sees": sees,
        "dataset": dataset,
        "preprocessing": {"channels": ["image"]},
        "task": {"name": "shapes", "kind": "segmentation", "classes": ["background", "ball", "cube"]},
    }
    if tasks:
        card["tasks"] = [card["task"], *tasks]
    weights.with_suffix(".json").write_text(json.dumps(card))


def scripted_python(folder: Path) -> Path:
    """Return something that is started like Python, and has the scripted predictor answer, not `-m napari_medkd`."""
    script = folder / "python"
    script.write_text(f'#!/bin/sh\nshift 2\nexec "{sys.executable}" "{PREDICTOR}" "$@"\n')
    script.chmod(0o755)
    return script


class HereAndWait:
    """Launches the scripted predictor when it is asked to, and is listened to in the test's own time."""

    def __init__(self) -> None:
        self.specs: list[PredictSpec] = []

    def predict(self, spec: PredictSpec) -> None:
        self.specs.append(spec)

    def hear_out(self, predicting: Predicting) -> Any:
        """Start the process of the newest spec, and hand over all it says until it has ended."""
        spec = self.specs[-1]
        for heard in follow(spec.out, lambda: Here(Path(sys.executable), (str(PREDICTOR),)).predict(spec)):
            if heard is not None:
                predicting.hear(heard)
