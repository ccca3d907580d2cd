"""The window a person looks at, for what has to be asked or shown over it; without Qt there is none."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget


def window_in_sight() -> "QWidget | None":
    """Return the main window a person sees, None in a script without one or in a thread beside it."""
    try:
        from qtpy.QtCore import QThread
        from qtpy.QtWidgets import QApplication, QMainWindow
    except ImportError:  # napari without Qt
        return None
    application = QApplication.instance()
    if application is None or application.thread() is not QThread.currentThread():
        return None
    windows = [widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QMainWindow)]
    seen = [window for window in windows if window.isVisible()]
    return next((window for window in seen if window.isActiveWindow()), seen[0] if seen else None)


def is_person_at_work() -> bool:
    """Return whether what happens comes from a window in sight (a drop, a menu) and not from a script's next line."""
    if window_in_sight() is None:
        return False
    from qtpy.QtCore import QThread

    thread = QThread.currentThread()
    return thread is not None and thread.loopLevel() > 0
