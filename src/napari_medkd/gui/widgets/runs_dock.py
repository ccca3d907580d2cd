"""The Runs dock: what trains and what has trained, live curves, and the orders a run can be given."""

from functools import partial
from pathlib import Path
from typing import Any

from qtpy.QtCore import QFileSystemWatcher, Qt, QTimer, QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QFrame, QLabel, QScrollArea, QSplitter, QVBoxLayout

from napari_medkd.gui.background import Background
from napari_medkd.gui.followers import followers_of
from napari_medkd.gui.following import Heard, Traces
from napari_medkd.gui.state import RunsState
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.widgets.dock import Dock
from napari_medkd.gui.widgets.log_window import LogWindow
from napari_medkd.gui.widgets.run_details import RunDetails
from napari_medkd.gui.widgets.run_list import RunList
from napari_medkd.gui.widgets.sure import is_sure

_LOOK_AGAIN_MILLISECONDS = 5000
_EMPTY = (
    "<h3>No runs yet</h3><p>Start one in the Train dock. Runs that were started on the command line, "
    "by <code>medkd train spec.json</code>, appear here too.</p>"
)


class RunsDock(Dock):
    """Lists the runs, shows the selected one, and orders it about."""

    def __init__(self, napari_viewer: Any) -> None:
        from napari_medkd.gui.presenters.runs import RunsPresenter

        super().__init__(napari_viewer, "Runs")
        self.state = RunsState()
        self.followers = followers_of(self.session)
        self.presenter = RunsPresenter(self.session, self.state, self.followers, Background(self))
        self._watcher = QFileSystemWatcher(self)
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_AGAIN_MILLISECONDS)
        self._build()
        self._connect()
        self._show_rows()

    def first_look(self) -> None:
        """List the runs, and follow what is live."""
        self._look_elsewhere()
        self._timer.start()
        if self.session.run is not None:
            self.presenter.select(self.session.run)
        self._show_selected()

    def end(self) -> None:
        """Look for runs no more."""
        self._timer.stop()
        if self._watcher.directories():
            self._watcher.removePaths(self._watcher.directories())

    def take_theme(self, colours: ThemeColours) -> None:
        """Draw list and curves in the theme's colours."""
        self.list.take_theme(colours)
        self.details.take_theme(colours)

    def _build(self) -> None:
        colours = self.colours()
        self.folder = QLabel()
        self.list = RunList(colours)
        self.details = RunDetails(colours)
        self.welcome = QLabel(_EMPTY)
        self.welcome.setWordWrap(True)
        self.welcome.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.message.hide()
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.list)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.details)
        self.splitter.addWidget(scroll)
        self.splitter.setStretchFactor(1, 1)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setSizes([150, 560])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.folder)
        layout.addWidget(self.message)
        layout.addWidget(self.welcome, 1)
        layout.addWidget(self.splitter, 1)

    def _connect(self) -> None:
        self.list.chosen.connect(self.presenter.select)
        self.list.renamed.connect(self.presenter.rename)
        details = self.details
        details.ordered.connect(self._order)
        details.continued.connect(self._continue)
        details.log_wanted.connect(self._open_log)
        details.folder_wanted.connect(self._open_folder)
        details.rename_wanted.connect(self.list.rename_current)
        details.delete_wanted.connect(self._delete)
        self.followers.heard.connect(self._hear)
        self.followers.left.connect(self._left)
        self.followers.failed.connect(self.presenter.fail)
        self.state.events.rows.connect(self._show_rows)
        self.state.events.message.connect(self._show_message)
        self.state.events.hint.connect(self._show_message)
        self.session.events.run.connect(self._selected_elsewhere)
        self.session.events.runs_folder.connect(self._look_elsewhere)
        self._watcher.directoryChanged.connect(self._refresh)
        self._timer.timeout.connect(self._refresh)

    def _refresh(self) -> None:
        self.presenter.refresh()

    def _look_elsewhere(self) -> None:
        """List the runs of the session's folder, and notice when one is added there."""
        folder = self.session.runs_folder
        if self._watcher.directories():
            self._watcher.removePaths(self._watcher.directories())
        if folder.is_dir():
            self._watcher.addPath(str(folder))
        metrics = self.folder.fontMetrics()
        self.folder.setText(metrics.elidedText(f"in {folder}", Qt.TextElideMode.ElideMiddle, 350))
        self.folder.setToolTip(f"{folder}\nThe runs folder is set in napari's preferences.")
        self._refresh()

    def _hear(self, heard: Heard) -> None:
        self.presenter.hear(heard)
        if heard.run == self.session.run:
            self._show_selected()

    def _left(self, run: Path) -> None:
        if run == self.session.run:
            self._show_selected()
        self._refresh()

    def _selected_elsewhere(self, run: Path | None) -> None:
        if run is not None and run not in [row.path for row in self.state.rows]:
            self._refresh()
        self.presenter.select(run)
        self._show_rows()
        self._show_selected()

    def _show_rows(self) -> None:
        self.list.show_rows(self.state.rows, self.session.run)
        has_any = bool(self.state.rows) or self.session.run is not None
        self.welcome.setVisible(not has_any)
        self.splitter.setVisible(has_any)

    def _show_selected(self) -> None:
        with self.details.drawn_once():
            self._show_run(self.session.run)

    def _show_run(self, run: Path | None) -> None:
        self.details.setEnabled(run is not None)
        if run is None:
            self.details.show_nothing()
            return
        presenter = self.presenter
        status = presenter.status(run)
        self.details.show_run(presenter.title(run), status, presenter.headline(run), presenter.possible(run))
        traces = self.followers.latest[run].traces if run in self.followers.latest else Traces()
        self.details.show_traces(traces, status, partial(presenter.score_title, run))

    def _show_message(self) -> None:
        text = f"{self.state.message} {self.state.hint}".strip()
        self.message.setText(text)
        self.message.setStyleSheet(f"color: {self.colours().bad}")
        self.message.setVisible(bool(text))

    def _order(self, wish: Any) -> None:
        if self.session.run is not None:
            self.presenter.order(self.session.run, wish)
            self._show_selected()

    def _continue(self) -> None:
        if self.session.run is not None:
            self.presenter.continue_(self.session.run)
            self._show_selected()

    def _open_log(self) -> None:
        if self.session.run is not None:
            LogWindow(self.session.run, self).show()

    def _open_folder(self) -> None:
        if self.session.run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.session.run)))

    def _delete(self) -> None:
        run = self.session.run
        if run is None:
            return
        words = f"{run.name}\n\nIts networks, predictions and log are deleted from the disk. This cannot be undone."
        if is_sure(self, "Delete this run?", words):
            self.presenter.delete(run)
