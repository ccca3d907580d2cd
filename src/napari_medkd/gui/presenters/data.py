"""What the Data dock decides: which datasets are open, the current one's cases, problems and reference cases."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medkd.core.errors import DatasetProblem, InputProblem, Problem
from napari_medkd.core.words import count
from napari_medkd.gui.command import ask, end_questions
from napari_medkd.gui.members import Member, joined, problems_of_names, row_of
from napari_medkd.gui.presenters.looks import Look, Looks
from napari_medkd.gui.presenters.ports import InBackground, problems_of
from napari_medkd.gui.presenters.words import listed
from napari_medkd.gui.state import CaseRow, DataState, Session
from napari_medkd.gui.study import renew, study_of

if TYPE_CHECKING:
    from napari_medkd.core.dataset import Dataset

_SUGGEST, _CHECK = "suggest", "check"
_SIDES = ("train", "validate", "test")
_APART = "It is not made a reference: it validates or tests, or another case of its patient does."
_ANOTHER = "Mark a case of another patient, or change the dataset's split."


class DataPresenter:
    """Opens datasets into the study, in the background; a newer wish overtakes an older one.

    Parameters
    ----------
    is_painting
        Whether a case of the current dataset is painted on: it stays the current one then.
    """

    def __init__(
        self,
        session: Session,
        state: DataState,
        in_background: InBackground,
        is_painting: Callable[[], bool] = lambda: False,
    ) -> None:
        self._session = session
        self._state = state
        self._in_background = in_background
        self._is_painting = is_painting
        self._wish = 0
        self._asked_from: dict[str, Path] = {}  # by question; a stroke that is saved changes the session's path
        self._told: tuple[Problem, ...] = ()
        self._looks = Looks(in_background)
        self._looks.changed.connect(self.show)
        self._looks.failed.connect(lambda look, error: self.tell(error, str(look.path)))

    def open(self, *paths: Path) -> None:
        """Read the datasets at folders or manifests, add them to the study, and list the cases of the first.

        While a case is painted on, its dataset stays the one whose cases are listed. Afterwards the files' headers are
        looked at.
        """

        def work(path: Path) -> "Dataset":
            from napari_medkd.files.manifest import open_dataset

            return open_dataset(path)

        self._read(paths, work)

    def open_sample(self, folder: Path) -> None:
        """Write the generated sample into the folder, unless it is there already, and open it."""

        def work(path: Path) -> "Dataset":
            from napari_medkd.files.manifest import MANIFEST, open_dataset
            from napari_medkd.files.sample import write_sample

            if not (path / MANIFEST).is_file():
                write_sample(path)
            return open_dataset(path)

        self._read((folder,), work)

    def cancel_opening(self) -> None:
        """Open what is being read no further."""
        if self._state.is_reading:
            self._wish += 1
            self._state.is_reading = False

    def choose(self, folder: Path) -> None:
        """List the cases of another open dataset."""
        self._told = ()
        member = next((one for one in study_of(self._session) if one.folder == folder), None)
        if member is not None and folder != _key_of(self._session):
            self._put_aside()
            self._make_current(member)
        self.show()

    def remove(self, folder: Path) -> None:
        """Take a dataset out of the study; nothing is deleted."""
        self._told = ()
        is_current = folder == _key_of(self._session)
        rest = tuple(one for one in study_of(self._session) if one.folder != folder)
        if is_current:
            self._put_aside()
            self._make_current(None)
        self._session.study = rest
        self._looks.forget(folder)
        if is_current and rest:
            self._make_current(rest[0])
        self.show()

    def replace(self, dataset: "Dataset") -> None:
        """Take in that a dataset of the study was changed: what its masks mean, or its name."""
        changed = renew(self._session, dataset)
        if changed is not None:
            self.show()
            self.look_at_headers(changed)

    def show(self) -> None:
        """Fill the state from the session, for a dock that opens later than the dataset."""
        dataset, key = self._session.dataset, _key_of(self._session)
        self._state.rows = () if dataset is None else rows_of(dataset, self._session.references)
        self._state.summary = "" if dataset is None else summary_of(dataset)
        self._state.members = tuple(
            row_of(one, self._looks.found(one.folder), is_current=one.folder == key) for one in study_of(self._session)
        )
        self._show_problems()

    def mark_references(self, ids: Iterable[str], *, on: bool, folder: Path | None = None) -> None:
        """Add cases to the reference cases of the dataset in a folder, else of the current one; or take them away.

        Those that are set apart are not added, which is told: a run would refuse them.
        """
        session, key, ids = self._session, folder or _key_of(self._session), tuple(ids)
        member = next((one for one in study_of(session) if one.folder == key), None)
        apart = member.dataset.set_apart() if on and member is not None else frozenset()
        refused = [Problem(name, _APART, _ANOTHER) for name in ids if name in apart]
        if refused:
            self.tell(DatasetProblem.of(refused), "references")
        ids = tuple(name for name in ids if name not in apart)
        if folder is None or folder == _key_of(session):
            session.references = _marked(session.references, ids, on=on)
        else:
            others = [one for one in study_of(session) if one.folder == folder]
            marked = [replace(one, references=_marked(one.references, ids, on=on)) for one in others]
            session.study = joined(study_of(session), marked)
        self.show()

    def suggest(self) -> None:
        """Rank the cases without a mask by how typical they are, in a process of its own; the best come first."""
        path, interpreter, key = self._session.dataset_path, self._session.interpreter, _key_of(self._session)
        wish = self._wish
        if path is None or self._state.is_suggesting:
            return
        self._state.is_suggesting = True
        self._asked_from[_SUGGEST] = path

        def work() -> dict[str, float]:
            ranked = ask(interpreter, [_SUGGEST, str(path)], patience_seconds=None, owner=self._session)
            return {row["case"]: row["likeness"] for row in ranked}

        def then(ranked: dict[str, float]) -> None:
            self._state.is_suggesting = False
            if wish == self._wish and key == _key_of(self._session):
                self._state.suggestion = ranked

        def failed(error: Exception) -> None:
            self._state.is_suggesting = False
            if wish == self._wish and key == _key_of(self._session):
                self.tell(error, str(path))

        self._in_background(work, then, failed)

    def cancel_suggestion(self) -> None:
        """End the ranking, if there is one."""
        if _SUGGEST in self._asked_from:
            end_questions(_SUGGEST, str(self._asked_from[_SUGGEST]), owner=self._session)

    def check_images(self) -> None:
        """Look at every voxel of the current dataset, in a process of its own that may take as long as it needs."""
        path, interpreter, key = self._session.dataset_path, self._session.interpreter, _key_of(self._session)
        if path is None or key is None:
            return
        self._asked_from[_CHECK] = path

        def work() -> tuple[Problem, ...]:
            rows = ask(interpreter, [_CHECK, str(path)], patience_seconds=None, owner=self._session)
            return tuple(Problem(**row) for row in rows)

        self._looks.begin(Look(key, path, can_be_cancelled=True), work)

    def cancel_check(self) -> None:
        """End the look at every voxel, if there is one."""
        if _CHECK in self._asked_from:
            end_questions(_CHECK, str(self._asked_from[_CHECK]), owner=self._session)

    def tell(self, error: Exception, where: str) -> None:
        """Show an error among the problems, the newest first."""
        found = problems_of(error, where)
        self._told = (*found, *(known for known in self._told if known not in found))
        self._show_problems()

    def _read(self, paths: Iterable[Path], opened: "Callable[[Path], Dataset]") -> None:
        self._wish += 1
        wish, wanted = self._wish, tuple(paths)
        self._put_aside()
        self._told = ()
        self._state.is_reading, self._state.images = True, ()
        self._show_problems()

        def work() -> "list[tuple[Path, Dataset | Exception]]":
            from napari_medkd.files.giving_up import until

            with until(lambda: wish != self._wish):
                return [(path, _attempted(opened, path)) for path in wanted]

        def then(found: "list[tuple[Path, Dataset | Exception]]") -> None:
            if wish == self._wish:
                self._state.is_reading = False
                self._take(found)

        def failed(error: Exception) -> None:
            if wish == self._wish:
                self._state.is_reading = False
                self.tell(error, str(wanted[0]))

        self._in_background(work, then, failed)

    def _take(self, found: "list[tuple[Path, Dataset | Exception]]") -> None:
        members = []
        marked = {member.folder: member.references for member in study_of(self._session)}
        for path, one in found:
            if isinstance(one, Exception):
                self._told = (*self._told, *problems_of(one, str(path)))
                continue
            apart, known = one.set_apart(), one.own(marked.get(one.folder.resolve(), ()))
            members.append(Member(path, one, tuple(name for name in known if name not in apart)))
        if members:
            self._session.study = joined(study_of(self._session), members)
            if not self._is_painting():
                self._make_current(members[0])
        self.show()
        for member in members:
            self.look_at_headers(member)
        self._state.images = tuple(path for path, one in found if _says_image(one))

    def _put_aside(self) -> None:
        """End what is under way about the current dataset, and keep its references for when it is current again."""
        self.cancel_check()
        self.cancel_suggestion()
        self._state.suggestion = {}
        self._looks.forget_cancelled(_key_of(self._session))
        self._session.study = study_of(self._session)

    def _make_current(self, member: Member | None) -> None:
        session = self._session
        session.references = ()
        session.opened = None
        session.dataset_path = None if member is None else member.path
        session.dataset = None if member is None else member.dataset
        session.references = () if member is None else member.references

    def look_at_headers(self, member: Member) -> None:
        """Look at what can be seen of a dataset without opening its images."""

        def work() -> tuple[Problem, ...]:
            from napari_medkd.files.manifest import problems_of_dataset

            return tuple(problems_of_dataset(member.dataset, read_images=False))

        self._looks.begin(Look(member.folder, member.path), work)

    def _show_problems(self) -> None:
        key = _key_of(self._session)
        look, found = self._looks.under_way(key), self._looks.found(key) or ()
        self._state.can_be_cancelled = look is not None and look.can_be_cancelled
        self._state.is_checking = look is not None
        told = [one for one in self._told if one not in found]
        self._state.problems = (*told, *problems_of_names(study_of(self._session)), *found)


def _key_of(session: Session) -> Path | None:
    """Return what tells the current dataset from the others."""
    dataset, path = session.dataset, session.dataset_path
    if dataset is not None:
        return dataset.folder.resolve()
    return None if path is None else path.resolve()


def _marked(references: tuple[str, ...], ids: tuple[str, ...], *, on: bool) -> tuple[str, ...]:
    kept = tuple(name for name in references if name not in ids)
    return (*kept, *ids) if on else kept


def _attempted(opened: "Callable[[Path], Dataset]", path: Path) -> "Dataset | Exception":
    try:
        return opened(path)
    except (InputProblem, OSError) as error:
        return error


def _says_image(found: object) -> bool:
    from napari_medkd.files.importers.loose_slices import LooseSlices

    return isinstance(found, LooseSlices)


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
