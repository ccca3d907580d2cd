"""Asking a run's student about every case of the current dataset: one process, followed until it has ended."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.core.run_layout import LOG
from napari_medkd.gui.networks import Network, name_of, networks_of, student_for
from napari_medkd.gui.presenters.ports import InBackground, problems_of
from napari_medkd.gui.presenters.predicting import Launches
from napari_medkd.gui.presenters.words import listed
from napari_medkd.gui.state import AllCasesState, Session

if TYPE_CHECKING:
    from napari_medkd.core.spec import PredictSpec
    from napari_medkd.core.status import RunStatus
    from napari_medkd.gui.following import Heard


class AllCasesPresenter:
    """Predicts all cases, and goes on while other runs and cases are looked at; what it says stands in ``state``."""

    def __init__(self, session: Session, state: AllCasesState, launches: Launches, in_background: InBackground) -> None:
        self._session = session
        self._state = state
        self._launches = launches
        self._in_background = in_background
        self._asked: PredictSpec | None = None
        self._asked_at = 0.0
        self._status: RunStatus | None = None
        self._done: set[str] = set()
        self._is_unwanted = False
        self._checkpoint = ""
        for signal in (session.events.run, session.events.dataset):
            signal.connect(self._advise)
        session.events.run_status.connect(self._on_run_status)
        self._advise()

    def predict(self) -> None:
        """Ask the selected run's student of the current dataset about every case of it."""
        run, path, dataset = self._session.run, self._session.dataset_path, self._session.dataset
        if self._state.busy or self._state.advice or run is None or path is None or dataset is None:
            return
        student = student_for(networks_of(run), dataset.name)
        if student is None:
            self._advise()
            return
        self._say(None)
        self._is_unwanted, self._done = False, set()
        cases = tuple(case.id for case in dataset.cases)
        self._state.num_done, self._state.num_cases = 0, len(cases)
        self._state.busy = f"Starting the {name_of(student.stage)} …"
        self._in_background(
            lambda: spec_for_all(run, path.absolute(), cases, student.stage), self._launch, self._give_up
        )

    def stop(self) -> None:
        """Stop after the case under way; what is predicted stays."""
        if not self._state.busy:
            return
        self._is_unwanted = True
        self._state.busy = "Stopping …"
        self._order_stop()

    def hear(self, heard: "Heard") -> None:
        """Take in what a followed folder said."""
        if self._asked is None or heard.run != self._asked.out:
            return
        self._status = heard.status
        # A folder that was asked before tells of that first.
        news = [event for event in heard.events if event.at >= self._asked_at]
        self._done |= {event.case for event in news if event.kind == "case_done"}
        self._state.num_done = len(self._done)
        if self._is_unwanted:
            self._order_stop()  # an order that was given before the process began is forgotten
        else:
            self._state.busy = f"{len(self._done)} of {self._state.num_cases} cases are predicted …"

    def leave(self, run: Path) -> None:
        """Take in that a followed process has ended."""
        if self._asked is None or run != self._asked.out:
            return
        log, status = run / LOG, self._status
        self._asked, self._state.busy = None, ""
        outcome = None if status is None else status.outcome
        if outcome != "completed" and not (self._is_unwanted and outcome == "cancelled"):
            message = (status.message if status else "") or "The prediction ended without a last word."
            self._say(Problem("", message, status.hint if status else ""), log if log.is_file() else None)

    def fail(self, run: Path, error: Exception) -> None:
        """Take in that the process could not be launched or followed."""
        if self._asked is not None and run == self._asked.out:
            self._give_up(error)

    def _launch(self, spec: "PredictSpec") -> None:
        if self._is_unwanted:
            self._state.busy = ""
            return
        self._asked, self._asked_at, self._status = spec, time.time(), None
        self._launches.predict(spec)

    def _order_stop(self) -> None:
        from napari_medkd.runs.folder import RunFolder

        if self._asked is None or self._status is None:  # not launched yet
            return
        try:
            RunFolder(self._asked.out).order("stop")
        except InputProblem as problem:
            self._say(problem.problems[0])

    def _give_up(self, error: Exception) -> None:
        self._asked, self._state.busy = None, ""
        self._say(problems_of(error, "prediction")[0])

    def _say(self, problem: Problem | None, log: Path | None = None) -> None:
        where = f"{problem.where}: " if problem and problem.where else ""
        self._state.log, self._state.hint = log, problem.hint if problem else ""
        self._state.message = f"{where}{problem.problem}" if problem else ""

    def _on_run_status(self) -> None:
        checkpoint = self._session.run_status.checkpoint
        if checkpoint != self._checkpoint:
            self._checkpoint = checkpoint
            self._advise()

    def _advise(self) -> None:
        run, dataset = self._session.run, self._session.dataset
        student: Network | None = None
        if dataset is None:
            advice = "Open a dataset in the Data dock."
        elif run is None:
            advice = "Choose a run."
        else:
            networks = networks_of(run)
            student = student_for(networks, dataset.name)
            advice = "" if student else _without_student(networks, dataset.name)
        self._state.student = "" if student is None else student.stage
        self._state.advice = advice


def _without_student(networks: tuple[Network, ...], dataset: str) -> str:
    taught = [one.dataset for one in networks if one.is_student and not one.needs_mask]
    if not taught:
        return "This run has no trained student yet."
    whose = "student was" if len(taught) == 1 else "students were"
    return f"This run's {whose} taught {listed(taught)}, not {dataset}: click what was taught in the Data dock."


def spec_for_all(run: Path, dataset_path: Path, cases: tuple[str, ...], stage: str) -> "PredictSpec":
    """Return what to ask, and a folder for the answers: that of earlier ones about the same dataset. Blocks."""
    from napari_medkd.core.spec import PredictSpec
    from napari_medkd.files.manifest import MANIFEST
    from napari_medkd.runs.prediction_folder import prediction_folder, with_folder_of_its_own

    if dataset_path.name == MANIFEST:  # the same question as before the first annotation, which wrote that file
        dataset_path = dataset_path.parent
    out = prediction_folder(run, stage, "all", data=dataset_path)
    return with_folder_of_its_own(PredictSpec(run=run, cases=cases, data=dataset_path, stage=stage, out=out))
