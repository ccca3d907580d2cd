"""The sheet: a tile for each case, with its picture, its name and how certain the student is."""

from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QAbstractListModel, QModelIndex, QRect, QSize, Qt
from qtpy.QtGui import QImage, QPixmap, QResizeEvent
from qtpy.QtWidgets import QAbstractItemView, QListView, QWidget

from napari_medkd.gui.presenters.words import certainty
from napari_medkd.gui.state import SheetRow
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.widgets.sheet_tile import PICTURE_ROLE, ROW_ROLE, SheetTile

if TYPE_CHECKING:
    from napari_medkd.gui.case_answers import CaseAnswer
    from napari_medkd.gui.thumbnail import Thumbnail

_NARROWEST_TILE = 108


class _SheetModel(QAbstractListModel):
    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: tuple[SheetRow, ...] = ()
        self._pictures: dict[CaseAnswer, QPixmap] = {}

    def show_rows(self, rows: tuple[SheetRow, ...]) -> bool:
        """Show these rows; return whether they are others, and not the same cases with other marks."""
        is_other = [row.answer for row in rows] != [row.answer for row in self.rows]
        if is_other:
            self.beginResetModel()
        self.rows = rows
        wanted = {row.answer for row in rows}
        self._pictures = {answer: picture for answer, picture in self._pictures.items() if answer in wanted}
        if is_other:
            self.endResetModel()
        elif rows:
            self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
        return is_other

    def show_picture(self, answer: "CaseAnswer", picture: QPixmap) -> None:
        self._pictures[answer] = picture
        for at, row in enumerate(self.rows):
            if row.answer == answer:
                self.dataChanged.emit(self.index(at), self.index(at))

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.answer.case
            case Qt.ItemDataRole.ToolTipRole | Qt.ItemDataRole.AccessibleTextRole:
                return _in_words(row)
            case _ if role == ROW_ROLE:
                return row
            case _ if role == PICTURE_ROLE:
                return self._pictures.get(row.answer)
            case _:
                return None


def _in_words(row: SheetRow) -> str:
    answer = row.answer
    marks = "★ reference" if row.is_reference else "has a mask of its own" if row.is_annotated else ""
    lines = (answer.case, certainty(answer.uncertainty), marks, f"drawn by {answer.checkpoint}")
    return "\n".join(line for line in lines if line)


class SheetView(QListView):
    """As many columns as there is room for; a double click or Enter asks to open a case.

    Attributes
    ----------
    opened, chosen
        ``(SheetRow)`` that is to be opened, that is selected (None where none is).
    in_sight
        ``(answers)`` that can be seen now.
    """

    opened = Signal(object)
    chosen = Signal(object)
    in_sight = Signal(object)

    def __init__(self, colours: ThemeColours) -> None:
        super().__init__()
        self._model = _SheetModel(self)
        self._tile = SheetTile(colours, self)
        self.setModel(self._model)
        self.setItemDelegate(self._tile)
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setSelectionRectVisible(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Cases, the least certain first")
        self.activated.connect(lambda index: self.opened.emit(self._model.rows[index.row()]))
        self.take_theme(colours)
        chosen, bar = self.selectionModel(), self.verticalScrollBar()
        assert chosen is not None
        assert bar is not None
        chosen.currentChanged.connect(lambda: self.chosen.emit(self.row()))
        bar.valueChanged.connect(self._say_what_is_in_sight)

    def show_rows(self, rows: tuple[SheetRow, ...]) -> None:
        """Show these cases; the selected one stays selected, and the sheet where it was scrolled to."""
        selected, bar = self.row(), self.verticalScrollBar()
        scrolled = bar.value() if bar is not None else 0
        if self._model.show_rows(rows):
            at = next((at for at, row in enumerate(rows) if selected and row.answer.case == selected.answer.case), None)
            self.setCurrentIndex(QModelIndex() if at is None else self._model.index(at))
            self.scheduleDelayedItemsLayout()
            self.executeDelayedItemsLayout()  # before it there is nothing to scroll
            if bar is not None:
                bar.setValue(scrolled)
        self.chosen.emit(self.row())
        self._say_what_is_in_sight()

    def show_thumbnail(self, answer: "CaseAnswer", thumbnail: "Thumbnail") -> None:
        """Show the picture of a case."""
        height, width, _ = thumbnail.pixels.shape
        image = QImage(thumbnail.pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888)
        self._model.show_picture(answer, QPixmap.fromImage(image))

    def row(self) -> SheetRow | None:
        """Return the selected case."""
        index = self.currentIndex()
        return self._model.rows[index.row()] if index.isValid() and index.row() < len(self._model.rows) else None

    def take_theme(self, colours: ThemeColours) -> None:
        """Draw in other colours."""
        self._tile.colours = colours
        # napari's own background of lists leaves too little contrast for two shades of text.
        self.setStyleSheet(f"QListView {{ background-color: {colours.background}; }}")

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Fill the width with as many tiles as fit."""
        room = self._room().width()
        width = room // max(1, room // _NARROWEST_TILE)
        self._tile.size = QSize(width, self._tile.height_for(width, self.fontMetrics()))
        self.setGridSize(self._tile.size)
        super().resizeEvent(event)
        self._say_what_is_in_sight()

    def _room(self) -> QRect:
        port = self.viewport()
        return QRect() if port is None else port.rect()

    def _say_what_is_in_sight(self, _scrolled: int = 0) -> None:
        room = self._room()
        rows = [self._model.rows[at].answer for at in range(self._model.rowCount()) if self._is_in(room, at)]
        self.in_sight.emit(rows)

    def _is_in(self, room: QRect, at: int) -> bool:
        return self.visualRect(self._model.index(at)).intersects(room)
