"""Boxes as a table: class, score, place, size, overlap with the true box; a click asks to see one."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt
from qtpy.QtGui import QColor, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QApplication, QHeaderView, QTableView

from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.gui.box_rows import BoxRow
from napari_medkd.gui.colours import colour_of_class

_SWATCH = 12
_ROW_HEIGHT, _HEAD_HEIGHT = 24, 38
_MOST_ROWS = 8
_NONE = "–"
_PADDING = 12
_TEN = 9.95  # what is written as 10
#: Words that may stand in a column, whatever the boxes.
_ALWAYS = ((), ("0.00",), (), (), ("missed",))
_TIPS = (
    "The class; click a row to see the box on the canvas.",
    "How sure the network is, 0 to 1.",
    "The voxel in the middle: slice, row, column as on the canvas (row, column of a picture).",
    "Edge to edge along slices, rows and columns (rows and columns of a picture).",
    "Overlap with the true box it is paired with: shared over joint volume, 0.1 at least (area, 0.5 at least, in "
    "a picture). Extra: it has none; missed: a true box that no shown box is paired with.",
)


class BoxTable(QTableView):
    """The boxes of one network.

    Attributes
    ----------
    box_chosen
        ``(BoxRow)`` whose row was clicked, or reached by the arrow keys.
    """

    box_chosen = Signal(object)

    def __init__(self, task: Task, grid: Grid) -> None:
        super().__init__()
        self.rows = _Rows(task, grid)
        self.setModel(self.rows)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setTabKeyNavigation(False)  # Tab goes on to what comes next
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        lines, columns = self.verticalHeader(), self.horizontalHeader()
        if lines is not None and columns is not None:
            lines.hide()
            lines.setDefaultSectionSize(_ROW_HEIGHT)
            columns.setMinimumSectionSize(36)
            columns.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            columns.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
            columns.setHighlightSections(False)
            columns.setFixedHeight(_HEAD_HEIGHT)
        selection = self.selectionModel()
        if selection is not None:
            selection.currentRowChanged.connect(self._on_move)
        self.clicked.connect(self._on_click)

    def fit(self, rows: Sequence[BoxRow]) -> None:
        """Make the columns as wide as these rows need; the class takes what is left."""
        metrics, columns = self.fontMetrics(), self.horizontalHeader()
        texts = [_texts(row, is_flat=self.rows.grid.is_flat) for row in rows]
        for column in range(1, self.rows.columnCount()):
            words = [*self.rows.heads[column].splitlines(), *(text[column] for text in texts), *_ALWAYS[column]]
            if columns is not None:
                columns.resizeSection(column, max(map(metrics.horizontalAdvance, words)) + _PADDING)

    def show_rows(self, rows: Sequence[BoxRow]) -> None:
        """Show these boxes instead."""
        self.rows.replace(rows)
        shown = min(max(1, len(rows)), _MOST_ROWS)
        self.setFixedHeight(_HEAD_HEIGHT + shown * _ROW_HEIGHT + 2 * self.frameWidth() + 4)

    def _on_click(self, place: QModelIndex) -> None:
        self.box_chosen.emit(self.rows.at(place.row()))

    def _on_move(self, now: QModelIndex) -> None:
        """Follow the arrow keys as well."""
        if now.isValid() and QApplication.mouseButtons() == Qt.MouseButton.NoButton:
            self.box_chosen.emit(self.rows.at(now.row()))


class _Rows(QAbstractTableModel):
    """The rows as Qt asks for them: only those in sight are put into words, so that a thousand cost nothing."""

    def __init__(self, task: Task, grid: Grid) -> None:
        super().__init__()
        self._task = task
        self.grid = grid
        self._rows: tuple[BoxRow, ...] = ()
        unit = "px" if grid.unit == "pixel" else grid.unit
        place = "row col" if grid.is_flat else "z y x"
        self.heads = ("Class", "Score", f"Position\n{place}", f"Size\n{unit}", "IoU")

    def at(self, row: int) -> BoxRow:
        """Return the box of a row."""
        return self._rows[row]

    def replace(self, rows: Sequence[BoxRow]) -> None:
        """Take other rows."""
        self.beginResetModel()
        self._rows = tuple(rows)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of boxes."""
        del parent
        return len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        """Return the number of columns."""
        del parent
        return len(self.heads)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        """Return a column's name, and what it means as a tip."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.heads[section]
        return f"<p>{_TIPS[section]}</p>" if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: QModelIndex, role: int = 0) -> Any:
        """Return what a cell shows."""
        row = self._rows[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return _texts(row, is_flat=self.grid.is_flat)[index.column()]
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            swatch = QPixmap(_SWATCH, _SWATCH)
            swatch.fill(QColor(colour_of_class(self._task, row.class_name)))
            return swatch
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column():
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None


def _texts(row: BoxRow, *, is_flat: bool) -> tuple[str, ...]:
    shown = slice(1, None) if is_flat else slice(None)
    place = " ".join(str(round(at)) for at in list(row.middle)[shown])
    lengths = [float(length) for length in np.atleast_1d(row.size[shown])]
    size = "×".join(f"{length:.0f}" if length >= _TEN else f"{length:.1f}" for length in lengths)
    score = _NONE if row.score is None else f"{row.score:.2f}"
    overlap = f"{row.iou:.2f}" if row.iou is not None else _NONE if row.state == "unknown" else row.state
    return row.class_name, score, place, size, overlap
