"""The classes of a mask that is painted: key, colour, name and volume; a click or the key paints with one."""

from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QColorDialog, QHeaderView, QTableWidget, QTableWidgetItem

if TYPE_CHECKING:
    from napari_medkd.gui.annotation import ClassVolume

_COLUMNS = ("Key", "", "Class", "Volume")
_TIPS = (
    "Press this key over the image or in this list to paint with the class",
    "Click to choose another colour",
    "Click to paint with the class, double-click or press F2 to rename it",
    "What is painted so far",
)
_KEY, _COLOUR, _NAME, _VOLUME = range(4)
_MOST_KEYS = 9
_SWATCH = 14
_ROW_HEIGHT = 26
_MOST_ROWS = 8


class ClassList(QTableWidget):
    """The classes but the background.

    Attributes
    ----------
    chosen
        ``(label)`` to paint with.
    renamed
        ``(label, name)``.
    recoloured
        ``(label, "#rrggbb")``.
    """

    chosen = Signal(int)
    renamed = Signal(int, str)
    recoloured = Signal(int, str)

    def __init__(self) -> None:
        super().__init__(0, len(_COLUMNS))
        self.setAccessibleName("Classes")
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        triggers = QAbstractItemView.EditTrigger
        self.setEditTriggers(triggers.DoubleClicked | triggers.EditKeyPressed)  # any other key would begin a name
        self.setTabKeyNavigation(False)  # Tab goes on to what comes next
        self.setShowGrid(False)
        self.setWordWrap(False)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        rows.setDefaultSectionSize(_ROW_HEIGHT)
        columns.setMinimumSectionSize(26)
        columns.setHighlightSections(False)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(_NAME, QHeaderView.ResizeMode.Stretch)
        for column, (name, tip) in enumerate(zip(_COLUMNS, _TIPS, strict=True)):
            item = QTableWidgetItem(name)
            item.setToolTip(tip)
            self.setHorizontalHeaderItem(column, item)
        self.cellClicked.connect(self._on_click)
        self.cellChanged.connect(self._on_edit)

    def show_classes(self, classes: "tuple[ClassVolume, ...]", selected: int) -> None:
        """Show these classes, with the one that is painted with selected; a name that is being typed stays."""
        if self.state() == QAbstractItemView.State.EditingState:
            return
        self.blockSignals(True)
        self.setRowCount(len(classes))
        for row, one in enumerate(classes):
            key = str(one.label) if one.label <= _MOST_KEYS else ""
            self._put(row, _KEY, key, Qt.AlignmentFlag.AlignCenter)
            self._put(row, _COLOUR, "", Qt.AlignmentFlag.AlignCenter).setIcon(_swatch(one.colour))
            self._put(row, _NAME, one.name, Qt.AlignmentFlag.AlignLeft, is_editable=True).setToolTip(one.name)
            volume = f"{one.volume:,.2f} {one.unit}" if one.unit == "ml" else f"{one.volume:,.0f} {one.unit}"
            self._put(row, _VOLUME, volume if one.volume else "–", Qt.AlignmentFlag.AlignRight)
        if 0 < selected <= len(classes):
            self.setCurrentCell(selected - 1, _NAME)
        self.blockSignals(False)
        head = self.horizontalHeader()
        height = (head.height() if head else 0) + _ROW_HEIGHT * min(len(classes), _MOST_ROWS)
        self.setFixedHeight(height + 2 * self.frameWidth() + 2)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Pick the class of a key, as over the image."""
        key = event.text() if event is not None else ""
        if key.isdecimal() and 1 <= int(key) <= min(self.rowCount(), _MOST_KEYS):
            self.chosen.emit(int(key))
        else:
            super().keyPressEvent(event)

    def _put(
        self, row: int, column: int, text: str, alignment: Qt.AlignmentFlag, *, is_editable: bool = False
    ) -> QTableWidgetItem:
        item = self.item(row, column)
        if item is None:
            item = QTableWidgetItem()
            self.setItem(row, column, item)
        item.setText(text)
        item.setTextAlignment(alignment | Qt.AlignmentFlag.AlignVCenter)
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        item.setFlags(flags | Qt.ItemFlag.ItemIsEditable if is_editable else flags)
        return item

    def _on_click(self, row: int, column: int) -> None:
        if column != _COLOUR:
            self.chosen.emit(row + 1)
            return
        item = self.item(row, _NAME)
        name = item.text() if item else ""
        colour = QColorDialog.getColor(QColor("white"), self, f"Colour of {name}")
        if colour.isValid():
            self.recoloured.emit(row + 1, colour.name())

    def _on_edit(self, row: int, column: int) -> None:
        item = self.item(row, column)
        if item is not None and column == _NAME:
            self.renamed.emit(row + 1, item.text().strip())


def _swatch(colour: str) -> QIcon:
    picture = QPixmap(_SWATCH, _SWATCH)
    picture.fill(QColor(colour))
    icon = QIcon(picture)
    icon.addPixmap(picture, QIcon.Mode.Selected)  # else Qt mixes the colour of the selection in
    return icon
