import threading

import pytest
from qtpy.QtWidgets import QWidget

from napari_medkd.gui.background import Background

pytestmark = pytest.mark.gui


def test_what_was_found_comes_back_and_so_does_what_went_wrong(qtbot):
    widget, said = QWidget(), []
    qtbot.addWidget(widget)
    background = Background(widget)

    background(lambda: 3, said.append, said.append)
    background(lambda: 1 / 0, said.append, lambda error: said.append(type(error)))

    qtbot.waitUntil(lambda: len(said) == 2)
    assert set(map(str, said)) == {"3", "<class 'ZeroDivisionError'>"}


def test_an_answer_that_comes_after_the_window_is_gone_is_dropped(qtbot):
    from qtpy.compat import isalive

    widget, said, may_answer, answered = QWidget(), [], threading.Event(), threading.Event()

    def work():
        may_answer.wait(10)
        answered.set()
        return 3

    Background(widget)(work, said.append, said.append)
    widget.deleteLater()
    qtbot.waitUntil(lambda: not isalive(widget))
    may_answer.set()
    qtbot.waitUntil(answered.is_set)
    qtbot.wait(50)

    assert said == []
