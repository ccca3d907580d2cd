"""The cases of a dataset as a table that can be sorted and filtered."""

from typing import Any

from psygnal import Signal
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QSortFilterProxyModel, Qt
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableView, QWidget

from napari_medkd.gui.state import CaseRow

_COLUMNS = ("Case", "Domain", "Split", "Labels", "Ref")
_TIPS = (
    "The case's id in the dataset",
    "Site, scanner or sequence",
    "Which side of the split: trained on, used to choose settings, or scored once",
    "Tasks the case carries an annotation for",
    "★ marks a reference case: methods that learn from few cases learn from these",
)
_LABELS = 3
REFERENCE = len(_COLUMNS) - 1


class _CaseModel(QAbstractTableModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: tuple[CaseRow, ...] = ()

    def show_rows(self, rows: tuple[CaseRow, ...]) -> None:
        """Show other cases; where only marks changed, selection and scroll position stay."""
        if [row.id for row in rows] == [row.id for row in self.rows]:
            self.rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, REFERENCE))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(_COLUMNS)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return (row.id, row.domain, row.side, _few(row.labelled), "★" if row.is_reference else "")[index.column()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return f"{row.id}\nLabels: {', '.join(row.labelled) or 'none'}"
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == REFERENCE:
            return Qt.AlignmentFlag.AlignCenter
        return None

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        return _TIPS[section] if role == Qt.ItemDataRole.ToolTipRole else None


def _few(names: tuple[str, ...]) -> str:
    """Return the first name and how many more there are; a column is narrow."""
    if not names:
        return "none"
    return names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"


class CaseTable(QTableView):
    """The cases; a double click or Enter asks to open one.

    Attributes
    ----------
    opened
        ``(id)`` of the case to open.
    reference_clicked
        ``(id)`` of the case whose mark was clicked.
    """

    opened = Signal(str)
    reference_clicked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._model = _CaseModel(self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._model)
        self._sorted.setFilterKeyColumn(-1)
        self._sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._sorted.setSortCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.setModel(self._sorted)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)  # the dataset's own order until a header is clicked
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)  # Tab goes on to what comes next
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setAccessibleName("Cases")
        self._arrange_columns()
        self.activated.connect(self._activate)
        self.clicked.connect(self._click)

    def show_rows(self, rows: tuple[CaseRow, ...]) -> None:
        """Show these cases."""
        is_other = [row.id for row in rows] != [row.id for row in self._model.rows]
        self._model.show_rows(rows)
        if is_other:
            self._fit_columns()

    def keep_matching(self, words: str) -> None:
        """Show only the cases one of whose columns holds the words."""
        self._sorted.setFilterFixedString(words)

    def num_shown(self) -> int:
        """Return how many cases the filter lets through."""
        return self._sorted.rowCount()

    def selected_rows(self) -> tuple[CaseRow, ...]:
        """Return the selected cases."""
        chosen = self.selectionModel()
        return () if chosen is None else tuple(self._row(index) for index in chosen.selectedRows())

    def select(self, name: str) -> None:
        """Select the case of that id and scroll to it."""
        for at, row in enumerate(self._model.rows):
            if row.id == name:
                index = self._sorted.mapFromSource(self._model.index(at, 0))
                self.selectRow(index.row())
                self.scrollTo(index)

    def _arrange_columns(self) -> None:
        header, numbers = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert numbers is not None
        numbers.hide()
        numbers.setDefaultSectionSize(numbers.fontMetrics().height() + 8)
        header.setHighlightSections(False)
        header.setMinimumSectionSize(34)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setSectionResizeMode(_LABELS, QHeaderView.ResizeMode.Stretch)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.setColumnWidth(REFERENCE, 34)

    def _fit_columns(self) -> None:
        """Make every column as wide as its title and cells need, within limits; the labels take what is left."""
        header = self.horizontalHeader()
        assert header is not None
        for column, most in ((0, 130), (1, 90), (2, 70)):
            needed = max(header.sectionSizeHint(column), self.sizeHintForColumn(column) + 12)
            self.setColumnWidth(column, min(most, needed))

    def _row(self, index: QModelIndex) -> CaseRow:
        return self._model.rows[self._sorted.mapToSource(index).row()]

    def _activate(self, index: QModelIndex) -> None:
        if index.column() != REFERENCE:
            self.opened.emit(self._row(index).id)

    def _click(self, index: QModelIndex) -> None:
        if index.column() == REFERENCE:
            self.reference_clicked.emit(self._row(index).id)
