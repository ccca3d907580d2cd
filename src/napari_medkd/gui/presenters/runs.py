"""What the Runs dock decides: the runs as rows, the orders a run can be given, and what is said of the selected one."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from napari_medkd.core.control import Wish
from napari_medkd.core.errors import MedKDError
from napari_medkd.core.status import RunStatus, phase_in_words
from napari_medkd.core.words import duration
from napari_medkd.gui.cards import remembered_cards
from napari_medkd.gui.following import OVER, Heard
from napari_medkd.gui.networks import STUDENT, name_of
from napari_medkd.gui.presenters.ports import InBackground, Runner, problems_of
from napari_medkd.gui.shelf import shelf_of
from napari_medkd.gui.state import RunRow, RunsState, Session

if TYPE_CHECKING:
    from napari_medkd.core.card import MethodCard
    from napari_medkd.runs.shelf import RunSummary

T = TypeVar("T")

_FOLDER_NAME = re.compile(r"(?P<day>\d{4}-\d\d-\d\d_\d{4})_(?P<rest>.+)")

#: What is shown while a live run has not yet obeyed.
_WAITING_FOR = {"stop": "stopping …", "pause": "pausing …", "go": "resuming …"}
_OBEYED = {"stop": ("ended", "lost"), "pause": ("paused", "ended", "lost"), "go": ("training", "ended", "lost")}


_GIVEN_LABELS = ("masks given a label",)


@dataclass(frozen=True, slots=True)
class Possible:
    """Which orders make sense for a run now."""

    pause: bool = False
    resume: bool = False
    stop: bool = False
    continue_later: bool = False
    change: bool = False
    """Whether it can be renamed and deleted."""


class RunsPresenter:
    """Lists the runs of the session's folder, follows the live and the selected ones, and gives them orders."""

    def __init__(self, session: Session, state: RunsState, runner: Runner, in_background: InBackground) -> None:
        self._session = session
        self._state = state
        self._runner = runner
        self._in_background = in_background
        self._summaries: dict[Path, RunSummary] = {}
        self._ordered: dict[Path, Wish] = {}
        self._heard_phases: dict[Path, str] = {}
        self._is_looking = False
        self._known_cards: tuple[MethodCard, ...] = ()

    def refresh(self) -> None:
        """Look through the runs folder; runs that are live are followed from then on."""
        if self._is_looking:
            return
        self._is_looking = True
        self._in_background(shelf_of(self._session).look, self._take, self._not_taken)

    def hear(self, heard: Heard) -> None:
        """Take in what a followed run said; the list shows another phase at once, and progress when it is refreshed."""
        wish = self._ordered.get(heard.run)
        if wish and heard.status.phase in _OBEYED[wish]:
            del self._ordered[heard.run]
        if heard.status.phase != self._heard_phases.get(heard.run):
            self._heard_phases[heard.run] = heard.status.phase
            self._show_rows()

    def fail(self, run: Path, error: Exception) -> None:
        """Say why a run could not be launched or read."""
        problem = problems_of(error, run.name)[0]
        self._state.message, self._state.hint = f"{problem.where}: {problem.problem}", problem.hint

    def select(self, run: Path | None) -> None:
        """Make a run the session's: its events are read, and the other docks hear of it."""
        self._state.message = self._state.hint = ""
        self._session.run_status = self.status(run) if run else RunStatus()
        self._session.run = run
        if run and (run not in self._runner.latest or self.status(run).is_live):
            self._runner.follow(run)

    def status(self, run: Path) -> RunStatus:
        """Return the newest that is known of a run."""
        if run in self._runner.latest:
            return self._runner.latest[run].status
        return self._summaries[run].status if run in self._summaries else RunStatus()

    def possible(self, run: Path | None) -> Possible:
        """Return which orders make sense now."""
        if run is None:
            return Possible()
        status = self.status(run)
        wish = self._ordered.get(run)
        is_over = status.phase in OVER
        if is_over and run in self._runner.followed:
            return Possible()  # its process has said the last word and is on its way out
        if status.is_live or run in self._runner.followed:
            waits = status.phase == "paused" or status.waits_for_turn
            runs = status.phase in ("starting", "training", "predicting")
            return Possible(pause=runs and wish is None, resume=waits and wish is None, stop=wish != "stop")
        return Possible(continue_later=status.can_continue, change=True)

    def order(self, run: Path, wish: Wish) -> None:
        """Tell a run to go on, to pause or to stop; the window says so until it has obeyed."""
        from napari_medkd.runs.folder import RunFolder

        if self._tell(lambda: RunFolder(run).order(wish)) is not None:
            return
        self._ordered[run] = wish
        self._show_rows()

    def continue_(self, run: Path) -> None:
        """Take a stopped or lost run up again, after its last finished epoch."""
        self._ordered.pop(run, None)
        self._state.message = self._state.hint = ""
        self._runner.start(run, resume=self.status(run).attempt > 0)
        self._show_rows()

    def rename(self, run: Path, name: str) -> None:
        """Give a run's folder another name."""
        from napari_medkd.runs.folder import RunFolder

        if name.strip() and name != run.name:
            self._change(run, lambda: RunFolder(run).rename(name.strip()).path)

    def delete(self, run: Path) -> None:
        """Delete a run with everything it wrote."""
        from napari_medkd.runs.folder import RunFolder

        self._change(run, lambda: RunFolder(run).delete())

    def _change(self, run: Path, work: "Callable[[], Path | None]") -> None:
        """Rename or delete a run's folder in a thread, which may have to wait until it is sure that nobody trains."""

        def then(there: Path | None) -> None:
            if self._session.run == run:
                self.select(there)
            self.refresh()

        def failed(error: Exception) -> None:
            self._runner.follow(run)
            self.fail(run, error)
            self.refresh()

        self._runner.leave(run)
        self._runner.latest.pop(run, None)
        self._ordered.pop(run, None)
        self._in_background(work, then, failed)

    def headline(self, run: Path) -> str:
        """Return where the run stands, in a line."""
        status = self.status(run)
        if run in self._ordered:
            return _WAITING_FOR[self._ordered[run]].capitalize()
        return headline_of(status)

    def title(self, run: Path) -> str:
        """Return what a person called the run."""
        return title_and_time(run.name, self.status(run).method)[0]

    def score_title(self, run: Path, stage: str) -> str:
        """Return what the scores of a stage are, and what the network was given for them.

        A teacher that is given what only the labels tell must not look like a better student.
        """
        self._known_cards = self._known_cards or remembered_cards(self._session.interpreter)
        card = next((card for card in self._known_cards if card.name == self.status(run).method), None)
        if stage.partition("-")[0] == STUDENT or (card is not None and card.teacher_shows not in _GIVEN_LABELS):
            summary = self._summaries.get(run)
            return f"Scores on the {_scored(summary.references if summary else ())}"
        return f"Scores of the {name_of(stage)}, which is given the true masks"

    def _take(self, found: "list[RunSummary]") -> None:
        self._is_looking = False
        self._summaries = {summary.path: summary for summary in found}
        for summary in found:
            if summary.status.is_live:
                self._runner.follow(summary.path)
        self._show_rows()

    def _not_taken(self, error: Exception) -> None:
        self._is_looking = False
        self._summaries = {}
        self._show_rows()
        self.fail(self._session.runs_folder, error)

    def _show_rows(self) -> None:
        rows = []
        for path, summary in self._summaries.items():
            status = self.status(path)
            row = row_of(path, summary.name, status.method or summary.method, status)
            waiting = self._ordered.get(path)
            rows.append(replace(row, phase=_WAITING_FOR[waiting]) if waiting else row)
        self._state.rows = tuple(rows)

    def _tell(self, work: Callable[[], None]) -> Exception | None:
        """Do something to a run's folder; what is wrong is shown and returned."""
        try:
            work()
        except (MedKDError, OSError) as error:
            self.fail(self._session.run or self._session.runs_folder, error)
            return error
        self._state.message = self._state.hint = ""
        return None


