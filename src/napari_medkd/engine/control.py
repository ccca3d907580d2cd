"""Obeys a person between two steps of training or prediction."""

import time
from collections.abc import Iterator

from napari_medkd.core.control import Control
from napari_medkd.core.events import AnyEvent, RunPaused, RunResumed

#: Seconds between two looks at a paused run's control.
LOOK_SECONDS = 0.05


class Cancelled(Exception):
    """A person stopped the run."""


def obey(control: Control) -> Iterator[AnyEvent]:
    """Wait while the person wants a pause; leave by `Cancelled` when they want to stop."""
    wish = control.wish()
    if wish == "pause":
        yield RunPaused()
        while (wish := control.wish()) == "pause":
            time.sleep(LOOK_SECONDS)
        if wish == "go":
            yield RunResumed()
    if wish == "stop":
        raise Cancelled
