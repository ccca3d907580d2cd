"""Class scores as bars, the networks' beside each other under each class; where several classes can be, a threshold."""

from collections.abc import Sequence
from dataclasses import dataclass

from psygnal import Signal
from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QFont, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from qtpy.QtWidgets import QSizePolicy, QWidget

from napari_medkd.core.task import Task
from napari_medkd.gui.colours import colour_of_class
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.verdicts import ClassScore

_NAME_HEIGHT, _BAR_HEIGHT, _GAP = 20, 18, 6
_WHO_WIDTH, _WIDEST_WHO, _SCORE_WIDTH, _EDGE = 84, 140, 92, 4
_HEAD = 18
_STEP = 0.01
_FAINT = 0.4


@dataclass(frozen=True, slots=True)
class NetworkScores:
    """What one network says about every class of the task, in its order."""

    title: str
    scores: tuple[ClassScore, ...]


class ClassBars(QWidget):
    """The bars of one task.

    Attributes
    ----------
    threshold_changed
        ``(float)`` the person moved the line; only where several classes can be present.
    """

    threshold_changed = Signal(float)

    def __init__(self, task: Task, colours: ThemeColours) -> None:
        super().__init__()
        self.task = task
        self.threshold = 0.5
        self._colours = colours
        self._networks: tuple[NetworkScores, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(f"Scores of {task.name}")
        if task.multilabel:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self.setCursor(Qt.CursorShape.SplitHCursor)
            self.setToolTip("<p>Drag the line, or use the arrow keys: classes that reach it are called present</p>")

    def show_scores(self, networks: Sequence[NetworkScores], threshold: float) -> None:
        """Show these scores instead."""
        self._networks, self.threshold = tuple(networks), threshold
        self.setAccessibleDescription("; ".join(_in_words(one) for one in networks))
        self.setFixedHeight(self.sizeHint().height())
        self.update()

    def take_theme(self, colours: ThemeColours) -> None:
        """Draw in other colours."""
        self._colours = colours
        self.update()

    def sizeHint(self) -> QSize:
        """Return the height of all bars."""
        of_class = _NAME_HEIGHT + _BAR_HEIGHT * len(self._networks) + _GAP
        return QSize(240, self._head() + of_class * len(self.task.classes))

    def line_at(self) -> QPointF:
        """Return the place of the threshold's line, at its upper end."""
        bars = self._bars()
        return QPointF(bars.left() + self.threshold * bars.width(), self._head())

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw all of it."""
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        top = float(self._head())
        for index, name in enumerate(self.task.classes):
            top = self._paint_class(painter, index, name, top)
        if self.task.multilabel:
            self._paint_threshold(painter)
        painter.end()

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Take the line there."""
        self._drag(event)

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Drag the line."""
        self._drag(event)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Move the line by a hundredth."""
        if event is None:
            return
        steps = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if self.task.multilabel and event.key() in steps:
            self._move_to(self.threshold + steps[Qt.Key(event.key())] * _STEP)
        else:
            super().keyPressEvent(event)

    def _head(self) -> int:
        return _HEAD if self.task.multilabel else 0

    def _bars(self) -> QRectF:
        """Return where the bars are, from score 0 to 1."""
        titles = (self.fontMetrics().horizontalAdvance(one.title) + 3 * _EDGE for one in self._networks)
        who = min(_WIDEST_WHO, max([_WHO_WIDTH, *titles]))
        return QRectF(who, 0, max(20, self.width() - who - _SCORE_WIDTH), self.height())

    def _drag(self, event: QMouseEvent | None) -> None:
        if event is None or not self.task.multilabel or not event.buttons() & Qt.MouseButton.LeftButton:
            return
        bars = self._bars()
        self._move_to((event.position().x() - bars.left()) / bars.width())

    def _move_to(self, threshold: float) -> None:
        threshold = round(min(1.0, max(0.0, threshold)), 2)
        if threshold != self.threshold:
            self.threshold = threshold
            self.update()
            self.threshold_changed.emit(threshold)

    def _paint_class(self, painter: QPainter, index: int, name: str, top: float) -> float:
        """Draw a class's name and bars; return where the next class begins."""
        is_true = any(one.scores[index].is_true for one in self._networks)
        room = QRectF(_EDGE, top, self.width() - 2 * _EDGE, _NAME_HEIGHT)
        words = f"{name} · true class" if is_true else name
        self._write(painter, room, words, self._colours.text, is_bold=is_true)
        top += _NAME_HEIGHT
        for network in self._networks:
            self._paint_bar(painter, network, network.scores[index], top)
            top += _BAR_HEIGHT
        return top + _GAP

    def _paint_bar(self, painter: QPainter, network: NetworkScores, one: ClassScore, top: float) -> None:
        bars, colour = self._bars(), QColor(colour_of_class(self.task, one.name))
        who = QRectF(_EDGE, top, bars.left() - 2 * _EDGE, _BAR_HEIGHT)
        self._write(painter, who, network.title, self._colours.faint_text, is_bold=False)
        bar = QRectF(bars.left(), top + 3, bars.width(), _BAR_HEIGHT - 6)
        painter.fillRect(bar, QColor(self._colours.foreground))
        colour.setAlphaF(1.0 if one.is_chosen else _FAINT)
        painter.fillRect(QRectF(bar.left(), bar.top(), bar.width() * min(1.0, one.score), bar.height()), colour)
        said = _judged(one, is_multilabel=self.task.multilabel)
        ink = {"right": self._colours.good, "": self._colours.text}.get(said, self._colours.bad)
        room = QRectF(bars.right() + 6, top, _SCORE_WIDTH - 6, _BAR_HEIGHT)
        words = f"{one.score:.2f} {said}".rstrip()
        self._write(painter, room, words, ink, is_bold=one.is_chosen)

    def _paint_threshold(self, painter: QPainter) -> None:
        at = self.line_at()
        painter.setPen(QPen(QColor(self._colours.text), 2))
        height = _BAR_HEIGHT * len(self._networks)
        for index in range(len(self.task.classes)):
            top = self._head() + index * (_NAME_HEIGHT + height + _GAP) + _NAME_HEIGHT
            painter.drawLine(QPointF(at.x(), top), QPointF(at.x(), top + height))
        room = QRectF(at.x() - 60, 0, 120, _HEAD)
        room.moveLeft(min(max(0.0, room.left()), self.width() - room.width()))
        painter.setPen(QColor(self._colours.text))
        painter.drawText(room, Qt.AlignmentFlag.AlignCenter, f"present from {self.threshold:.2f}")

    @staticmethod
    def _write(painter: QPainter, room: QRectF, words: str, ink: str, *, is_bold: bool) -> None:
        font = QFont(painter.font())
        font.setBold(is_bold)
        painter.setFont(font)
        painter.setPen(QColor(ink))
        shown = painter.fontMetrics().elidedText(words, Qt.TextElideMode.ElideRight, int(room.width()))
        painter.drawText(room, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, shown)
        font.setBold(False)
        painter.setFont(font)


def _judged(one: ClassScore, *, is_multilabel: bool) -> str:
    """Return whether a decision is right; where several classes can be, one that was not decided for can be missed."""
    if one.is_true is None:
        return ""
    if one.is_chosen:
        return "right" if one.is_true else "wrong"
    return "missed" if is_multilabel and one.is_true else ""


def _in_words(network: NetworkScores) -> str:
    return f"{network.title}: " + ", ".join(f"{one.name} {one.score:.2f}" for one in network.scores)
