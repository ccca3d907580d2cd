"""The Tab key goes through every table and on."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton, QVBoxLayout, QWidget

from napari_medkd.core.grid import Grid
from napari_medkd.core.measures import ClassMeasures
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.annotation import ClassVolume
from napari_medkd.gui.box_rows import BoxRow
from napari_medkd.gui.members import Member
from napari_medkd.gui.state import CaseRow, Session
from napari_medkd.gui.widgets.box_table import BoxTable
from napari_medkd.gui.widgets.case_table import CaseTable
from napari_medkd.gui.widgets.class_list import ClassList
from napari_medkd.gui.widgets.labels_page import LabelsPage
from napari_medkd.gui.widgets.measures_table import MeasuresTable
from tests.pictures import write_pictures

pytestmark = pytest.mark.gui

NAMES = ("liver", "spleen")


def cases():
    table = CaseTable()
    table.show_rows(tuple(CaseRow(name, "t1", "train", ()) for name in NAMES))
    return table


def classes():
    table = ClassList()
    table.show_classes(tuple(ClassVolume(at, name, "#00ff00", 0.0, "ml") for at, name in enumerate(NAMES, 1)), 1)
    return table


def measures():
    table = MeasuresTable()
    task = Task("organs", "segmentation", ("background", *NAMES))
    table.show_measures([ClassMeasures(name, 0.9, 1, 1, 2, 2, "mm", "ml") for name in NAMES], task, has_truth=True)
    return table


def boxes():
    table = BoxTable(Task("lesions", "detection", NAMES), Grid.upright((8, 8, 8)))
    corners = np.array((0.0, 0.0, 0.0, 4.0, 4.0, 4.0))
    table.show_rows([BoxRow(name, 0.9, None, "unknown", corners, corners[3:]) for name in NAMES])
    return table


def press_tab(window, qtbot, *, times):
    """Press Tab that often, and return what had the focus after each time."""
    passed = []
    for _ in range(times):
        qtbot.keyClick(window.focusWidget(), Qt.Key.Key_Tab)
        passed.append(window.focusWidget())
    return passed


@pytest.mark.parametrize("make", [cases, classes, measures, boxes])
def test_tab_leaves_a_table_for_what_comes_next(make, qtbot):
    window, table, after = QWidget(), make(), QPushButton("after")
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    layout.addWidget(table)
    layout.addWidget(after)
    with qtbot.waitExposed(window):
        window.show()
    table.setFocus()

    assert press_tab(window, qtbot, times=1) == [after]


def test_tab_goes_from_label_to_label_and_on_to_the_buttons(tmp_path, qtbot):
    dataset = open_dataset(write_pictures(tmp_path / "cells", "cells"))
    page = LabelsPage(Session(study=(Member(dataset.folder, dataset),)))
    qtbot.addWidget(page)
    page.begin(dataset)
    qtbot.waitUntil(lambda: page.save.isEnabled() and page.table.rowCount() == 2, timeout=20_000)
    with qtbot.waitExposed(page):
        page.show()
    first, second = (page.table.cellWidget(row, 2) for row in range(2))
    first.setFocus()

    passed = press_tab(page, qtbot, times=4)

    assert passed[0] is second
    assert {page.save, page.back} <= set(passed)
