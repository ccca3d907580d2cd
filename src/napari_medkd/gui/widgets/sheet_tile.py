"""How one case of the sheet is drawn."""

from qtpy.QtCore import QModelIndex, QRect, QSize, Qt
from qtpy.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPixmap
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from napari_medkd.gui.presenters.words import certainty
from napari_medkd.gui.state import SheetRow
from napari_medkd.gui.theme import ThemeColours

ROW_ROLE = int(Qt.ItemDataRole.UserRole)
PICTURE_ROLE = ROW_ROLE + 1

_MARGIN = 4
_GAP = 2
_BAR = 3
_SELECTION_ALPHA = 150


class SheetTile(QStyledItemDelegate):
    """A picture over two lines of text; a star and a frame mark a reference."""

    def __init__(self, colours: ThemeColours, parent: QWidget) -> None:
        super().__init__(parent)
        self.colours = colours
        self.size = QSize(120, 160)

    @staticmethod
    def height_for(width: int, metrics: QFontMetrics) -> int:
        """Return how high a tile of that width is."""
        return width + _GAP + _BAR + _GAP + 2 * metrics.height()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        """Return the tile's size."""
        del option, index
        return self.size

    def paint(self, painter: QPainter | None, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Draw the tile."""
        if painter is None:
            return
        row: SheetRow = index.data(ROW_ROLE)
        painter.save()
        tile = QRect(option.rect.topLeft(), self.size)
        if option.state & QStyle.StateFlag.State_Selected:
            colour = QColor(self.colours.current)
            colour.setAlpha(_SELECTION_ALPHA)
            painter.fillRect(tile, colour)
        inner = tile.adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        picture = QRect(inner.left(), inner.top(), inner.width(), inner.width())
        self._picture(painter, picture, index.data(PICTURE_ROLE), row)
        bar = QRect(picture.left(), picture.bottom() + 1 + _GAP, picture.width(), _BAR)
        self._bar(painter, bar, row.answer.uncertainty)
        words = QRect(bar.left(), bar.bottom() + 1 + _GAP, bar.width(), inner.bottom() - bar.bottom() - _GAP)
        self._words(painter, words, option.font, row)
        painter.restore()

    def _picture(self, painter: QPainter, rect: QRect, picture: QPixmap | None, row: SheetRow) -> None:
        painter.fillRect(rect, QColor(self.colours.foreground))
        if picture is None:
            painter.setPen(QColor(self.colours.faint_text))
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, "…")
        else:
            size = picture.size().scaled(rect.size(), Qt.AspectRatioMode.KeepAspectRatio)
            place = QRect(rect.topLeft(), size)
            place.moveCenter(rect.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(place, picture)
        if row.is_reference:
            painter.setPen(QPen(QColor(self.colours.caution), 2))
            painter.drawRect(rect.adjusted(1, 1, -1, -1))

    def _bar(self, painter: QPainter, rect: QRect, uncertainty: float | None) -> None:
        """Draw how uncertain the student is, of at most 1."""
        painter.fillRect(rect, QColor(self.colours.secondary))
        if uncertainty is not None:
            share = QRect(rect)
            share.setWidth(round(rect.width() * min(1.0, uncertainty)))
            painter.fillRect(share, QColor(self.colours.caution))

    def _words(self, painter: QPainter, rect: QRect, font: QFont, row: SheetRow) -> None:
        metrics = QFontMetrics(font)
        painter.setFont(font)
        upper = QRect(rect.left(), rect.top(), rect.width(), metrics.height())
        if row.is_reference:
            painter.setPen(QColor(self.colours.caution))
            painter.drawText(upper, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, "★")
            upper.setLeft(upper.left() + metrics.horizontalAdvance("★ "))
        lower = QRect(rect.left(), rect.top() + metrics.height(), rect.width(), metrics.height())
        self._line(painter, upper, row.answer.case, self.colours.text)
        self._line(painter, lower, certainty(row.answer.uncertainty), self.colours.faint_text)

    def _line(self, painter: QPainter, rect: QRect, words: str, colour: str) -> None:
        short = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideMiddle, rect.width())
        painter.setPen(QColor(colour))
        painter.drawText(rect, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, short)
