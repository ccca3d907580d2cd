"""Runs and their status as lines for a person and documents for a machine."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from napari_medkd.core.status import RunStatus, phase_in_words
from napari_medkd.core.words import duration
from napari_medkd.runs.shelf import RunSummary


def as_lines(runs: Sequence[RunSummary]) -> list[str]:
    """Return each run in a line, in columns: name, start, phase or outcome, how much is done, time left."""
    width = max(len(run.name) for run in runs)
    return [f"{run.name:{width}}  {_in_short(run)}".rstrip() for run in runs]


def _in_short(run: RunSummary) -> str:
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.started_at))
    if run.problem:
        return f"{started}  {run.problem}"
    status = run.status
    left = f"{duration(status.seconds_left)} left" if status.seconds_left is not None else ""
    return f"{started}  {phase_in_words(status):9}  {status.fraction:4.0%}  {left}"


def as_document(run: RunSummary) -> dict[str, Any]:
    """Return a run for a machine."""
    return {
        "name": run.name,
        "method": run.method,
        "started_at": run.started_at,
        **status_document(run.path, run.status),
    }


def status_document(path: Path, status: RunStatus) -> dict[str, Any]:
    """Return where a run stands for a machine."""
    found = asdict(status)
    return {"path": str(path), **found, "fraction": status.fraction, "seconds_left": status.seconds_left}


def as_text(path: Path, status: RunStatus) -> str:
    """Return where a run stands, for a person."""
    plan = ", ".join(f"{stage.name} {stage.epochs} x {stage.steps_per_epoch}" for stage in status.plan)
    left = duration(status.seconds_left) if status.seconds_left is not None else ""
    rows = {
        "Run": str(path),
        "Phase": phase_in_words(status),
        "Method": f"{status.method} on {status.device}" if status.method else "",
        "Plan": f"{plan} steps" if plan else "",
        "Stage": f"{status.stage}, {status.epoch} epochs done" if status.stage else "",
        "Steps": f"{status.step} of {status.of_steps} ({status.fraction:.0%})" if status.of_steps else "",
        "Left": left,
        "Latest": "  ".join(f"{name} {value:.4g}" for name, value in status.latest.items()),
        "Best": f"{status.best:.4f}" if status.best is not None else "",
        "Weights": status.checkpoint,
        "Said": f"{status.message} {status.hint}".strip(),
    }
    lines = [f"{name:10}{said}" for name, said in rows.items() if said]
    return "\n".join([*lines, *(f"{'Note':10}{notice}" for notice in status.notices)])
