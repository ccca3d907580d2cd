"""The selected run: where it stands, its buttons, what it noticed, and its curves."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QCoreApplication, QEvent, Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QMenu, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_medkd.core.words import duration
from napari_medkd.gui.following import Traces
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.widgets.loss_plot import LossPlot

if TYPE_CHECKING:
    from napari_medkd.core.status import RunStatus
    from napari_medkd.gui.presenters.runs import Possible

_THOUSAND = 1000
_MOST_NOTICES = 3
_NESTED_LAYOUTS = 4


class RunDetails(QWidget):
    """Shows one run and says which button was pressed; it keeps nothing of the run itself.

    Attributes
    ----------
    ordered
        ``("pause" | "go" | "stop")``.
    continued, log_wanted, folder_wanted, rename_wanted, delete_wanted
        The buttons and the menu.
    """

    ordered = Signal(str)
    continued = Signal()
    log_wanted = Signal()
    folder_wanted = Signal()
    rename_wanted = Signal()
    delete_wanted = Signal()

    def __init__(self, colours: ThemeColours) -> None:
        super().__init__()
        self._colours = colours
        self.plot: LossPlot | None = None
        self._build()
        self.show_nothing()

    @contextmanager
    def drawn_once(self) -> Iterator[None]:
        """Gather what is shown in the body into one picture.

        Whatever changes in a window with an OpenGL canvas has all of it put together again, some 16 ms without a GPU;
        labels, layouts and plots that each ask for it would take several times that.
        """
        self.setUpdatesEnabled(False)
        try:
            yield
            for _ in range(_NESTED_LAYOUTS):
                QCoreApplication.sendPostedEvents(None, int(QEvent.Type.LayoutRequest))
            if self.plot is not None:
                self.plot.settle()
        finally:
            self.setUpdatesEnabled(True)

    def show_nothing(self) -> None:
        """Show that no run is selected."""
        self.name.setText("Select a run")
        for widget in (self.headline, self.progress, self.buttons, self.fault, self.notices):
            widget.setVisible(False)
        if self.plot is not None:
            self.plot.setVisible(False)

    def show_run(self, title: str, status: "RunStatus", headline: str, possible: "Possible") -> None:
        """Show where a run stands and what can be done with it."""
        self.name.setText(f"<b>{escape(title)}</b>")
        self.headline.setText(headline)
        self.headline.setVisible(True)
        self.progress.setVisible(True)
        self._show_progress(status)
        self._show_buttons(possible)
        self._show_fault(status)
        self._show_notices(status)

    def show_traces(self, traces: Traces, status: "RunStatus", score_title: Callable[[str], str]) -> None:
        """Draw the run's curves; the plot is made for the first of them."""
        if self.plot is None:
            if not traces.stages:
                return
            self.plot = LossPlot(self._colours)
            self._layout.insertWidget(self._layout.indexOf(self.notices) + 1, self.plot, 1)
        self.plot.setVisible(bool(traces.stages))
        self.plot.show_traces(traces, status, score_title)

    def take_theme(self, colours: ThemeColours) -> None:
        """Draw in other colours."""
        self._colours = colours
        self.notices.setStyleSheet(f"color: {colours.caution}")
        if self.plot is not None:
            self.plot.take_theme(colours)

    def _build(self) -> None:
        self.name, self.headline, self.fault, self.notices = QLabel(), QLabel(), QLabel(), QLabel()
        for label in (self.name, self.headline, self.fault, self.notices):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress = QProgressBar()
        self.progress.setRange(0, _THOUSAND)
        self.progress.setTextVisible(True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 6, 0, 0)
        self._layout.setSpacing(4)
        for widget in (self.name, self.headline, self.progress, self._buttons(), self.fault, self.notices):
            self._layout.addWidget(widget)
        self._layout.addStretch(0)
        self.take_theme(self._colours)

    def _buttons(self) -> QWidget:
        self.pause, self.stop = QPushButton("Pause"), QPushButton("Stop")
        self.resume = QPushButton("Continue")
        self.pause.setToolTip("Wait between two steps; the device stays taken. To free it, stop and continue later.")
        self.stop.setToolTip("End the run. What it learned up to the last finished epoch is kept.")
        self.resume.setToolTip("Go on after the last finished epoch, in a new process")
        self.log = QPushButton("Log")
        self.more = QPushButton("More")
        menu = QMenu(self.more)
        menu.addAction("Open folder", lambda: self.folder_wanted.emit())
        self.rename = menu.addAction("Rename", lambda: self.rename_wanted.emit())
        self.delete = menu.addAction("Delete …", lambda: self.delete_wanted.emit())
        self.more.setMenu(menu)
        self.pause.clicked.connect(self._pause_or_go)
        self.stop.clicked.connect(lambda: self.ordered.emit("stop"))
        self.resume.clicked.connect(lambda: self.continued.emit())
        self.log.clicked.connect(lambda: self.log_wanted.emit())
        self.buttons = QWidget()
        layout = QHBoxLayout(self.buttons)
        layout.setContentsMargins(0, 0, 0, 0)
        for button in (self.pause, self.stop, self.resume, self.log, self.more):
            layout.addWidget(button, 1)
        return self.buttons

    def _pause_or_go(self) -> None:
        self.ordered.emit("go" if self.pause.text() == "Resume" else "pause")

    def _show_progress(self, status: "RunStatus") -> None:
        done = 1.0 if status.outcome == "completed" else status.fraction
        self.progress.setValue(round(_THOUSAND * min(1.0, done)))
        left = status.seconds_left
        words = [f"{100 * done:.0f} %", f"step {status.step:,} of {status.of_steps:,}" if status.of_steps else ""]
        words.append("" if left is None else f"{duration(left)} left")
        self.progress.setFormat("  ·  ".join(word for word in words if word))

    def _show_buttons(self, possible: "Possible") -> None:
        self.buttons.setVisible(True)
        is_live = possible.pause or possible.resume or possible.stop
        self.pause.setText("Resume" if possible.resume else "Pause")
        self.pause.setVisible(not possible.change)
        self.pause.setEnabled(possible.pause or possible.resume)
        self.stop.setVisible(not possible.change)
        self.stop.setEnabled(possible.stop and is_live)
        self.resume.setVisible(possible.continue_later)
        for action in (self.rename, self.delete):
            if action is not None:
                action.setEnabled(possible.change)

    def _show_fault(self, status: "RunStatus") -> None:
        text = f"{status.message} {status.hint}".strip()
        went_wrong = status.phase == "lost" or status.outcome == "failed"
        style = f"color: {self._colours.bad if went_wrong else self._colours.text}"
        if style != self.fault.styleSheet():
            self.fault.setStyleSheet(style)
        self.fault.setText(text)
        self.fault.setVisible(bool(text))

    def _show_notices(self, status: "RunStatus") -> None:
        shown = [f"⚠ {notice}" for notice in status.notices[-_MOST_NOTICES:]]
        if len(status.notices) > _MOST_NOTICES:
            shown.insert(0, f"{len(status.notices) - _MOST_NOTICES} earlier notices stand in the log.")
        self.notices.setText("\n".join(shown))
        self.notices.setVisible(bool(shown))
