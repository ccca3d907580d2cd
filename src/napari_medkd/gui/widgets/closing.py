"""What happens at closing: what is painted is saved, and a person says whether what is at work shall stop.

Each question is asked once. The defaults lose nothing: what is at work goes on without napari, and what cannot be saved
keeps napari open.
"""

from contextlib import suppress
from typing import Any, Literal, TypeAlias

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtWidgets import QMainWindow, QMessageBox, QWidget

from napari_medkd.core.errors import MedKDError, Problem
from napari_medkd.gui.command import end_questions
from napari_medkd.gui.followers import Followers, followers_of
from napari_medkd.gui.state import Session

Answer: TypeAlias = Literal["keep", "stop", "cancel"]


class ClosingGuard(QObject):
    """Sits on napari's window and hears of its closing before napari does."""

    def __init__(self, window: QMainWindow, session: Session) -> None:
        super().__init__(window)
        self._session = session
        self._has_answer = False
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Save what is painted, ask where that fails and while anything is at work, and leave it all."""
        if event is None or event.type() != QEvent.Type.Close or not isinstance(watched, QMainWindow):
            return False
        may_ask = self._session.asks_at_closing and not self._has_answer
        save = self._session.save_at_closing
        problem = None if save is None else save()
        may_close = problem is None or self._has_answer or (may_ask and is_to_be_lost(watched, problem))
        if not may_close:
            event.ignore()
            return True
        followers = followers_of(self._session)
        asks = bool(followers.live) and may_ask
        answer = ask_at_closing(watched, followers) if asks else "keep"
        if answer == "cancel":
            event.ignore()
            return True
        if answer == "stop":
            stop_all(followers)
        followers.leave_all()
        end_questions(owner=self._session)
        was_asked = asks or (may_ask and problem is not None)
        if was_asked and event.spontaneous():  # napari would ask again, and the person has answered
            self._has_answer = True
            event.ignore()
            QTimer.singleShot(0, watched.close)
            return True
        return False


def guard_closing(window: QMainWindow, session: Session) -> None:
    """Ask the question when this window closes; a second call changes nothing."""
    if window.findChild(ClosingGuard) is None:
        ClosingGuard(window, session)


def stop_all(followers: Followers) -> None:
    """Order every live run and prediction to stop; each keeps its finished epochs or cases."""
    from napari_medkd.runs.folder import RunFolder

    for run in followers.live:
        with suppress(MedKDError):  # a folder that is gone cannot be ordered about, and must not keep napari open
            RunFolder(run).order("stop")


def is_to_be_lost(parent: QWidget, problem: Problem) -> bool:
    """Say why what is painted cannot be saved, and return whether the person closes all the same."""
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle("Close napari?")
    box.setText("What is painted cannot be saved.")
    told = "\n".join(part for part in (f"{problem.where}: {problem.problem}", problem.hint) if part)
    box.setInformativeText(f"{told}\n\nClosed now, it is lost from the last save on.")
    stay = box.addButton("Keep napari open", QMessageBox.ButtonRole.RejectRole)
    lose = box.addButton("Close without saving", QMessageBox.ButtonRole.DestructiveRole)
    return _clicked(box, default=stay, escape=stay) is lose


def ask_at_closing(parent: QWidget, followers: Followers) -> Answer:
    """Ask the person what is to become of the runs and predictions that are at work."""
    from napari_medkd.gui.presenters.at_work import at_work

    words = at_work(followers.live, followers.latest)
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle("Close napari?")
    box.setText(words.title)
    box.setInformativeText(words.details)
    keep = box.addButton(words.keep, QMessageBox.ButtonRole.AcceptRole)
    stop = box.addButton(words.stop, QMessageBox.ButtonRole.DestructiveRole)
    cancel = box.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
    clicked = _clicked(box, default=keep, escape=cancel)
    return "keep" if clicked is keep else "stop" if clicked is stop else "cancel"


def _clicked(box: QMessageBox, *, default: Any, escape: Any) -> Any:
    """Ask, and return the button that was pressed."""
    box.setDefaultButton(default)
    box.setEscapeButton(escape)
    box.exec()
    clicked = box.clickedButton()
    box.deleteLater()
    return clicked
