"""Everything that can be set in the Train dock: tasks, method, preset, few settings, and the rest folded away."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_medkd.core.card import MethodCard
from napari_medkd.core.errors import Problem
from napari_medkd.gui.presenters.fields import FormField
from napari_medkd.gui.presenters.spec_fields import ADVANCED, BASIC
from napari_medkd.gui.presenters.targets import OfferedDataset
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.widgets.elided_choice import ElidedChoice
from napari_medkd.gui.widgets.section import Section
from napari_medkd.gui.widgets.settings_form import LABEL_WIDTH, SettingsForm
from napari_medkd.gui.widgets.target_tree import NAMES, TargetTree

#: Of method, task and preset; the method's summary stands beneath the method, the tree of tasks in the task's place.
_ROWS = (0, 2, 4)


class TrainForm(QWidget):
    """Shows choices and says which one a person made.

    Attributes
    ----------
    task_chosen, method_chosen, preset_chosen
        ``(name)``
    changed
        ``(name, value)`` of a setting.
    list_opened
        ``(name)`` of a setting whose choices the person looks at.
    """

    task_chosen = Signal(str)
    method_chosen = Signal(str)
    preset_chosen = Signal(str)
    changed = Signal(str, object)
    list_opened = Signal(str)

    def __init__(self, shared_fields: dict[str, FormField]) -> None:
        super().__init__()
        self.task = ElidedChoice("Task", "What is to be learned: one of the dataset's tasks that the method can teach")
        self.method = ElidedChoice("Method", "How the student is taught")
        self.preset = ElidedChoice("Preset", "A named set of the method's settings; faithful is as published")
        self.targets = TargetTree()
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.basic = SettingsForm(shared_fields[name] for name in BASIC)
        self.experts = SettingsForm()
        self.of_method = SettingsForm()
        self.advanced = SettingsForm(shared_fields[name] for name in ADVANCED)
        self.method_section = Section("Method settings", _indented(self.of_method))
        self.advanced_section = Section("Advanced", _indented(self.advanced))
        self._arrange()
        for box, signal in (
            (self.task, self.task_chosen),
            (self.method, self.method_chosen),
            (self.preset, self.preset_chosen),
        ):
            box.activated.connect(lambda at, box=box, signal=signal: signal.emit(_key(box, at)))
        for form in self.forms:
            form.changed.connect(self.changed.emit)
            form.list_opened.connect(self.list_opened.emit)

    @property
    def forms(self) -> tuple[SettingsForm, ...]:
        """The forms of settings."""
        return self.basic, self.experts, self.of_method, self.advanced

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all fields that are shown."""
        of_tree = () if self.targets.isHidden() else NAMES
        return (*of_tree, *(name for form in self.forms for name in form.fields))

    def show_methods(self, cards: Sequence[MethodCard], chosen: str) -> None:
        """Show which methods there are, and what the chosen one is."""
        _fill(self.method, [(card.name, card.title) for card in cards], chosen)
        card = next((card for card in cards if card.name == chosen), None)
        self.summary.setText(f"{card.summary}" if card else "")
        self.summary.setToolTip(f"<p>{card.source}</p>" if card else "")

    def show_presets(self, card: MethodCard | None, chosen: str) -> None:
        """Show the method's presets."""
        _fill(self.preset, [(name, name) for name in (card.presets if card else ())], chosen)

    def show_tasks(self, tasks: Sequence[str], chosen: str, offered: Sequence[OfferedDataset]) -> None:
        """Show which tasks can be taught: as a tree where datasets and tasks are offered together, else as a list."""
        self.targets.show_offered(offered)
        for widget in (self.task, self._label_of_task):
            widget.setVisible(not offered)
        _fill(self.task, [(name, name) for name in tasks], chosen or (tasks[0] if tasks else ""))

    def show_shared(self, fields: Mapping[str, FormField]) -> None:
        """Show the fields that all methods share, with what there is to choose from now."""
        self.basic.show_fields(fields[name] for name in BASIC)
        self.advanced.show_fields(fields[name] for name in ADVANCED)

    def show_settings(
        self, experts: Iterable[FormField], of_method: Iterable[FormField], changes: dict[str, Any]
    ) -> None:
        """Show whose networks are the experts, the method's fields, and every value."""
        self.experts.show_fields(experts)
        self.experts.setVisible(bool(self.experts.fields))
        self.of_method.show_fields(of_method)
        for form in self.forms:
            form.show_values(changes)
        for section, form, title in (
            (self.method_section, self.of_method, "Method settings"),
            (self.advanced_section, self.advanced, "Advanced"),
        ):
            changed = sum(name in changes for name in form.fields)
            section.title.setText(f"{title} ({changed} changed)" if changed else title)

    def show_problems(self, problems: Sequence[Problem]) -> None:
        """Show each problem that belongs to a field beneath it, and unfold where it stands."""
        self.targets.show_problems(problems)
        for form in self.forms:
            form.show_problems(problems)
        for section, form in ((self.method_section, self.of_method), (self.advanced_section, self.advanced)):
            if form.has_problem:
                section.show_content(True)

    def take_theme(self, colours: ThemeColours) -> None:
        """Write faults and draw boxes to check in the theme's colours."""
        self.targets.take_theme(colours)
        for form in self.forms:
            form.take_colours(colours.bad)

    def _arrange(self) -> None:
        choices = QGridLayout()
        choices.setVerticalSpacing(4)
        choices.setColumnMinimumWidth(0, LABEL_WIDTH)
        choices.setColumnStretch(1, 1)
        boxes = (self.method, self.task, self.preset)
        labels = [QLabel(box.accessibleName()) for box in boxes]
        self._label_of_task = labels[1]
        for row, (label, box) in enumerate(zip(labels, boxes, strict=True)):
            label.setBuddy(box)
            label.setToolTip(box.toolTip())
            choices.addWidget(label, _ROWS[row], 0)
            choices.addWidget(box, _ROWS[row], 1)
        choices.addWidget(self.summary, 1, 0, 1, 2)
        choices.addWidget(self.targets, 3, 0, 1, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(choices)
        for part in (self.basic, self.experts, self.method_section, self.advanced_section):
            layout.addWidget(part)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)


def _fill(box: QComboBox, choices: Sequence[tuple[str, str]], chosen: str) -> None:
    """Offer (key, title) pairs in the box; where they stand already, only the chosen one changes."""
    present = [(_key(box, at), box.itemText(at)) for at in range(box.count())]
    if present != list(choices):
        box.clear()
        for key, title in choices:
            box.addItem(title, key)
    box.setCurrentIndex(next((at for at, (key, _) in enumerate(choices) if key == chosen), -1))
    box.setEnabled(bool(choices))


def _key(box: QComboBox, at: int) -> str:
    return str(box.itemData(at, Qt.ItemDataRole.UserRole))


def _indented(content: QWidget) -> QWidget:
    content.setContentsMargins(10, 0, 0, 4)
    return content
