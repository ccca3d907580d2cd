import pytest
from qtpy.QtCore import QTimer
from qtpy.QtGui import QCloseEvent
from qtpy.QtWidgets import QApplication, QMainWindow, QMessageBox

from napari_medkd.core.errors import Problem
from napari_medkd.core.events import RunEnded
from napari_medkd.core.spec import PredictSpec
from napari_medkd.gui.followers import followers_of
from napari_medkd.gui.state import Session
from napari_medkd.gui.widgets.closing import ClosingGuard, guard_closing
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.orders import FolderControl

pytestmark = pytest.mark.gui


@pytest.fixture
def session():
    return Session()


@pytest.fixture
def window(qtbot, session):
    def let_close(_window):
        """At a test's end no live run or full disk keeps the window open, and nobody is asked."""
        session.asks_at_closing = False
        session.save_at_closing = None

    window = QMainWindow()
    qtbot.addWidget(window, before_close_func=let_close)
    guard_closing(window, session)
    window.show()
    return window


@pytest.fixture
def live(session, run_folder, qtbot):
    """A run that is live and followed."""
    with Heartbeat(run_folder.path, attempt=1):
        followers = followers_of(session)
        followers.follow(run_folder.path)
        qtbot.waitUntil(lambda: run_folder.path in followers.latest, timeout=10_000)
        yield run_folder
        followers.leave_all()
        run_folder.append(RunEnded(outcome="cancelled"))


@pytest.fixture
def predicting(session, run_folder, qtbot):
    """A prediction of all cases that is live and followed."""
    out = run_folder.path / "predictions" / "student-all"
    prediction = RunFolder.for_prediction(PredictSpec(run=run_folder.path, cases=("case_0",), out=out))
    with Heartbeat(prediction.path, attempt=1):
        followers = followers_of(session)
        followers.follow(out)
        qtbot.waitUntil(lambda: out in followers.latest, timeout=10_000)
        yield prediction
        followers.leave_all()
        prediction.append(RunEnded(outcome="cancelled"))


@pytest.fixture
def question():
    """What was asked, in its title and below; ``answer`` is the button that is pressed, None for Return."""

    class Question:
        asked: list[str]
        title = default = ""
        answer: str | None = None

        def __init__(self):
            self.asked = []

        def press(self):
            box = QApplication.activeModalWidget()
            if not isinstance(box, QMessageBox):
                QTimer.singleShot(20, self.press)
                return
            self.title = box.text()
            self.asked.append(box.informativeText())
            self.default = box.defaultButton().text()
            pressed = next((b for b in box.buttons() if b.text() == self.answer), box.defaultButton())
            pressed.click()

    return Question()


def close_as_a_person(window, question):
    """Close the window as its title bar does; the question is answered while it stands."""
    QTimer.singleShot(20, question.press)
    return window.close()


def test_without_a_live_run_nothing_is_asked(window):
    assert window.close()


def test_the_default_keeps_training_and_leaves_the_run(window, session, live, question, qtbot):
    assert close_as_a_person(window, question)

    assert question.default == "Keep training"
    assert "scripted" in question.asked[0]
    assert "75 %" in question.asked[0]
    assert followers_of(session).followed == ()
    assert FolderControl(live.path).ordered() != "stop"


def test_a_prediction_is_let_finish_and_the_person_hears_where_its_answers_will_be(
    window, session, predicting, question
):
    assert close_as_a_person(window, question)

    assert question.title == "A prediction is at work."
    assert question.default == "Let it finish"
    assert str(predicting.path) in question.asked[0]
    assert "train" not in question.asked[0]
    assert "Runs dock" not in question.asked[0]
    assert followers_of(session).followed == ()
    assert FolderControl(predicting.path).ordered() != "stop"


def test_a_prediction_is_stopped(window, predicting, question):
    question.answer = "Stop it"

    assert close_as_a_person(window, question)

    assert FolderControl(predicting.path).wish() == "stop"


def test_of_a_run_and_a_prediction_both_are_told_and_stopped(window, live, predicting, question):
    question.answer = "Stop them"

    assert close_as_a_person(window, question)

    assert question.title == "A run and a prediction are at work."
    assert question.default == "Let them finish"
    assert "the Runs dock finds runs again" in question.asked[0]
    assert str(predicting.path) in question.asked[0]
    assert [FolderControl(one.path).wish() for one in (live, predicting)] == ["stop", "stop"]


def test_stop_orders_every_live_run_to_stop(window, session, live, question):
    question.answer = "Stop training"

    assert close_as_a_person(window, question)

    assert FolderControl(live.path).wish() == "stop"
    assert followers_of(session).followed == ()


def test_cancel_keeps_the_window_open_and_the_run_followed(window, session, live, question):
    question.answer = "Cancel"

    assert not close_as_a_person(window, question)

    assert window.isVisible()
    assert followers_of(session).followed == (live.path,)


def test_a_script_that_wishes_so_is_not_asked(window, session, live):
    session.asks_at_closing = False

    assert window.close()
    assert FolderControl(live.path).ordered() != "stop"


def test_the_question_is_asked_once_also_where_the_window_system_closes(window, session, live, question, qtbot):
    class Spontaneous(QCloseEvent):
        def spontaneous(self):
            return True

    event = Spontaneous()
    QTimer.singleShot(20, question.press)

    assert window.findChild(ClosingGuard).eventFilter(window, event)  # not handed on: napari would ask again
    assert not event.isAccepted()
    qtbot.waitUntil(lambda: not window.isVisible(), timeout=5_000)

    assert len(question.asked) == 1


def test_strokes_of_a_window_that_stayed_open_after_the_answer_are_saved_when_it_closes(window, session):
    saved = []
    session.save_at_closing = lambda: saved.append(True)
    window.findChild(ClosingGuard)._has_answer = True  # of a closing that something else refused

    assert window.close()

    assert saved == [True]


def test_a_window_is_guarded_once(window, session):
    guard_closing(window, session)

    assert len(window.findChildren(ClosingGuard)) == 1


@pytest.fixture
def full_disk(session):
    """What is painted cannot be saved."""
    session.save_at_closing = lambda: Problem("scans/liver.nii.gz", "No space is left on the disk.", "Free some.")


def test_what_cannot_be_saved_keeps_the_window_open_and_is_told(window, full_disk, question):
    assert not close_as_a_person(window, question)

    assert window.isVisible()
    assert question.default == "Keep napari open"
    assert "scans/liver.nii.gz: No space is left on the disk." in question.asked[0]
    assert "Free some." in question.asked[0]


def test_a_person_may_close_without_saving(window, full_disk, question):
    question.answer = "Close without saving"

    assert close_as_a_person(window, question)


def test_a_script_that_is_not_asked_loses_nothing(window, session, full_disk):
    session.asks_at_closing = False

    assert not window.close()
