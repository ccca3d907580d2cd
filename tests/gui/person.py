"""A person who answers a dialog as soon as it stands, while the test waits in the call that shows it, and a wheel."""

from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QPoint, QPointF, Qt, QTimer
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QDialog, QWidget


class Person:
    """Does one thing to the next dialog of a kind.

    Attributes
    ----------
    saw
        The dialogs that were answered.
    """

    def __init__(self, kind: type[QDialog]) -> None:
        self.saw: list[Any] = []
        self._kind = kind
        self._act: Callable[[Any], Any] = lambda _dialog: None
        self._timer = QTimer()
        self._timer.timeout.connect(self._look)

    def will(self, act: Callable[[Any], Any]) -> None:
        """Wait for a dialog and do this to it."""
        self._act = act
        self._timer.start(20)

    def leave(self) -> None:
        """Wait no more."""
        self._timer.stop()

    def _look(self) -> None:
        dialog = QApplication.activeModalWidget()
        if isinstance(dialog, self._kind):
            self.leave()
            self.saw.append(dialog)
            self._act(dialog)


def turn_wheel(widget: QWidget, degrees: int = 15) -> QWheelEvent:
    """Turn the mouse wheel over a widget, up where positive, and return what was sent."""
    middle = widget.rect().center()
    wheel = QWheelEvent(
        QPointF(middle),
        QPointF(widget.mapToGlobal(middle)),
        QPoint(0, 0),
        QPoint(0, 8 * degrees),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(widget, wheel)
    return wheel
