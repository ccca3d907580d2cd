"""The first word of a run."""

from typing import Any

from napari_medkd.core.events import RunStarted, StagePlan


def started(*plan: StagePlan, **known: Any) -> RunStarted:
    """Return that a run of these stages has started; what is known of it takes the place of what is usual."""
    usual = {"run": "r", "method": "shape-intensity", "host": "h", "pid": 1, "versions": {}, "seed": 0, "device": "cpu"}
    return RunStarted(plan=plan, **{**usual, **known})
