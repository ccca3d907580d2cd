"""Which run, network and picture the Results dock is about."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_medkd.gui.members import found_in
from napari_medkd.gui.networks import Network, networks_of
from napari_medkd.gui.presenters.asking import Wish
from napari_medkd.gui.presenters.ports import InBackground, problems_of
from napari_medkd.gui.shelf import shelf_of
from napari_medkd.gui.study import current_of, study_of

if TYPE_CHECKING:
    from napari_medkd.gui.state import ResultsState, Session
    from napari_medkd.gui.subject import Picture


class Selection:
    """Keeps run, network and picture of the state in step with the session and the viewer.

    Attributes
    ----------
    changed
        Another run or picture is chosen, or what is known of it is another: earlier answers are not about it.
    """

    changed = Signal()

    def __init__(self, session: "Session", state: "ResultsState", in_background: InBackground) -> None:
        self._session = session
        self._state = state
        self._in_background = in_background
        self._checkpoint = ""
        session.events.run.connect(self._on_run)
        session.events.run_status.connect(self._on_run_status)
        session.events.corrected.connect(self._on_corrected)
        self._look_for_networks()

    def list_runs(self) -> None:
        """Look for runs, in a thread."""
        shelf = shelf_of(self._session)

        def look() -> tuple[tuple[Path, str], ...]:
            return tuple((summary.path, summary.name) for summary in shelf.look())

        def take(runs: tuple[tuple[Path, str], ...]) -> None:
            self._state.runs = runs

        def complain(error: Exception) -> None:
            problem = problems_of(error, str(shelf.folder))[0]
            self._state.hint = problem.hint
            self._state.message = f"{problem.where}: {problem.problem}"

        self._in_background(look, take, complain)

    def choose_run(self, run: Path | None) -> None:
        """Select a run, in all docks."""
        self._session.run = run

    def choose_network(self, stage: str) -> None:
        """Choose the network that is asked next."""
        self._state.network = stage

    def choose_picture(self, key: Any) -> None:
        """Choose the picture that is asked about, by its key."""
        if key != self._state.picture:
            self._state.picture = key
            self._choose_fitting()
            self._advise()
            self.changed.emit()

    def set_pictures(self, pictures: Sequence["Picture"]) -> None:
        """Take in which image layers there are; where the chosen one is gone, the topmost is chosen."""
        self._state.pictures = tuple(pictures)
        known = [picture.key for picture in pictures]
        if self._state.picture not in known:
            self.choose_picture(known[-1] if known else None)

    @property
    def picture(self) -> "Picture | None":
        """The chosen picture."""
        return next((one for one in self._state.pictures if one.key == self._state.picture), None)

    def wish(self, stage: str) -> Wish | None:
        """Return the wish for a network's answer to the picture, or None where something is missing."""
        network, session = self._network(stage), self._session
        if network is None or self.picture is None or session.run is None:
            return None
        study = [one for one in (current_of(session),) if one] + list(study_of(session))
        return Wish(session.run, network, self.picture, tuple((one.path.absolute(), one.dataset) for one in study))

    def comparable(self) -> tuple[Network, ...]:
        """Return the networks that can stand side by side: those that were taught what the chosen one was."""
        chosen = self._network(self._state.network)
        return tuple(one for one in self._state.networks if chosen is None or one.dataset == chosen.dataset)

    def _network(self, stage: str) -> Network | None:
        return next((one for one in self._state.networks if one.stage == stage), None)

    def _on_run(self) -> None:
        self._look_for_networks()
        self.changed.emit()

    def _on_run_status(self) -> None:
        checkpoint = self._session.run_status.checkpoint
        if checkpoint != self._checkpoint:
            self._checkpoint = checkpoint
            self._look_for_networks()

    def _on_corrected(self) -> None:
        """Let answers go that were held against what an expert said of the picture before."""
        corrected, picture = self._session.corrected, self.picture
        if corrected is None or picture is None or picture.source is None or not self._state.answers:
            return
        known = found_in(study_of(self._session), picture.source)
        if known is None or known[0].folder != corrected.folder or corrected.case not in ("", known[1].id):
            return
        self.changed.emit()
        self._state.hint = "Predict again."
        self._state.message = f"What is true of {known[1].id} was changed; the answers were measured against the old."

    def _look_for_networks(self) -> None:
        run = self._session.run
        self._state.networks = networks_of(run) if run else ()
        if self._network(self._state.network) is None:
            self._state.network = self._state.networks[0].stage if self._state.networks else ""
            self._choose_fitting()
        self._advise()

    def _choose_fitting(self) -> None:
        """Where a run has networks of several datasets, choose one that was taught the dataset of the picture."""
        picture, chosen, networks = self.picture, self._network(self._state.network), self._state.networks
        if picture is None or picture.source is None or chosen is None or len({one.dataset for one in networks}) < 2:
            return
        known = found_in(study_of(self._session), picture.source)
        fitting = [one for one in networks if known is not None and one.dataset == known[0].dataset.name]
        if fitting and chosen not in fitting:
            alike = [one for one in fitting if one.role == chosen.role]
            self._state.network = (alike or fitting)[0].stage

    def _advise(self) -> None:
        advice = ""
        if self._session.run is None:
            advice = "Choose a run."
        elif not self._state.networks:
            advice = "This run has no trained network yet: wait until its first epoch has ended."
        elif self.picture is None:
            advice = "Open an image."
        self._state.advice = advice
