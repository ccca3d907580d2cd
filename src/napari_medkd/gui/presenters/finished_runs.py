"""The runs that another one could start from, kept up to date without reading any twice."""

from napari_medkd.gui.finished_run import FinishedRun
from napari_medkd.gui.members import folder_of
from napari_medkd.gui.presenters.ports import InBackground, problems_of
from napari_medkd.gui.shelf import shelf_of
from napari_medkd.gui.state import Session, TrainState


class FinishedRuns:
    """Looks for finished runs in the session's folder, one look at a time; without any, a run starts from scratch."""

    def __init__(self, session: Session, state: TrainState, in_background: InBackground) -> None:
        self._session = session
        self._state = state
        self._in_background = in_background
        self._is_looking = self._is_to_look_again = False

    def look(self) -> None:
        """Look in a thread; asked for during a look, it is done once more after that, as a run may have ended since."""
        if self._is_looking:
            self._is_to_look_again = True
            return
        self._is_looking = True
        shelf = shelf_of(self._session)

        def work() -> tuple[FinishedRun, ...]:
            completed = [run for run in shelf.look() if run.status.outcome == "completed"]
            return tuple(
                FinishedRun(run.path, run.method, tuple(folder_of(path) for path in run.datasets)) for run in completed
            )

        def take(runs: tuple[FinishedRun, ...]) -> None:
            if shelf.folder == self._session.runs_folder:
                self._state.finished = runs
            self._look_once_more()

        def complain(error: Exception) -> None:
            self._state.problems = problems_of(error, str(shelf.folder))
            self._look_once_more()

        self._in_background(work, take, complain)

    def _look_once_more(self) -> None:
        self._is_looking = False
        if self._is_to_look_again:
            self._is_to_look_again = False
            self.look()
