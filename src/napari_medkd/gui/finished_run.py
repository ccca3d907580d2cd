"""A finished run, as far as another run that is set up has to know it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class FinishedRun:
    """What another run could start from, or take a network from.

    Parameters
    ----------
    datasets
        Folders of what it learned from.
    """

    path: Path
    method: str
    datasets: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawn:
    """A case on which a finished run's answer was laid to be corrected: the next run may go on from that one."""

    case: str
    run: FinishedRun


def finished_run(run: Path) -> FinishedRun | None:
    """Return a run that has come to its end; None where it has not. Blocks."""
    from napari_medkd.core.errors import RunProblem
    from napari_medkd.core.status import status_of
    from napari_medkd.gui.members import folder_of
    from napari_medkd.runs.folder import RunFolder

    try:
        folder = RunFolder(run)
        if status_of(folder.events()).outcome != "completed":
            return None
        spec = folder.spec()
    except RunProblem:  # it was deleted since
        return None
    return FinishedRun(run, spec.method.name, tuple(folder_of(path) for path in spec.datasets))
