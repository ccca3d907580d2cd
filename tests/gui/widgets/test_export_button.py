import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt, QTimer
from qtpy.QtGui import QHelpEvent
from qtpy.QtWidgets import QApplication, QFileDialog, QToolTip

from napari_medkd.core.grid import Grid
from napari_medkd.gui.widgets.export_button import ExportButton
from tests.gui.answered import boxed, graded, masked

pytestmark = pytest.mark.gui

PICTURE = Grid.upright((1, 40, 60), unit="pixel")
VOLUME = Grid.upright((8, 10, 12))
BOX = [(0.0, 1.0, 2.0, 1.0, 4.0, 4.0)]


def mask_on(grid):
    return masked(grid, np.zeros(grid.shape, np.uint8), None)


@pytest.fixture
def button(qtbot):
    button = ExportButton()
    qtbot.addWidget(button)
    with qtbot.waitExposed(button):
        button.show()
    return button


@pytest.mark.parametrize(
    ("answers", "offered"),
    [
        ([boxed(PICTURE, BOX, [0.9])], {"tables", "coco"}),
        ([boxed(VOLUME, BOX, [0.9])], {"tables"}),
        ([mask_on(VOLUME)], {"tables", "masks"}),
        ([graded(PICTURE, 0.8)], {"tables"}),
        ([graded(PICTURE, 0.8), mask_on(PICTURE), boxed(PICTURE, BOX, [0.9])], {"tables", "coco", "masks"}),
    ],
)
def test_what_can_be_saved_of_the_answers_is_offered(button, answers, offered):
    button.take(answers, "scan.png")

    entries = {"tables": button.tables, "coco": button.coco, "masks": button.masks}
    assert {name for name, entry in entries.items() if entry.isEnabled()} == offered


def test_an_entry_that_cannot_work_says_why_and_asks_for_no_file(button, qtbot, monkeypatch):
    asked, told = [], []
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *words: asked.append(words[1]) or ("", ""))
    button.take([boxed(VOLUME, BOX, [0.9])], "scan.nii.gz")
    menu = button.menu()

    def point_at_entries():
        for entry in (button.coco, button.masks):
            place = menu.actionGeometry(entry).center()
            qtbot.mouseClick(menu, Qt.MouseButton.LeftButton, pos=place)
            QApplication.sendEvent(menu, QHelpEvent(QEvent.Type.ToolTip, place, menu.mapToGlobal(place)))
            told.append(QToolTip.text())
        menu.close()

    QTimer.singleShot(300, point_at_entries)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(told) == 2, timeout=10_000)

    assert asked == []
    assert told == ["COCO JSON holds boxes of flat images alone.", "None of the answers is a mask."]
