"""One small widget for each kind of setting, all with the same face: `set_value`, `value` and a signal ``changed``."""

import re
from collections.abc import Callable
from typing import Any, cast

from psygnal import Signal
from qtpy.QtCore import QEvent, QLocale, QObject, Qt
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QToolButton,
    QWidget,
)

from napari_medkd.gui.presenters.fields import FormField, Value, parsed_integers
from napari_medkd.gui.widgets.elided_choice import ElidedChoice

_LARGEST_INTEGER = 2**31 - 1
_LARGEST_NUMBER = 1e12
_DECIMALS = 8
_BEGUN_NUMBER = re.compile(r"[+-]?\d*\.?\d*([eE][+-]?\d*)?")


class ValueBox(QWidget):
    """A setting's value.

    Attributes
    ----------
    changed
        ``(value)`` when the person set another; not when the program did.
    list_opened
        When the person opens the list of choices.
    """

    changed = Signal(object)
    list_opened = Signal()

    def __init__(self, editor: QWidget) -> None:
        super().__init__()
        self._is_told = False
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(editor, 1)
        self.setFocusProxy(editor)
        editor.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        editor.installEventFilter(self)
        self.editor: Any = editor

    def value(self) -> Value:
        """Return the value that stands there."""
        raise NotImplementedError

    def show_value(self, value: Any) -> None:
        """Write the value into the editor."""
        raise NotImplementedError

    def set_value(self, value: Value) -> None:
        """Show a value without saying that it changed."""
        self._silently(lambda: self.show_value(value))

    def offer(self, field: FormField) -> None:
        """Take over what there is to choose from now; the value stays."""

    def say(self, *_: object) -> None:
        """Say that the person set another value."""
        if not self._is_told:
            self.changed.emit(self.value())

    def _silently(self, show: Callable[[], None]) -> None:
        self._is_told = True
        try:
            show()
        finally:
            self._is_told = False

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Keep the wheel from changing a value that the pointer only passes while scrolling the form."""
        is_wheel = event is not None and event.type() == QEvent.Type.Wheel
        if is_wheel and isinstance(watched, QWidget) and not watched.hasFocus():
            cast("QEvent", event).ignore()
            return True
        return super().eventFilter(watched, event)


class _IntegerBox(ValueBox):
    def __init__(self, field: FormField) -> None:
        box = QSpinBox()
        least = -_LARGEST_INTEGER if field.minimum is None else int(field.minimum) + int(field.above)
        most = _LARGEST_INTEGER if field.maximum is None else int(field.maximum) - int(field.below)
        box.setRange(least, min(most, _LARGEST_INTEGER))
        box.setKeyboardTracking(False)
        box.setStepType(QSpinBox.StepType.AdaptiveDecimalStepType)
        super().__init__(box)
        box.valueChanged.connect(self.say)

    def value(self) -> Value:
        return int(self.editor.value())

    def show_value(self, value: Any) -> None:
        self.editor.setValue(int(value))


class _PlainSpin(QDoubleSpinBox):
    """Writes 0.001 instead of 0.00100000, and reads that, 1e-3 and 0,001 wherever it is."""

    def __init__(self) -> None:
        super().__init__()
        self.setLocale(QLocale.c())

    def validate(self, text: str | None, position: int) -> tuple[QValidator.State, str, int]:
        text = (text or "").replace(",", ".")
        if not _BEGUN_NUMBER.fullmatch(text):
            return QValidator.State.Invalid, text, position
        is_whole = _is_number(text) and self.minimum() <= float(text) <= self.maximum()
        return QValidator.State.Acceptable if is_whole else QValidator.State.Intermediate, text, position

    def valueFromText(self, text: str | None) -> float:
        return float(text) if text and _is_number(text) else self.value()

    def textFromValue(self, value: float) -> str:
        return f"{value:.10g}"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


class _NumberBox(ValueBox):
    def __init__(self, field: FormField) -> None:
        box = _PlainSpin()
        box.setDecimals(_DECIMALS)
        smallest = 10**-_DECIMALS
        least = -_LARGEST_NUMBER if field.minimum is None else field.minimum + smallest * field.above
        most = _LARGEST_NUMBER if field.maximum is None else field.maximum - smallest * field.below
        box.setRange(least, most)
        box.setKeyboardTracking(False)
        box.setStepType(QDoubleSpinBox.StepType.AdaptiveDecimalStepType)
        super().__init__(box)
        box.valueChanged.connect(self.say)

    def value(self) -> Value:
        return float(self.editor.value())

    def show_value(self, value: Any) -> None:
        self.editor.setValue(float(value))


class _SwitchBox(ValueBox):
    def __init__(self, field: FormField) -> None:
        del field
        box = QCheckBox()
        super().__init__(box)
        box.toggled.connect(self.say)

    def value(self) -> Value:
        return bool(self.editor.isChecked())

    def show_value(self, value: Any) -> None:
        self.editor.setChecked(bool(value))


class _ChoiceBox(ValueBox):
    def __init__(self, field: FormField) -> None:
        box = ElidedChoice(field.title, field.tooltip)
        super().__init__(box)
        self.offer(field)
        box.currentIndexChanged.connect(self.say)
        box.opened.connect(self.list_opened.emit)

    def offer(self, field: FormField) -> None:
        self._silently(lambda: self.editor.offer(list(zip(field.choices, field.words or field.choices, strict=True))))

    def value(self) -> Value:
        return str(self.editor.currentData())

    def show_value(self, value: Any) -> None:
        self.editor.setCurrentIndex(self.editor.findData(str(value)))


class _TextBox(ValueBox):
    def __init__(self, field: FormField) -> None:
        box = QLineEdit()
        box.setPlaceholderText("" if field.default else "optional")
        super().__init__(box)
        box.editingFinished.connect(self.say)

    def value(self) -> Value:
        return str(self.editor.text()).strip()

    def show_value(self, value: Any) -> None:
        self.editor.setText("" if value is None else str(value))


class _PathBox(_TextBox):
    def __init__(self, field: FormField) -> None:
        super().__init__(field)
        browse = QToolButton()
        browse.setText("…")
        browse.setToolTip("Choose a file")
        browse.clicked.connect(self._browse)
        layout = self.layout()
        assert layout is not None
        layout.addWidget(browse)

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Choose a file", str(self.value()))
        if path:
            self.editor.setText(path)
            self.say()


class _IntegersBox(_TextBox):
    def value(self) -> Value:
        found = parsed_integers(self.editor.text())
        return found if found is not None else str(self.editor.text())

    def show_value(self, value: Any) -> None:
        self.editor.setText(", ".join(map(str, value)))


class _OptionalBox(ValueBox):
    """A switch before another box: off means None, "automatic"."""

    def __init__(self, inner: ValueBox, start: Value) -> None:
        self._switch = QCheckBox("set")
        self._switch.setToolTip("Off: chosen automatically")
        self._inner = inner
        self._start = start
        super().__init__(self._switch)
        layout = self.layout()
        assert isinstance(layout, QHBoxLayout)
        layout.setStretch(0, 0)
        layout.addWidget(inner, 1)
        self._switch.toggled.connect(self._toggle)
        inner.changed.connect(self.say)
        inner.list_opened.connect(self.list_opened.emit)

    def offer(self, field: FormField) -> None:
        self._inner.offer(field)

    def value(self) -> Value:
        return self._inner.value() if self._switch.isChecked() else None

    def show_value(self, value: Any) -> None:
        self._switch.setChecked(value is not None)
        self._inner.setVisible(value is not None)
        self._inner.set_value(self._start if value is None else value)

    def _toggle(self, is_on: bool) -> None:
        self._inner.setVisible(is_on)
        self.say()


_BOXES: dict[str, Callable[[FormField], ValueBox]] = {
    "integer": _IntegerBox,
    "number": _NumberBox,
    "boolean": _SwitchBox,
    "choice": _ChoiceBox,
    "text": _TextBox,
    "path": _PathBox,
    "integers": _IntegersBox,
}


def box_for(field: FormField) -> ValueBox:
    """Return the widget for a field, showing its default."""
    box = _BOXES[field.kind](field)
    if field.is_optional:
        box = _OptionalBox(box, _first_value(field))
    box.set_value(field.default)
    return box


def _first_value(field: FormField) -> Value:
    """Return what an optional setting starts with when it is switched on."""
    if field.kind == "choice":
        return field.choices[0]
    if field.kind in ("text", "path"):
        return ""
    return 0 if field.minimum is None else field.minimum
