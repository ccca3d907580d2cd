"""Counts how long each stage of a run trains, over all attempts, in a file of the run's folder."""

import json
import time
from pathlib import Path

from napari_medkd.core.events import AnyEvent, CheckpointSaved
from napari_medkd.files.atomic import write_text

_FILE = "seconds.json"


class StageClock:
    """Hears the events of a training run as they come.

    Parameters
    ----------
    run
        The run's folder.
    """

    def __init__(self, run: Path) -> None:
        self._run = run
        self._seconds = seconds_of(run)
        self._last = time.monotonic()

    def hear(self, event: AnyEvent) -> None:
        """Count the time since the last event for the stage this one is about; a lost epoch's counts nowhere."""
        now, stage = time.monotonic(), getattr(event, "stage", "")
        if stage:
            self._seconds[stage] = self._seconds.get(stage, 0.0) + now - self._last
        self._last = now
        if isinstance(event, CheckpointSaved):
            write_text(self._run / _FILE, json.dumps(self._seconds))


def seconds_of(run: Path) -> dict[str, float]:
    """Return the seconds of each stage that was trained in a run's folder."""
    path = run / _FILE
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
