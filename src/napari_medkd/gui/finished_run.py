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
