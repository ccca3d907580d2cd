"""What the docks have in common: viewer, session, theme, and standing as tabs on one another."""

from typing import Any

from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtGui import QPaintEvent, QShowEvent
from qtpy.QtWidgets import QDockWidget, QMainWindow, QSizePolicy, QWidget

from napari_medkd.gui.keeping import keep_all
from napari_medkd.gui.preferences import PLUGIN, prepare
from napari_medkd.gui.state import session_of
from napari_medkd.gui.theme import ThemeColours, colours_of
from napari_medkd.gui.widgets.closing import guard_closing

WIDTH = 380
_NARROWEST = 320


class Dock(QWidget):
    """One of the docks.

    Attributes
    ----------
    viewer
        napari's viewer, or the proxy of it that a plugin gets.
    session
        What all docks of this viewer share.
    title
        What its tab says.
    is_over
        Whether the dock was closed: it is not shown again, another one is opened in its place.
    """

    def __init__(self, napari_viewer: Any, title: str) -> None:
        super().__init__()
        self.viewer = napari_viewer
        self.session = session_of(napari_viewer)
        self.title = title
        self.is_over = self._is_framed = self._has_joined = self._is_settled = False
        self.setMinimumWidth(_NARROWEST)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        napari_viewer.events.theme.connect(self._theme_changed)
        keep_all(napari_viewer)

    def colours(self) -> ThemeColours:
        """Return the colours of the theme now."""
        return colours_of(self.viewer)

    def take_theme(self, colours: ThemeColours) -> None:
        """Draw in other colours; for docks that draw something themselves."""

    def first_look(self) -> None:
        """Do what the first picture need not wait for: load modules, read folders, ask the command line."""

    def look_again(self) -> None:
        """Bring up to date what may have changed while another tab stood in front."""

    def end(self) -> None:
        """Finish what is at work and take what is shown off the canvas, for the dock was closed."""

    def settle(self) -> None:
        """Take the preferences, then have the first look; once, after the first picture or when asked to."""
        if not self._is_settled and not self.is_over:
            self._is_settled = True
            prepare(self.session)
            self.first_look()

    def showEvent(self, event: QShowEvent | None) -> None:
        """Join the other docks the first time, and look again at every other."""
        super().showEvent(event)
        self._came_up(True)
        if not self._has_joined:
            self._has_joined = True
            QTimer.singleShot(0, self._join)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Settle as soon as the first picture stands."""
        super().paintEvent(event)
        if not self._is_settled:
            QTimer.singleShot(0, self.settle)

    def changeEvent(self, event: QEvent | None) -> None:
        """End when the dock is taken out of its frame: napari does so where a person closes it, and keeps neither."""
        super().changeEvent(event)
        if event is None or event.type() != QEvent.Type.ParentChange:
            return
        was_framed, self._is_framed = self._is_framed, isinstance(self.parent(), QDockWidget)
        if was_framed and not self._is_framed:
            self.is_over = True
            self.viewer.events.theme.disconnect(self._theme_changed)
            self.end()

    def _came_up(self, is_in_front: bool) -> None:
        if is_in_front and self._is_settled and not self.is_over:
            self.look_again()

    def _theme_changed(self, event: Any = None) -> None:
        del event
        self.take_theme(self.colours())

    def _join(self) -> None:
        frame, window = self.parent(), self.window()
        if not isinstance(frame, QDockWidget) or not isinstance(window, QMainWindow):
            return
        frame.setWindowTitle(self.title)
        frame.visibilityChanged.connect(self._came_up)  # a tab behind others is not hidden, so it is never shown anew
        guard_closing(window, self.session)
        beside = _another_dock(window, frame)
        if beside is None:
            window.resizeDocks([frame], [WIDTH], Qt.Orientation.Horizontal)
        else:
            window.tabifyDockWidget(beside, frame)
            frame.raise_()


def _another_dock(window: QMainWindow, frame: QDockWidget) -> QDockWidget | None:
    area = window.dockWidgetArea(frame)
    for other in window.findChildren(QDockWidget):
        is_ours = isinstance(other.widget(), Dock) and other is not frame
        if is_ours and not other.isHidden() and not other.isFloating() and window.dockWidgetArea(other) == area:
            return other
    return None


def dock_of(viewer: Any, title: str) -> Any:
    """Return a dock of ours, or None where it is not open."""
    docks = [widget for widget in viewer.window.dock_widgets.values() if isinstance(widget, Dock)]
    return next((dock for dock in docks if dock.title == title), None)


def bring_up(viewer: Any, title: str) -> Any:
    """Show a dock of ours, opened where it is not yet, and return it."""
    dock = dock_of(viewer, title)
    if dock is None:
        _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, title)
        return dock
    frame = dock.parent()
    if isinstance(frame, QDockWidget):
        frame.show()
        frame.raise_()
    return dock
