"""What the Sheet dock shows: which cases the student was asked about, the least certain first."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medkd.core.errors import Problem
from napari_medkd.core.run_layout import PREDICTIONS
from napari_medkd.core.words import count
from napari_medkd.gui.case_answers import CaseAnswer, answers_of, is_about, newest, read_answers
from napari_medkd.gui.colours import colour_of
from napari_medkd.gui.networks import STUDENT, Network, name_of, networks_of, student_for
from napari_medkd.gui.presenters.ports import InBackground, problems_of
from napari_medkd.gui.state import Session, SheetRow, SheetState

if TYPE_CHECKING:
    from napari_medkd.core.annotation import Mask
    from napari_medkd.core.dataset import Dataset
    from napari_medkd.gui.following import Heard

_NOT_ASKED = "Predict all in the Results dock asks the student about every case."


class SheetPresenter:
    """Keeps the rows in step with the selected run, the open dataset and the references."""

    def __init__(self, session: Session, state: SheetState, in_background: InBackground) -> None:
        self._session = session
        self._state = state
        self._in_background = in_background
        self._answers: tuple[CaseAnswer, ...] = ()
        self._about: tuple[Path | None, Path | None] = (None, None)
        self._student: Network | None = None
        self._wish = 0
        session.events.run.connect(self.look)
        session.events.dataset.connect(self.look)
        session.events.references.connect(self._show)

    def look(self) -> None:
        """Look for answers of the selected run about the open dataset, in a thread; earlier ones stay meanwhile."""
        run, path = self._session.run, self._session.dataset_path
        self._wish += 1
        self._find_student()
        if (run, self._folder()) != self._about:
            self._about, self._answers, self._state.problems = (run, self._folder()), (), ()
        self._show()
        if run is None or path is None:
            return
        stage = self._stage()
        self._read(self._wish, lambda: answers_of(run, path, stage))

    def hear(self, heard: "Heard") -> None:
        """Take in the answers that a prediction has just given."""
        run, path = self._session.run, self._session.dataset_path
        folders = [heard.run / event.path for event in heard.events if event.kind == "case_done"]
        if run is None or path is None or not folders or heard.run.parent != run / PREDICTIONS:
            return

        self._find_student()
        stage = self._stage()

        def work() -> tuple[CaseAnswer, ...]:
            return read_answers(folders) if is_about(heard.run, run, path, stage) else ()

        self._read(self._wish, work)

    def draft(self, answer: CaseAnswer) -> "Mask":
        """Return an answer's mask, to be corrected. Blocks.

        Raises
        ------
        InputProblem
            Where it cannot be read.
        """
        from napari_medkd.core.errors import VolumeProblem
        from napari_medkd.files.results import read_prediction

        mask = read_prediction(answer.folder).mask
        if mask is None:
            raise VolumeProblem(answer.case, "The prediction holds no mask.", "Predict the case again.")
        return mask

    def tell(self, error: Exception, where: str) -> None:
        """Show an error."""
        self._state.problems = problems_of(error, where)

    def _read(self, wish: int, work: Callable[[], tuple[CaseAnswer, ...]]) -> None:
        def then(found: tuple[CaseAnswer, ...]) -> None:
            if wish == self._wish:
                self._answers = newest((*self._answers, *found))
                self._show()

        def failed(error: Exception) -> None:
            if wish == self._wish:
                self.tell(error, "predictions")

        self._in_background(work, then, failed)

    def _find_student(self) -> None:
        """Find the run's student of the current dataset; a run that trains may have just made it."""
        run, dataset = self._session.run, self._session.dataset
        self._student = None if run is None or dataset is None else student_for(networks_of(run), dataset.name)

    def _stage(self) -> str:
        return STUDENT if self._student is None else self._student.stage

    def _folder(self) -> Path | None:
        dataset = self._session.dataset
        return None if dataset is None else dataset.folder

    def _show(self) -> None:
        dataset = self._session.dataset
        rows = () if dataset is None else rows_of(self._answers, dataset, self._session.references)
        if rows != self._state.rows:
            self._state.rows = rows
        self._state.summary = self._summary(rows)

    def _summary(self, rows: tuple[SheetRow, ...]) -> str:
        dataset = self._session.dataset
        if dataset is None:
            return "Open a dataset in the Data dock."
        if self._session.run is None:
            return "Choose a run in the Results dock."
        if not rows and self._student is not None and not self._student.draws_masks:
            return f"The {name_of(self._stage())} draws no masks, which are what this sheet shows."
        if not rows:
            return f"This run's {name_of(self._stage())} has not been asked about these cases yet. {_NOT_ASKED}"
        of_all, cases = len(rows), count(len(dataset.cases), "case")
        known = f"All {cases}" if of_all == len(dataset.cases) else f"{of_all} of {cases}"
        whose = "" if self._stage() == STUDENT else f" by the {name_of(self._stage())}"
        return f"{known} predicted{whose}{_of_earlier_weights(rows)}; the least certain come first."


def _of_earlier_weights(rows: tuple[SheetRow, ...]) -> str:
    """Return how many answers are by other weights than the newest, in words; empty where none is."""
    weights = max(rows, key=lambda row: row.answer.written_at).answer.checkpoint
    num_earlier = sum(row.answer.checkpoint != weights for row in rows)
    return f", {num_earlier} of them by earlier weights" if num_earlier else ""


def why_not_corrected(row: SheetRow) -> str:
    """Return why a case's mask cannot be made a second reference; empty where it can."""
    if row.is_annotated:
        kind = "is a reference already" if row.is_reference else "has a mask of its own"
        return f"{row.answer.case} {kind}: Annotate in the Data dock corrects that."
    if row.is_set_apart:
        return f"{row.answer.case} validates or tests, or another case of its patient does: no run may learn from it."
    return ""


def rows_of(answers: Iterable[CaseAnswer], dataset: "Dataset", references: Iterable[str]) -> tuple[SheetRow, ...]:
    """Return a row for each answer to a case of the dataset: the least certain first, those nobody measured last."""
    cases, marked, apart = {case.id: case for case in dataset.cases}, set(references), dataset.set_apart()
    rows = [
        SheetRow(one, one.case in marked, one.task.name in cases[one.case].annotations, one.case in apart)
        for one in answers
        if one.case in cases
    ]
    return tuple(sorted(rows, key=_order))


def _order(row: SheetRow) -> tuple[float, str]:
    uncertainty = row.answer.uncertainty
    return (1.0 if uncertainty is None else -uncertainty, row.answer.case)


def busy_elsewhere(painted_case: str) -> tuple[Problem, ...]:
    """Return why no other case can be shown while one is painted on; nothing where none is."""
    if not painted_case:
        return ()
    return (Problem(painted_case, "This case is being painted on.", "Press Done in the Data dock first."),)


def left_behind(case: str, asked: "Dataset | None", now: "Dataset | None") -> tuple[Problem, ...]:
    """Return why a mask is not laid on the case of that name that is open now; nothing where it is of that dataset."""
    if asked is None or (now is not None and now.folder == asked.folder):
        return ()
    problem = "Another dataset was chosen while the student's mask was read."
    return (Problem(case, problem, f"Choose {asked.name} and press the button again."),)


def legend_of(rows: Iterable[SheetRow], dataset: "Dataset") -> list[tuple[str, str]]:
    """Return name and colour of each class on the sheet."""
    task = next((dataset.as_known(row.answer.task) for row in rows), None)
    if task is None:
        return []
    return [(name, colour_of(task, label)) for label, name in enumerate(task.classes) if label]