def _scored(references: tuple[str, ...]) -> str:
    """Return which cases are scored: with references these alone, as no other label may choose the weights."""
    return {0: "validation cases", 1: "reference"}.get(len(references), "references")


def row_of(path: Path, name: str, method: str, status: RunStatus) -> RunRow:
    """Return a run as a line of the list."""
    left = status.seconds_left
    title, when = title_and_time(name, method)
    return RunRow(
        path,
        title,
        method,
        when,
        phase_in_words(status),
        f"{100 * status.fraction:.0f} %" if status.of_steps else "",
        "" if left is None else f"{duration(left)} left",
        1.0 if status.outcome == "completed" else status.fraction,
        status.is_live,
    )


def title_and_time(name: str, method: str) -> tuple[str, str]:
    """Return what a person called the run, and when it was made: both stand in its folder's name.

    A folder that is named by a day that does not exist is called by its whole name.
    """
    found = _FOLDER_NAME.fullmatch(name)
    if found is None:
        return name, ""
    try:
        day = datetime.strptime(found["day"], "%Y-%m-%d_%H%M")
    except ValueError:
        return name, ""
    rest = found["rest"].removeprefix(method).lstrip("_")
    return rest or method or name, f"{day.day} {day:%b %H:%M}"


def headline_of(status: RunStatus) -> str:
    """Return stage, epoch, speed and best score of a run, as far as they are known."""
    plan = next((plan for plan in status.plan if plan.name == status.stage), None)
    parts = [] if status.phase == "training" else [phase_in_words(status).capitalize()]
    if plan is not None and status.phase in ("training", "paused", "starting"):
        parts.append(f"{name_of(status.stage)} · epoch {min(status.epoch + 1, plan.epochs)} of {plan.epochs}")
    if status.seconds_per_step and status.phase == "training":
        parts.append(f"{status.seconds_per_step:.2g} s a step")
    if status.best is not None:
        parts.append(f"best score {status.best:.3f}")
    if status.device and status.is_live:
        parts.append(status.device)
    return " · ".join(parts)
