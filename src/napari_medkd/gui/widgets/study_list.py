"""The open datasets of the study: one is current; each unfolds into its tasks and domains."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from psygnal import Signal
from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QBrush, QColor
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from napari_medkd.gui.members import MemberRow
from napari_medkd.gui.presenters.words import listed, task_in_words
from napari_medkd.gui.theme import ThemeColours

_COLUMNS = ("Dataset", "Cases", "Problems")
_TIPS = (
    "An open dataset; a click lists its cases below. The arrow unfolds its tasks and domains",
    "How many cases it has",
    "What is wrong with it; a click shows it at the foot of the dock",
)
_NAME, _CASES, _PROBLEMS = range(3)
_FOLDER = Qt.ItemDataRole.UserRole
_MOST_ROWS = 8
_FEWEST_ROWS = 3
_PADDING = 4


class StudyList(QTreeWidget):
    """As high as its rows, up to a number of them.

    Attributes
    ----------
    chosen
        ``(folder)`` of the dataset that was clicked.
    """

    chosen = Signal(object)

    def __init__(self, colours: ThemeColours) -> None:
        super().__init__()
        self._colours = colours
        self._rows: tuple[MemberRow, ...] = ()
        self.setAccessibleName("Open datasets")
        self.setColumnCount(len(_COLUMNS))
        self.setHeaderLabels(list(_COLUMNS))
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setIndentation(16)
        self.setStyleSheet("QTreeView::item { padding: 2px 0px; }")
        head = self.headerItem()
        for column, tip in enumerate(_TIPS):
            if head is not None:
                head.setToolTip(column, tip)
        header = self.header()
        if header is not None:
            header.setStretchLastSection(False)
            header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            header.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        self.itemSelectionChanged.connect(self._on_selection)
        self.itemExpanded.connect(self._fit)
        self.itemCollapsed.connect(self._fit)

    def show_members(self, rows: Sequence[MemberRow]) -> None:
        """Show these datasets, the current one selected; what was unfolded stays so."""
        unfolded = {self._folder(item) for item in self._tops() if item.isExpanded()}
        self._rows = tuple(rows)
        self.blockSignals(True)
        self.clear()
        for row in rows:
            item = self._item(row)
            self.addTopLevelItem(item)
            for words in (*(f"{task.name} · {task_in_words(task)}" for task in row.tasks), *_domains(row)):
                child = QTreeWidgetItem([words])
                child.setToolTip(_NAME, f"<p>{escape(words)}</p>")
                item.addChild(child)
                child.setFirstColumnSpanned(True)
            item.setExpanded(row.folder in unfolded)
            item.setSelected(row.is_current)
            if row.is_current:
                self.setCurrentItem(item)
        self.blockSignals(False)
        self._fit()

    def take_theme(self, colours: ThemeColours) -> None:
        """Write faults in the theme's colour."""
        self._colours = colours
        self.show_members(self._rows)

    def sizeHint(self) -> QSize:
        """Ask for what the rows need; where there is less room, they scroll."""
        return QSize(super().sizeHint().width(), self.maximumHeight())

    def _item(self, row: MemberRow) -> QTreeWidgetItem:
        number = "…" if row.num_problems is None else str(row.num_problems or "none")
        item = QTreeWidgetItem([row.name, str(row.num_cases), number])
        item.setData(_NAME, _FOLDER, row.folder)
        item.setToolTip(_NAME, f"<p>{escape(str(row.folder))}</p>")
        font = item.font(_NAME)
        font.setBold(row.is_current)
        item.setFont(_NAME, font)
        for column in (_CASES, _PROBLEMS):
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if row.num_problems:
            item.setForeground(_PROBLEMS, QBrush(QColor(self._colours.bad)))
        return item

    def _tops(self) -> list[QTreeWidgetItem]:
        found = (self.topLevelItem(at) for at in range(self.topLevelItemCount()))
        return [item for item in found if item is not None]

    def _folder(self, item: QTreeWidgetItem) -> Path:
        top = item.parent() or item
        folder: Path = top.data(_NAME, _FOLDER)
        return folder

    def _on_selection(self) -> None:
        for item in self.selectedItems()[:1]:
            self.chosen.emit(self._folder(item))

    def _fit(self) -> None:
        rows = sum(1 + (item.childCount() if item.isExpanded() else 0) for item in self._tops())
        self.setMaximumHeight(self._height_of(min(max(1, rows), _MOST_ROWS)))
        self.setMinimumHeight(self._height_of(min(max(1, rows), _FEWEST_ROWS)))
        self.updateGeometry()

    def _height_of(self, rows: int) -> int:
        header = self.header()
        head = 0 if header is None else header.sizeHint().height()
        return head + max(1, self.sizeHintForRow(0)) * rows + 2 * self.frameWidth() + _PADDING


def _domains(row: MemberRow) -> tuple[str, ...]:
    if not row.domains:
        return ()
    title = "Domain" if len(row.domains) == 1 else "Domains"
    return (f"{title}: {listed([f'{name} ({number})' for name, number in row.domains], most=4)}",)
