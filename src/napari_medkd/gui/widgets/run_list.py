"""The runs as a list of two lines each: name and phase, then method, progress and what is left."""

from pathlib import Path
from typing import Any

from psygnal import Signal
from qtpy.QtCore import QAbstractListModel, QModelIndex, QRect, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter
from qtpy.QtWidgets import QAbstractItemView, QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from napari_medkd.gui.state import RunRow
from napari_medkd.gui.theme import ThemeColours

_PADDING = 5
_BAR = 3
_SELECTION_ALPHA = 110
_ROW_ROLE = int(Qt.ItemDataRole.UserRole)


class _RunModel(QAbstractListModel):
    renamed = Signal(object, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: tuple[RunRow, ...] = ()

    def show_rows(self, rows: tuple[RunRow, ...]) -> None:
        if [row.path for row in rows] != [row.path for row in self.rows]:
            self.beginResetModel()
            self.rows = rows
            self.endResetModel()
            return
        changed = [at for at, (old, new) in enumerate(zip(self.rows, rows, strict=True)) if old != new]
        self.rows = rows
        for at in changed:
            self.dataChanged.emit(self.index(at), self.index(at))

    def rowCount(self, parent: QModelIndex | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        words = ", ".join(part for part in (row.title, row.method, row.phase, row.progress, row.left) if part)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.title
            case Qt.ItemDataRole.EditRole:
                return row.path.name
            case Qt.ItemDataRole.ToolTipRole:
                return f"{row.path.name}\n{row.path.parent}"
            case Qt.ItemDataRole.AccessibleTextRole:
                return words
            case _:
                return row if role == _ROW_ROLE else None

    def setData(self, index: QModelIndex, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole:
            return False
        self.renamed.emit(self.rows[index.row()].path, str(value))
        return True

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        found = super().flags(index)
        can_rename = index.isValid() and not self.rows[index.row()].is_live
        return found | Qt.ItemFlag.ItemIsEditable if can_rename else found


class _RunDelegate(QStyledItemDelegate):
    def __init__(self, colours: ThemeColours, parent: QWidget) -> None:
        super().__init__(parent)
        self.colours = colours

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        del index
        return QSize(120, 2 * option.fontMetrics.height() + 3 * _PADDING + _BAR)

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        if painter is None:
            return
        row: RunRow = index.data(_ROW_ROLE)
        painter.save()
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(option.rect, self._selection())
        self._words(painter, option, row)
        self._bar(painter, option.rect, row)
        painter.restore()

    def _words(self, painter: QPainter, option: QStyleOptionViewItem, row: RunRow) -> None:
        rect = option.rect.adjusted(_PADDING, _PADDING, -_PADDING, 0)
        height = option.fontMetrics.height()
        upper = QRect(rect.left(), rect.top(), rect.width(), height)
        lower = upper.translated(0, height + _PADDING // 2)
        taken = self._text(painter, upper, row.phase, self._phase_colour(row), option.font, right=True)
        bold = QFont(option.font)
        bold.setBold(True)
        self._text(painter, upper.adjusted(0, 0, -taken - 8, 0), row.title, self.colours.text, bold)
        right = " · ".join(part for part in (row.progress, row.left) if part)
        taken = self._text(painter, lower, right, self.colours.faint_text, option.font, right=True)
        left = " · ".join(part for part in (row.method, row.when) if part)
        self._text(painter, lower.adjusted(0, 0, -taken - 8, 0), left, self.colours.faint_text, option.font)

    def _text(self, painter: QPainter, rect: QRect, text: str, colour: str, font: QFont, *, right: bool = False) -> int:
        """Draw the text, shortened in its middle where it is too long, and return the width it took."""
        metrics = QFontMetrics(font)
        short = metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, rect.width())
        painter.setFont(font)
        painter.setPen(QColor(colour))
        side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        painter.drawText(rect, side | Qt.AlignmentFlag.AlignVCenter, short)
        return metrics.horizontalAdvance(short)

    def _selection(self) -> QColor:
        colour = QColor(self.colours.current)
        colour.setAlpha(_SELECTION_ALPHA)
        return colour

    def _bar(self, painter: QPainter, rect: QRect, row: RunRow) -> None:
        track = QRect(rect.left() + _PADDING, rect.bottom() - _BAR - 2, rect.width() - 2 * _PADDING, _BAR)
        painter.fillRect(track, QColor(self.colours.secondary))
        done = QRect(track)
        done.setWidth(round(track.width() * min(1.0, row.fraction)))
        painter.fillRect(done, QColor(self._phase_colour(row)))

    def _phase_colour(self, row: RunRow) -> str:
        if row.phase in ("failed", "lost"):
            return self.colours.bad
        if row.phase in ("completed",):
            return self.colours.good
        return self.colours.live if row.is_live else self.colours.caution


class RunList(QListView):
    """The runs, newest first.

    Attributes
    ----------
    chosen
        ``(path)`` of the run that was selected, or None.
    renamed
        ``(path, name)`` where a person wrote another name.
    """

    chosen = Signal(object)
    renamed = Signal(object, str)

    def __init__(self, colours: ThemeColours) -> None:
        super().__init__()
        self._model = _RunModel(self)
        self._delegate = _RunDelegate(colours, self)
        self._is_told = False
        self.setModel(self._model)
        self.setItemDelegate(self._delegate)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.EditKeyPressed)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName("Runs")
        self._model.renamed.connect(self.renamed.emit)
        chosen = self.selectionModel()
        assert chosen is not None
        chosen.currentChanged.connect(self._say)

    def show_rows(self, rows: tuple[RunRow, ...], selected: Path | None) -> None:
        """Show these runs, and which one is selected."""
        self._is_told = True
        self._model.show_rows(rows)
        at = next((at for at, row in enumerate(rows) if row.path == selected), None)
        if at is None:
            self.setCurrentIndex(QModelIndex())
        elif self.currentIndex().row() != at:
            self.setCurrentIndex(self._model.index(at))
        self._is_told = False

    def take_theme(self, colours: ThemeColours) -> None:
        """Draw in other colours."""
        self._delegate.colours = colours
        port = self.viewport()
        if port is not None:
            port.update()

    def rename_current(self) -> None:
        """Let the person write another name for the selected run."""
        self.edit(self.currentIndex())

    def _say(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if not self._is_told:
            self.chosen.emit(self._model.rows[current.row()].path if current.isValid() else None)
