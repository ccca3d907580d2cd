import pytest
from qtpy.QtCore import Qt

from napari_medkd.gui.widgets.elided_choice import ElidedChoice
from napari_medkd.gui.widgets.labels_page import _ClassBox
from tests.gui.person import turn_wheel

pytestmark = pytest.mark.gui

DOWN = -15


@pytest.fixture(params=[ElidedChoice, _ClassBox])
def choice(request, qtbot):
    made = ElidedChoice("Run", "A run") if request.param is ElidedChoice else _ClassBox("What label 1 means")
    made.addItems(["first", "second", "third"])
    qtbot.addWidget(made)
    made.show()
    return made


def test_the_wheel_that_passes_over_a_list_chooses_nothing(choice, qtbot):
    chosen = []
    choice.activated.connect(chosen.append)
    choice.clearFocus()

    wheel = turn_wheel(choice, DOWN)

    assert (choice.currentIndex(), chosen) == (0, [])
    assert not wheel.isAccepted()  # what scrolls beneath the list has it
    assert choice.focusPolicy() == Qt.FocusPolicy.StrongFocus  # the wheel itself gives no focus


def test_the_wheel_chooses_in_the_list_a_person_is_in(choice, qtbot):
    choice.activateWindow()
    choice.setFocus()
    qtbot.waitUntil(choice.hasFocus, timeout=5_000)

    turn_wheel(choice, DOWN)

    assert choice.currentIndex() == 1
