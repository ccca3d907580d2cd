"""Whether reference, warped reference and student stand side by side, and which previews they show."""

from pathlib import Path
from typing import TYPE_CHECKING

from napari_medkd.gui.presenters.ports import InBackground, problems_of
from napari_medkd.gui.transfer import Transfer, read_transfer

if TYPE_CHECKING:
    from napari_medkd.gui.state import ResultsState, Session


class Transferring:
    """Shows the selected run's transfer while it is switched on, and again whenever the run writes a preview.

    Parameters
    ----------
    in_background
        Reads a preview's files in a thread.
    """

    def __init__(self, session: "Session", state: "ResultsState", in_background: InBackground) -> None:
        self._session = session
        self._state = state
        self._in_background = in_background
        self._is_reading = False
        self._is_stale = False
        session.events.preview.connect(self._on_preview)
        session.events.run.connect(self._look)
        state.events.panels.connect(self._on_panels)

    def switch(self, on: bool) -> None:
        """Show the panels, or take them away."""
        if on:
            self._state.panels = ()
            self._state.message = ""
            self._state.transfer_is_on = True
            self._look()
        else:
            self.leave()

    def leave(self) -> None:
        """Take the panels away."""
        self._state.transfer_is_on = False
        self._state.transfer = None

    def _on_panels(self) -> None:
        """Make room for the comparison of networks."""
        if self._state.panels:
            self.leave()

    def _on_preview(self) -> None:
        preview = self._session.preview
        if preview is not None and preview.run == self._session.run:
            self._look()

    def _look(self) -> None:
        """Read the run's previews, unless that is under way; then once more afterwards."""
        run = self._session.run
        if not self._state.transfer_is_on:
            return
        if run is None:
            self._refuse("Choose a run.", "")
            return
        self._is_stale = self._is_reading
        if self._is_reading:
            return
        self._is_reading = True
        known = self._state.transfer.scene if self._state.transfer else None

        def then(found: Transfer) -> None:
            self._take(run, found)

        self._in_background(lambda: read_transfer(run, known), then, lambda error: self._fail(run, error))

    def _take(self, run: Path, found: Transfer) -> None:
        self._is_reading = False
        if self._state.transfer_is_on and run == self._session.run:
            self._state.transfer = found
        self._look_again()

    def _fail(self, run: Path, error: Exception) -> None:
        """Say why nothing can be shown; files that were replaced while they were read are read again with the next."""
        self._is_reading = False
        shown = self._state.transfer
        is_of_run = shown is not None and run in shown.scene.previews.parents
        if self._state.transfer_is_on and run == self._session.run and not is_of_run:
            problem = problems_of(error, str(run))[0]
            self._refuse(f"{problem.where}: {problem.problem}", problem.hint)
        self._look_again()

    def _look_again(self) -> None:
        if self._is_stale:
            self._look()

    def _refuse(self, message: str, hint: str) -> None:
        self._state.log, self._state.hint = None, hint
        self._state.message = message
        self.leave()
