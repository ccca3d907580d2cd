"""Reading beside a window in sight: it lives on, a dialog offers to cancel, and a script without one just reads."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMainWindow, QProgressDialog, QPushButton

from napari_medkd.files.giving_up import go_on_if_wanted
from napari_medkd.gui.waiting import waited_for
from tests.gui.person import Person

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Any:
    return make_napari_viewer(show=True)


@pytest.fixture
def person(viewer: Any) -> Any:
    person = Person(QProgressDialog)
    yield person
    person.leave()


def press_cancel(dialog: QProgressDialog) -> None:
    [button] = dialog.findChildren(QPushButton)
    assert button.text() == "Cancel"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def press_escape(dialog: QProgressDialog) -> None:
    QTest.keyClick(dialog, Qt.Key.Key_Escape)


def until_given_up(ended: threading.Event) -> Callable[[], str]:
    def work() -> str:
        try:
            while True:
                go_on_if_wanted()
                time.sleep(0.01)
        finally:
            ended.set()

    return work


def test_without_a_window_it_is_read_at_once_in_the_same_thread() -> None:
    assert waited_for(threading.current_thread, "scan.nii") is threading.current_thread()


def test_beside_a_window_it_is_read_in_another_thread_without_a_dialog_where_it_is_quick(person: Person) -> None:
    person.will(press_cancel)

    assert waited_for(threading.current_thread, "scan.nii") is not threading.main_thread()
    assert person.saw == []


def test_the_window_lives_while_something_is_read(viewer: Any) -> None:
    ticks: list[float] = []
    timer = QTimer()
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    timer.start(10)

    assert waited_for(lambda: time.sleep(1.5) or "read", "scan.nii") == "read"

    timer.stop()
    assert len(ticks) > 50
    assert not isinstance(QApplication.activeModalWidget(), QProgressDialog)


@pytest.mark.parametrize("act", [press_cancel, press_escape])
def test_cancelling_ends_the_wait_and_the_reading(person: Person, act: Callable[[QProgressDialog], None]) -> None:
    ended = threading.Event()
    person.will(act)

    assert waited_for(until_given_up(ended), "a-very-long-name-of-a-scan-of-the-whole-thorax.nii.gz") is None

    assert ended.wait(5)
    assert [dialog.labelText() for dialog in person.saw] == ["Reading a-very-long-name-of-…-whole-thorax.nii.gz …"]


def test_what_goes_wrong_is_raised_as_if_it_had_been_read_here(viewer: Any) -> None:
    def torn() -> None:
        raise ValueError("torn")

    with pytest.raises(ValueError, match="torn"):
        waited_for(torn, "scan.nii")


@pytest.mark.parametrize("after_ms", [50, 800], ids=["before the dialog shows", "under the dialog"])
def test_a_window_that_goes_while_something_is_read_cancels_it(qtbot: Any, after_ms: int) -> None:
    ended = threading.Event()
    window = QMainWindow()
    window.show()
    QTimer.singleShot(after_ms, window.deleteLater)

    assert waited_for(until_given_up(ended), "scan.nii") is None

    assert ended.wait(5)
