"""A tree of datasets and their tasks, with a box to check for each that is to be learned."""

from collections.abc import Sequence
from html import escape
from pathlib import Path

from psygnal import Signal
from qtpy.QtCore import QSize, Qt
from qtpy.QtWidgets import QAbstractItemView, QLabel, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from napari_medkd.core.errors import Problem
from napari_medkd.gui.presenters.fields import belongs_to
from napari_medkd.gui.presenters.targets import OfferedDataset
from napari_medkd.gui.presenters.words import task_in_words
from napari_medkd.gui.theme import ThemeColours

#: The spec's fields that the tree stands for.
NAMES = ("targets", "datasets")
_FOLDER, _TASK = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1
_MOST_ROWS = 9
_PADDING = 6
_ITEM_PADDING = 2


class TargetTree(QWidget):
    """Shows what is taught, and says what a person checked.

    Attributes
    ----------
    checked
        ``(folder, name of the task, on)``; the name is empty where the dataset as a whole was meant.
    """

    checked = Signal(object, str, bool)

    def __init__(self) -> None:
        super().__init__()
        self.title, self.fault = QLabel(), QLabel()
        self.tree = _Tree()
        self.fault.setWordWrap(True)
        self.fault.hide()
        self._shown: tuple[OfferedDataset, ...] = ()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 2, 0, 2)
        layout.setSpacing(3)
        for widget in (self.title, self.tree, self.fault):
            layout.addWidget(widget)
        self.tree.itemChanged.connect(self._on_change)

    def show_offered(self, offered: Sequence[OfferedDataset]) -> None:
        """Show these datasets with their tasks; where they stand already, only the checks change."""
        self.setVisible(bool(offered))
        number = len(offered)
        self.title.setText("Datasets and tasks to learn" if number > 1 else "Tasks to learn, one of a kind")
        self.tree.blockSignals(True)
        if _names(offered) != _names(self._shown):
            self._fill(offered)
        for at, dataset in enumerate(offered):
            self._show_checks(self.tree.topLevelItem(at), dataset)
        self._shown = tuple(offered)
        self.tree.blockSignals(False)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show what is wrong with the choice beneath it."""
        found = [one for one in problems if any(belongs_to(one.where, name) for name in NAMES)]
        texts = dict.fromkeys(f"{one.problem} {one.hint}".strip() for one in found)
        self.fault.setText("\n".join(texts))
        self.fault.setVisible(bool(texts))

    def take_theme(self, colours: ThemeColours) -> None:
        """Write faults and draw the boxes to check as napari draws its own: Qt's can hardly be seen on dark."""
        self.fault.setStyleSheet(f"color: {colours.bad}")
        theme = "dark" if colours.is_dark else "light"
        self.tree.setStyleSheet(
            f"QTreeView::item {{ padding: {_ITEM_PADDING}px 0px; }}"
            "QTreeView::indicator { width: 14px; height: 14px; border-radius: 2px; "
            f"background-color: {colours.primary}; }}"
            f"QTreeView::indicator:checked {{ background-color: {colours.current}; "
            f"image: url('theme_{theme}:/check.svg'); }}"
        )
        self.tree.fit()

    def _fill(self, offered: Sequence[OfferedDataset]) -> None:
        self.tree.clear()
        for dataset in offered:
            item = QTreeWidgetItem([dataset.name])
            item.setToolTip(0, f"<p>{escape(str(dataset.folder))}</p>")
            item.setData(0, _FOLDER, dataset.folder)
            item.setData(0, _TASK, "")
            font = item.font(0)
            font.setBold(True)
            item.setFont(0, font)
            self.tree.addTopLevelItem(item)
            for one in dataset.tasks:
                row = QTreeWidgetItem([f"{one.task.name} · {task_in_words(one.task)}"])
                row.setToolTip(0, f"<p>{escape(', '.join(one.task.foreground))}</p>")
                row.setData(0, _FOLDER, dataset.folder)
                row.setData(0, _TASK, one.task.name)
                item.addChild(row)
            if not dataset.tasks:
                item.setText(0, f"{dataset.name} · no task this method teaches")
                item.setDisabled(True)
        self.tree.expandAll()
        self.tree.fit()

    def _show_checks(self, item: QTreeWidgetItem | None, dataset: OfferedDataset) -> None:
        if item is None:
            return
        item.setCheckState(0, _state(bool(dataset.taught)))
        for at, one in enumerate(dataset.tasks):
            row = item.child(at)
            if row is not None:
                row.setCheckState(0, _state(one.is_taught))

    def _on_change(self, item: QTreeWidgetItem) -> None:
        on = item.checkState(0) == Qt.CheckState.Checked
        self.checked.emit(item.data(0, _FOLDER), item.data(0, _TASK), on)


class _Tree(QTreeWidget):
    """As high as its rows, up to a number of them."""

    def __init__(self) -> None:
        super().__init__()
        self.setHeaderHidden(True)
        self.setAccessibleName("Datasets and tasks to learn")
        self.setUniformRowHeights(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setIndentation(18)

    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), self.height())

    def fit(self) -> None:
        """Take the height of the rows."""
        rows = sum(1 + item.childCount() for at in range(self.topLevelItemCount()) if (item := self.topLevelItem(at)))
        height = max(1, self.sizeHintForRow(0))
        self.setFixedHeight(height * min(max(1, rows), _MOST_ROWS) + 2 * self.frameWidth() + _PADDING)


def _names(offered: Sequence[OfferedDataset]) -> list[tuple[Path, str, list[object]]]:
    return [(one.folder, one.name, [task.task for task in one.tasks]) for one in offered]


def _state(on: bool) -> Qt.CheckState:
    return Qt.CheckState.Checked if on else Qt.CheckState.Unchecked
