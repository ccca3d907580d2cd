"""Reading that a person waits for: the window lives on meanwhile, and can cancel it as soon as it takes a moment."""

from __future__ import annotations

from threading import Event
from typing import TYPE_CHECKING, Generic, TypeVar

from napari_medkd.gui.window_in_sight import window_in_sight

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QProgressDialog, QWidget

T = TypeVar("T")

_MOMENT_MS = 400
_WIDTH = 360
_MOST_LETTERS = 40


def waited_for(work: Callable[[], T], what: str) -> T | None:
    """Return what ``work`` returns; beside a window in sight it is done in a thread, and None where it is cancelled.

    A window that goes meanwhile cancels it.

    Parameters
    ----------
    what
        What is being read, for the dialog.

    Raises
    ------
    Exception
        What ``work`` raises.
    """
    window = window_in_sight()
    return work() if window is None else _beside(window, work, what)


class _Reading(Generic[T]):
    """What comes of the work, and whether the person still wants it."""

    def __init__(self) -> None:
        self.cancelled = Event()
        self.is_done = False
        self.value: T | None = None
        self.error: Exception | None = None

    def begin(self, work: Callable[[], T], then: Callable[[], object]) -> None:
        """Begin in a thread; ``then`` is called in the window's."""
        from napari_medkd.files.giving_up import until
        from napari_medkd.gui.background import in_background

        def wanted_work() -> T:
            with until(self.cancelled.is_set):
                return work()

        def end(value: T | None, error: Exception | None) -> None:
            self.value, self.error, self.is_done = value, error, True
            then()

        in_background(wanted_work, lambda value: end(value, None), lambda error: end(None, error))

    def result(self) -> T | None:
        """Return what was read, None where it was cancelled, and raise what went wrong."""
        if not self.is_done:  # the dialog says "cancelled" of itself whenever it closes
            return None
        if self.error is not None:
            raise self.error
        return self.value


def _beside(window: QWidget, work: Callable[[], T], what: str) -> T | None:
    from qtpy.compat import isalive
    from qtpy.QtCore import QEventLoop, QTimer

    loop, reading, dialog = QEventLoop(), _Reading[T](), _dialog(window, what)

    def is_there() -> bool:
        """Return whether the dialog still is: it goes with its window."""
        return bool(isalive(dialog))  # type: ignore[no-untyped-call]

    def end() -> None:
        if not reading.cancelled.is_set():  # else nobody is here any more
            loop.quit()
            if is_there():
                dialog.accept()

    reading.begin(work, end)
    QTimer.singleShot(_MOMENT_MS, loop.quit)
    loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)  # what is clicked meanwhile comes afterwards
    if not reading.is_done and is_there():
        dialog.exec()
    if not reading.is_done:
        reading.cancelled.set()
    if is_there():
        dialog.deleteLater()
    return reading.result()


def _dialog(window: QWidget, what: str) -> QProgressDialog:
    """Return a dialog that says what is read, with a bar that moves, and Cancel."""
    from qtpy.QtCore import Qt
    from qtpy.QtWidgets import QProgressDialog

    name = what if len(what) <= _MOST_LETTERS else f"{what[: _MOST_LETTERS // 2]}…{what[-_MOST_LETTERS // 2 :]}"
    dialog = QProgressDialog(f"Reading {name} …", "Cancel", 0, 0, window)
    dialog.setWindowTitle("Opening")
    dialog.setWindowModality(Qt.WindowModality.WindowModal)
    dialog.setAutoClose(False)
    dialog.setAutoReset(False)
    dialog.setMinimumWidth(_WIDTH)
    return dialog
