"""All runs under a folder, newest first."""

import contextlib
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from napari_medkd.core.errors import RunProblem
from napari_medkd.core.events import RunStarted
from napari_medkd.core.paths import from_home
from napari_medkd.core.run_layout import SPEC, is_run
from napari_medkd.core.status import RunStatus
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.pulse import wait_for_a_beat
from napari_medkd.runs.watch import Watcher

#: The environment variable that names the runs folder.
RUNS_VARIABLE = "MEDKD_RUNS"


def default_runs_folder() -> Path:
    """Return where runs are kept unless a person says otherwise: ``$MEDKD_RUNS``, else below their documents."""
    if chosen := os.environ.get(RUNS_VARIABLE):
        return chosen_runs_folder(Path(chosen))
    documents = Path.home() / "Documents"
    return (documents if documents.is_dir() else Path.home()) / "medkd-runs"


def chosen_runs_folder(chosen: Path | None) -> Path:
    """Return the folder of runs that a person has named, in an option or a setting; where none, the default."""
    return default_runs_folder() if chosen is None else from_home(chosen).absolute()


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run in a list.

    Parameters
    ----------
    name
        The folder's name.
    started_at
        Seconds since the Unix epoch of its first attempt, or of its spec before that.
    problem
        Why the run cannot be read, empty where it can.
    references
        The cases whose labels alone it learns from, by its spec; empty where it learns from all.
    datasets
        Folders or manifests of what it learns from, by its spec.
    """

    path: Path
    name: str
    method: str
    status: RunStatus
    started_at: float
    problem: str = ""
    references: tuple[str, ...] = ()
    datasets: tuple[Path, ...] = ()


class Shelf:
    """Looks through a runs folder again and again; each look reads only what is new. Threads look one after another.

    Parameters
    ----------
    folder
        Where the runs lie, side by side; it may not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._books: dict[Path, _Book] = {}
        self._one_looks = threading.Lock()

    def look(self) -> list[RunSummary]:
        """Return all training runs, newest first.

        Raises
        ------
        RunProblem
            Where the runs folder is there but cannot be read.
        """
        with self._one_looks:
            found = self._runs()
            self._books = {path: self._books.get(path) or _Book(path) for path in found}
            summaries = [summary for book in self._books.values() if (summary := book.summary())]
        return sorted(summaries, key=lambda summary: (summary.started_at, summary.name), reverse=True)

    def look_surely(self) -> list[RunSummary]:
        """Return what `look` does, after a second look where the first cannot tell whether a process is at work."""
        found = self.look()
        if not any(book.watcher.is_unsure for book in self._books.values()):
            return found
        wait_for_a_beat()
        return self.look()

    def _runs(self) -> list[Path]:
        try:
            return [path for path in self.folder.iterdir() if is_run(path)] if self.folder.exists() else []
        except OSError as error:
            raise RunProblem.from_os_error(error, self.folder, "The runs folder cannot be read") from error


def runs_in(folder: Path) -> list[RunSummary]:
    """Return all training runs under a folder, newest first (RunProblem where the folder cannot be read)."""
    return Shelf(folder).look()


class _Book:
    """One run on the shelf."""

    def __init__(self, path: Path) -> None:
        self._run = RunFolder(path)
        self.watcher = Watcher(path, look_every_seconds=0.0, with_curves=False)
        self._method = ""
        self._references: tuple[str, ...] = ()
        self._datasets: tuple[Path, ...] = ()
        self._started_at = 0.0
        self._is_prediction = False

    def summary(self) -> RunSummary | None:
        """Return the run as it is now, or None for a prediction."""
        problem = ""
        try:
            self._read()
        except RunProblem as error:
            problem = str(error)
        if self._is_prediction:
            return None
        run, status = self._run, self.watcher.status
        method = status.method or self._method
        asked = self._references, self._datasets
        return RunSummary(run.path, run.name, method, status, self._started_at, problem, *asked)

    def _read(self) -> None:
        if not self._started_at:
            with contextlib.suppress(OSError):
                self._started_at = (self._run.path / SPEC).stat().st_mtime
        if not self._method:
            self._is_prediction = self._run.is_prediction()
            if not self._is_prediction:
                spec = self._run.spec()
                self._method, self._references, self._datasets = spec.method.name, spec.references, spec.datasets
        if not self._is_prediction:
            started = [event.at for event in self.watcher.poll(None) if isinstance(event, RunStarted)]
            self._started_at = min([self._started_at, *started])
