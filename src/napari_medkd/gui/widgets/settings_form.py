"""A form of settings built from fields: a label, a box and, beneath, what is wrong with the value."""

from collections.abc import Iterable, Mapping
from functools import partial
from html import escape
from typing import Any

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from napari_medkd.core.errors import Problem
from napari_medkd.gui.presenters.fields import FormField, Value, belongs_to
from napari_medkd.gui.presenters.words import shown
from napari_medkd.gui.widgets.value_boxes import ValueBox, box_for

LABEL_WIDTH = 128


class SettingsForm(QWidget):
    """One row for each field; a changed setting's label is bold.

    Attributes
    ----------
    changed
        ``(name, value)`` when the person set a value.
    list_opened
        ``(name)`` when the person opens a setting's list of choices.
    """

    changed = Signal(str, object)
    list_opened = Signal(str)

    def __init__(self, fields: Iterable[FormField] = ()) -> None:
        super().__init__()
        self.fields: dict[str, FormField] = {}
        self.boxes: dict[str, ValueBox] = {}
        self._labels: dict[str, QLabel] = {}
        self._faults: dict[str, QLabel] = {}
        self._look_of_faults = ""
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnMinimumWidth(0, LABEL_WIDTH)
        self._grid.setColumnStretch(1, 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.show_fields(fields)

    @property
    def has_problem(self) -> bool:
        """Whether anything is wrong with one of the values."""
        return any(fault.text() for fault in self._faults.values())

    def show_fields(self, fields: Iterable[FormField]) -> None:
        """Build the form anew, from other fields; where only defaults or choices differ, the boxes stay."""
        wanted = {field.name: field for field in fields}
        same = [_shape(field) for field in wanted.values()] == [_shape(field) for field in self.fields.values()]
        self.fields = wanted
        if not same:
            self._clear()
            for row, field in enumerate(wanted.values()):
                self._add(row, field)
        for field in wanted.values():
            self.boxes[field.name].offer(field)
            tip = f"<p>{escape(field.tooltip)}</p>"
            self.boxes[field.name].setToolTip(tip)
            self._labels[field.name].setToolTip(tip)

    def show_values(self, changes: Mapping[str, Any]) -> None:
        """Show what was changed, and the defaults elsewhere."""
        for name, field in self.fields.items():
            is_changed = name in changes
            self.boxes[name].set_value(changes[name] if is_changed else field.default)
            label = self._labels[name]
            label.setText(f"<b>{escape(field.title)}</b>" if is_changed else escape(field.title))

    def show_problems(self, problems: Iterable[Problem]) -> None:
        """Show the problems that belong to a field beneath it."""
        listed = tuple(problems)
        for name, fault in self._faults.items():
            texts = [f"{found.problem} {found.hint}".strip() for found in listed if belongs_to(found.where, name)]
            fault.setText("\n".join(texts))
            fault.setVisible(bool(texts))

    def take_colours(self, bad: str) -> None:
        """Write faults in this colour."""
        self._look_of_faults = f"color: {bad}"
        for fault in self._faults.values():
            fault.setStyleSheet(self._look_of_faults)

    def _clear(self) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.boxes, self._labels, self._faults = {}, {}, {}

    def _add(self, row: int, field: FormField) -> None:
        label, box, fault = QLabel(escape(field.title)), box_for(field), QLabel()
        label.setBuddy(box)
        label.setTextFormat(Qt.TextFormat.RichText)
        label.setWordWrap(True)
        box.setAccessibleName(field.title)
        fault.setWordWrap(True)
        fault.setStyleSheet(self._look_of_faults)
        fault.hide()
        box.changed.connect(partial(self._say, field.name))
        box.list_opened.connect(partial(self.list_opened.emit, field.name))
        self._grid.addWidget(label, 2 * row, 0)
        self._grid.addWidget(box, 2 * row, 1)
        self._grid.addWidget(fault, 2 * row + 1, 0, 1, 2)
        self.boxes[field.name], self._labels[field.name], self._faults[field.name] = box, label, fault

    def _say(self, name: str, value: Value) -> None:
        self.changed.emit(name, value)


def _shape(field: FormField) -> tuple[Any, ...]:
    """Return what makes a field need another box."""
    return field.name, field.kind, field.minimum, field.maximum, field.is_optional, shown(field.title)
