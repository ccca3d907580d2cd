"""Rows whose registration is the same take it over from the first of them: its network and the flows that it found.

A stage's randomness begins anew from the spec's seed, so that what is trained after it is the same bit for bit.
"""

import hashlib
import json
import shutil
from pathlib import Path

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.run_layout import CACHE, CHECKPOINTS
from napari_medkd.core.spec import TrainSpec
from napari_medkd.engine.method import settings_of
from napari_medkd.methods import method_named

_STAGE = "registration"

#: What a method is told of registration.
_SETTINGS = ("smoothness", "contrast", "refinement")


class SharedRegistration:
    """The finished registration of runs that have it in common.

    Parameters
    ----------
    spec, dataset
        Of a run of the method one-shot.
    pool
        Where registrations are kept, a folder for each.
    """

    def __init__(self, spec: TrainSpec, dataset: Dataset, pool: Path) -> None:
        method = method_named(spec.method.name)
        settings = settings_of(method, spec.method)
        (planned, *_) = method.plan(settings, spec.schedule, [dataset.name])
        common = {
            "dataset": [dataset.name, dataset.split.train],
            "references": spec.references,
            "preprocessing": spec.preprocessing.model_dump(mode="json"),
            "schedule": spec.schedule.replace(epochs=planned.epochs).model_dump(mode="json"),
            "settings": {name: getattr(settings, name) for name in _SETTINGS},
            "precision": spec.hardware.precision,
            "seed": spec.seed,
        }
        self._kept = pool / hashlib.sha256(json.dumps(common, default=str).encode()).hexdigest()[:16]

    def lend(self, run: Path) -> None:
        """Put what is kept into the folder of a run that has not begun."""
        if self._kept.is_dir() and not run.exists():
            shutil.copytree(self._kept, run)

    def keep(self, run: Path) -> None:
        """Keep a finished run's registration, if it is the first."""
        if self._kept.is_dir():
            return
        half = self._kept.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(run / CACHE, half / CACHE)
        (half / CHECKPOINTS).mkdir()
        for file in (run / CHECKPOINTS).glob(f"{_STAGE}.*"):
            shutil.copy2(file, half / CHECKPOINTS)
        half.rename(self._kept)
