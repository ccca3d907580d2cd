"""A network's measures as a table: a row for each class, in the class's colour; a click asks to see it."""

import math
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableWidget, QTableWidgetItem

from napari_medkd.gui.colours import colour_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medkd.core.measures import ClassMeasures
    from napari_medkd.core.task import Task

_SWATCH = 12
_MOST_ROWS = 10
_HEAD_HEIGHT = 38
_NOT_APPLICABLE = "–"
_TIPS = (
    "The class; click a row to see it on the canvas.",
    "Overlap with the true mask, 0 to 1.",
    "95th percentile of the distance between the surfaces.",
    "Mean distance between the surfaces.",
    "Volume of the predicted class.",
    "Volume of the class in the true mask.",
)


class MeasuresTable(QTableWidget):
    """Measures of one answer.

    Attributes
    ----------
    class_chosen
        ``(int)`` the label of the class whose row was clicked.
    """

    class_chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__(0, len(_TIPS))
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)  # Tab goes on to what comes next
        self.setShowGrid(False)
        self.setWordWrap(False)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        if rows is not None and columns is not None:
            rows.hide()
            rows.setDefaultSectionSize(24)
            columns.setMinimumSectionSize(40)
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            columns.setHighlightSections(False)
            columns.setFixedHeight(_HEAD_HEIGHT)
        self.cellClicked.connect(self._on_click)
        self.currentCellChanged.connect(self._on_move)

    def show_measures(self, measures: "Sequence[ClassMeasures]", task: "Task", *, has_truth: bool) -> None:
        """Fill the table; without a truth, only the predicted volumes are shown."""
        self.blockSignals(True)
        self.setRowCount(len(measures))
        for row, one in enumerate(measures):
            self.setItem(row, 0, _class_item(one.name, colour_of(task, row + 1)))
            for column, text in enumerate(_texts(one, has_truth=has_truth), start=1):
                item = QTableWidgetItem(text)
                item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(row, column, item)
        distance, volume = (measures[0].distance_unit, measures[0].volume_unit) if measures else ("mm", "ml")
        heads = ("Class", "Dice", f"HD95\n{distance}", f"ASSD\n{distance}", f"Volume\n{volume}", f"True\n{volume}")
        for column, (head, tip) in enumerate(zip(heads, _TIPS, strict=True)):
            item = QTableWidgetItem(head)
            item.setToolTip(tip)
            self.setHorizontalHeaderItem(column, item)
            self.setColumnHidden(column, column in (1, 2, 3, 5) and not has_truth)
        self.clearSelection()
        self.setCurrentCell(-1, -1)
        self.blockSignals(False)
        self._fit_height()

    def _fit_height(self) -> None:
        """Be as high as the rows, and scroll when there are many."""
        rows = sum(self.rowHeight(row) for row in range(min(self.rowCount(), _MOST_ROWS)))
        self.setFixedHeight(_HEAD_HEIGHT + rows + 2 * self.frameWidth() + 4)
        fits = self.rowCount() <= _MOST_ROWS
        bars = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(bars.ScrollBarAlwaysOff if fits else bars.ScrollBarAlwaysOn)

    def _on_click(self, row: int) -> None:
        self.class_chosen.emit(row + 1)

    def _on_move(self, row: int, column: int, old_row: int) -> None:
        """Follow the arrow keys as well."""
        del column
        is_click = QApplication.mouseButtons() != Qt.MouseButton.NoButton
        if row != old_row and row >= 0 and not is_click:
            self.class_chosen.emit(row + 1)


def _class_item(name: str, colour: str) -> QTableWidgetItem:
    swatch = QPixmap(_SWATCH, _SWATCH)
    swatch.fill(QColor(colour))
    item = QTableWidgetItem(QIcon(swatch), name)
    item.setToolTip(name)
    return item


def _texts(one: "ClassMeasures", *, has_truth: bool) -> tuple[str, ...]:
    volume = "{:.0f}" if one.volume_unit == "voxel" else "{:.2f}"
    if not has_truth:
        return ("", "", "", volume.format(one.volume), "")
    return (
        in_words(one.dice, "{:.3f}"),
        in_words(one.hd95, "{:.2f}"),
        in_words(one.assd, "{:.2f}"),
        volume.format(one.volume),
        volume.format(one.truth_volume),
    )


def in_words(value: float, form: str) -> str:
    """Return a number as the table shows it: a dash where it does not apply, the sign of infinity where it is that."""
    if math.isnan(value):
        return _NOT_APPLICABLE
    return "∞" if math.isinf(value) else form.format(value)
