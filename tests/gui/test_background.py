import threading

import pytest
from qtpy.QtCore import QThreadPool
from qtpy.QtWidgets import QWidget

from napari_medkd.gui.background import Background, in_background
from napari_medkd.gui.command import CommandFailed, ask, end_questions
from tests.gui.presenting import endless_python

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


@pytest.fixture
def two_threads():
    """Qt's pool, as it is on a computer of two cores."""
    pool = QThreadPool.globalInstance()
    before = pool.maxThreadCount()
    pool.setMaxThreadCount(2)
    yield pool
    pool.setMaxThreadCount(before)


@pytest.mark.process
def test_work_is_done_at_once_while_as_many_questions_wait_as_there_are_threads(two_threads, tmp_path, qtbot):
    owner, python, said, ended = object(), endless_python(tmp_path), [], []
    for _ in range(2):
        in_background(
            lambda: ask(python, ["check"], owner=owner), ended.append, lambda error: ended.append(type(error))
        )

    try:
        in_background(lambda: 3, said.append, said.append)
        qtbot.waitUntil(lambda: said == [3], timeout=5_000)
        assert ended == []
    finally:
        qtbot.waitUntil(lambda: end_questions(owner=owner) or len(ended) == 2, timeout=20_000)
    qtbot.waitUntil(lambda: two_threads.activeThreadCount() == 0, timeout=5_000)
    assert ended == [CommandFailed, CommandFailed]


@pytest.mark.process
def test_a_question_that_is_not_answered_in_time_leaves_the_threads_as_they_were(two_threads, tmp_path, qtbot):
    ended = []

    in_background(
        lambda: ask(endless_python(tmp_path), ["check"], patience_seconds=0.1),
        ended.append,
        lambda error: ended.append(type(error)),
    )
    qtbot.waitUntil(lambda: ended == [CommandFailed], timeout=20_000)

    qtbot.waitUntil(lambda: two_threads.activeThreadCount() == 0, timeout=5_000)
