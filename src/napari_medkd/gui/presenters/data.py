"""What the Data dock decides: which dataset is open, its cases as rows, its problems, the reference cases."""

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medkd.core.errors import Problem
from napari_medkd.gui.command import ask, end_questions
from napari_medkd.gui.presenters.ports import InBackground, problems_of
from napari_medkd.gui.presenters.words import count, listed
from napari_medkd.gui.state import CaseRow, DataState, Session

if TYPE_CHECKING:
    from napari_medkd.core.dataset import Dataset

_SUGGEST = "suggest"
_SIDES = ("train", "validate", "test")


class DataPresenter:
    """Opens datasets into the session, in the background; a newer wish overtakes an older one."""

    def __init__(self, session: Session, state: DataState, in_background: InBackground) -> None:
        self._session = session
        self._state = state
        self._in_background = in_background
        self._wish = 0

    def open(self, path: Path) -> None:
        """Read the dataset at a folder or manifest; afterwards its files' headers are looked at."""

        def work() -> "Dataset":
            from napari_medkd.files.manifest import open_dataset

            return open_dataset(path)

        self._read(path, work)

    def open_sample(self, folder: Path) -> None:
        """Write the generated sample into the folder, unless it is there already, and open it."""

        def work() -> "Dataset":
            from napari_medkd.files.manifest import MANIFEST, open_dataset
            from napari_medkd.files.sample import write_sample

            if not (folder / MANIFEST).is_file():
                write_sample(folder)
            return open_dataset(folder)

        self._read(folder, work)

    def show(self) -> None:
        """Fill the state from the session, for a dock that opens later than the dataset."""
        dataset = self._session.dataset
        self._state.rows = () if dataset is None else rows_of(dataset, self._session.references)
        self._state.summary = "" if dataset is None else summary_of(dataset)

    def mark_references(self, ids: Iterable[str], *, on: bool) -> None:
        """Add cases to the reference cases, or take them away."""
        ids = tuple(ids)
        kept = tuple(name for name in self._session.references if name not in ids)
        self._session.references = (*kept, *ids) if on else kept
        self.show()

    def suggest(self) -> None:
        """Rank the cases by how typical they are, in a process of its own; the best come first in the state."""
        path, interpreter, wish = self._session.dataset_path, self._session.interpreter, self._wish
        if path is None or self._state.is_suggesting:
            return
        self._state.is_suggesting = True

        def work() -> tuple[str, ...]:
            ranked = ask(interpreter, [_SUGGEST, str(path)], patience_seconds=None)
            return tuple(row["case"] for row in ranked)

        def then(ranked: tuple[str, ...]) -> None:
            self._state.is_suggesting = False
            if wish == self._wish:
                self._state.suggestion = ranked

        def failed(error: Exception) -> None:
            self._state.is_suggesting = False
            if wish == self._wish:
                self.tell(error, str(path))

        self._in_background(work, then, failed)

    def cancel_suggestion(self) -> None:
        """End the ranking, if there is one."""
        end_questions(_SUGGEST, str(self._session.dataset_path))

    def check_images(self) -> None:
        """Look at every voxel of the open dataset, in a process of its own that may take as long as it needs."""
        path, interpreter = self._session.dataset_path, self._session.interpreter
        if path is None:
            return

        def work() -> tuple[Problem, ...]:
            return tuple(Problem(**row) for row in ask(interpreter, ["check", str(path)], patience_seconds=None))

        self._look(path, work, can_be_cancelled=True)

    def cancel_check(self) -> None:
        """End the look at every voxel, if there is one."""
        end_questions("check", str(self._session.dataset_path))

    def tell(self, error: Exception, where: str) -> None:
        """Show an error among the problems, the newest first."""
        found = problems_of(error, where)
        self._state.problems = (*found, *(known for known in self._state.problems if known not in found))

    def _read(self, path: Path, work: "Callable[[], Dataset]") -> None:
        self._wish += 1
        wish = self._wish
        self.cancel_check()
        self.cancel_suggestion()
        self._state.suggestion = ()
        self._state.is_reading, self._state.is_checking = True, False
        self._state.problems, self._state.image = (), None

        def then(dataset: "Dataset") -> None:
            if wish == self._wish:
                self._state.is_reading = False
                self._take(dataset, path)

        def failed(error: Exception) -> None:
            if wish == self._wish:
                self._state.is_reading = False
                self._state.problems = problems_of(error, str(path))
                self._state.image = path if _says_image(error) else None

        self._in_background(work, then, failed)

    def _take(self, dataset: "Dataset", path: Path) -> None:
        session = self._session
        session.references = ()
        session.opened = None
        session.dataset_path, session.dataset = path, dataset
        self.show()

        def work() -> tuple[Problem, ...]:
            from napari_medkd.files.manifest import problems_of_dataset

            return tuple(problems_of_dataset(dataset, read_images=False))

        self._look(path, work)

    def _look(self, path: Path, work: "Callable[[], tuple[Problem, ...]]", *, can_be_cancelled: bool = False) -> None:
        wish = self._wish
        self._state.can_be_cancelled = can_be_cancelled
        self._state.is_checking = True

        def then(problems: tuple[Problem, ...]) -> None:
            if wish == self._wish:
                self._state.is_checking = False
                self._state.problems = problems

        def failed(error: Exception) -> None:
            if wish == self._wish:
                self._state.is_checking = False
                self.tell(error, str(path))

        self._in_background(work, then, failed)


def _says_image(error: Exception) -> bool:
    from napari_medkd.files.importers.loose_slices import LooseSlices

    return isinstance(error, LooseSlices)


def rows_of(dataset: "Dataset", references: Iterable[str] = ()) -> tuple[CaseRow, ...]:
    """Return a row for each case, in the dataset's order."""
    side_of = {name: side for side in _SIDES for name in getattr(dataset.split, side)}
    marked = set(references)
    return tuple(
        CaseRow(case.id, case.domain, side_of.get(case.id, ""), tuple(case.annotations), case.id in marked)
        for case in dataset.cases
    )


def summary_of(dataset: "Dataset") -> str:
    """Return the dataset in a line: its name, size, sides of the split, domains and tasks."""
    sides = [f"{len(getattr(dataset.split, side))} {side}" for side in _SIDES if getattr(dataset.split, side)]
    domains = Counter(case.domain for case in dataset.cases if case.domain)
    parts = [
        f"{count(len(dataset.cases), 'case')}{': ' if sides else ''}{', '.join(sides)}",
        listed([f"{name} ({number})" for name, number in domains.items()]) if len(domains) > 1 else "",
        f"{'Tasks' if len(dataset.tasks) > 1 else 'Task'}: {listed(list(dataset.tasks), most=4)}"
        if dataset.tasks
        else "Nothing is labelled yet: annotate a case.",
    ]
    return "\n".join(part for part in parts if part)
