"""Drop-down lists that the wheel passes, and whose shown text ends in an ellipsis where it is too long."""

from collections.abc import Sequence
from html import escape

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtGui import QPaintEvent, QWheelEvent
from qtpy.QtWidgets import QComboBox, QSizePolicy, QStyle, QStyleOptionComboBox, QStylePainter

_FEWEST_LETTERS = 12
_PADDING = 14


class Choice(QComboBox):
    """Leaves the wheel to what scrolls beneath it, unless the person has chosen to be in it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # else the wheel itself would give it the focus

    def wheelEvent(self, event: QWheelEvent | None) -> None:
        """Keep the wheel from choosing another one where the pointer only passes."""
        if event is None or self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class ElidedChoice(Choice):
    """As wide as its place, whatever its choices; its list shows them whole.

    Attributes
    ----------
    opened
        When the person opens the list.
    """

    opened = Signal()

    def __init__(self, name: str, tip: str) -> None:
        super().__init__(name)
        self.setToolTip(f"<p>{escape(tip)}</p>")  # as rich text, which is broken into lines
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(_FEWEST_LETTERS)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def showPopup(self) -> None:
        """Say that the list is opened, then open it."""
        self.opened.emit()
        super().showPopup()

    def offer(self, choices: Sequence[tuple[str, str]]) -> None:
        """Offer these (key, words), also in a list that is open; the chosen one stays where it is among them."""
        if [(self.itemData(at), self.itemText(at)) for at in range(self.count())] == list(choices):
            return
        chosen, view = self.currentData(), self.view()
        self.clear()
        for key, words in choices:
            self.addItem(words, key)
        self.setCurrentIndex(self.findData(chosen))
        if view is not None and view.isVisible():
            super().showPopup()  # as high as it needs to be now

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw the frame and as much of the text as there is room for."""
        del event
        painter, option = QStylePainter(self), QStyleOptionComboBox()
        self.initStyleOption(option)
        style = self.style()
        if style is None:
            return
        field = style.subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option, QStyle.SubControl.SC_ComboBoxEditField, self
        )
        text = self.placeholderText() if self.currentIndex() < 0 else option.currentText
        room = field.width() - _PADDING
        option.currentText = self.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)
