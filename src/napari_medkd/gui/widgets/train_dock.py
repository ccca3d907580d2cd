"""The Train dock: a method, its settings, an estimate, and the start of a run."""

from html import escape
from pathlib import Path
from typing import Any

from qtpy.QtCore import QFileSystemWatcher
from qtpy.QtGui import QFontDatabase, QGuiApplication
from qtpy.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_medkd.gui.background import Background
from napari_medkd.gui.followers import followers_of
from napari_medkd.gui.presenters.experts import LISTS_OF_RUNS
from napari_medkd.gui.presenters.words import listed, run_in_short, sides_in_words
from napari_medkd.gui.state import TrainState
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.widgets.dock import Dock, bring_up
from napari_medkd.gui.widgets.problem_list import ProblemList
from napari_medkd.gui.widgets.section import Section
from napari_medkd.gui.widgets.tab_order import tab_as_seen

_SPEC_HEIGHT = 220


class TrainDock(Dock):
    """Sets a run up and starts it."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Train")
        self.state = TrainState()
        self.presenter: Any = None
        self.form: Any = None
        self._watcher = QFileSystemWatcher(self)
        self._build()

    def first_look(self) -> None:
        """Build the form, and ask which methods there are."""
        from napari_medkd.gui.presenters.train import TrainPresenter
        from napari_medkd.gui.widgets.train_form import TrainForm

        self.presenter = TrainPresenter(self.session, self.state, followers_of(self.session), Background(self))
        self.form = TrainForm(self.presenter.choices.shared_fields)
        self._page.insertWidget(self._page.indexOf(self.missing_buttons) + 1, self.form)
        self._connect()
        self._show_all()
        self.take_theme(self.colours())
        self.presenter.load_cards()
        self.look_again()

    def look_again(self) -> None:
        """Look for runs to start from, and notice from now on when one is added or deleted."""
        folder = self.session.runs_folder
        if self._watcher.directories() != [str(folder)]:
            if self._watcher.directories():
                self._watcher.removePaths(self._watcher.directories())
            if folder.is_dir():
                self._watcher.addPath(str(folder))
        self.presenter.list_runs()

    def take_theme(self, colours: ThemeColours) -> None:
        """Draw the form in the theme's colours."""
        if self.form is not None:
            self.form.take_theme(colours)

    def _build(self) -> None:
        self.dataset = QLabel()
        self.dataset.setWordWrap(True)
        self.missing = ProblemList()
        self.missing_buttons = self._missing_buttons()
        self.spec_section = Section("What will run", self._spec_page())
        page = QWidget()
        self._page = QVBoxLayout(page)
        self._page.setContentsMargins(0, 0, 4, 0)
        for widget in (self.dataset, self.missing, self.missing_buttons, self.spec_section):
            self._page.addWidget(widget)
        self._page.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(scroll, 1)
        layout.addLayout(self._feet())

    def _missing_buttons(self) -> QWidget:
        self.copy_line, self.ask_again = QPushButton("Copy the line"), QPushButton("Look again")
        self.copy_line.setToolTip("Copy what to type in a terminal")
        row = QWidget()
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.copy_line)
        layout.addWidget(self.ask_again)
        row.hide()
        return row

    def _spec_page(self) -> QWidget:
        fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        self.spec_text, self.command = QPlainTextEdit(), QLabel()
        self.spec_text.setReadOnly(True)
        self.spec_text.setFont(fixed)
        self.spec_text.setFixedHeight(_SPEC_HEIGHT)
        self.spec_text.setAccessibleName("The complete run as JSON")
        self.command.setWordWrap(True)
        self.save_spec = QPushButton("Save spec …")
        self.save_spec.setToolTip("Write the run as spec.json: the command line then makes the same run")
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self.spec_text, self.save_spec, self.command):
            layout.addWidget(widget)
        return page

    def _feet(self) -> QVBoxLayout:
        self.estimate_text, self.hindrance = QLabel(), QLabel()
        self.problems = ProblemList()
        self.estimate, self.start = QPushButton("Estimate"), QPushButton("Start training")
        self.estimate.setToolTip("Measure a few steps: how long the run takes and how much memory it needs")
        self.start.setToolTip("Check the run, then train in a process of its own; napari stays free")
        for label in (self.estimate_text, self.hindrance):
            label.setWordWrap(True)
            label.hide()
        buttons = QHBoxLayout()
        buttons.addWidget(self.estimate, 1)
        buttons.addWidget(self.start, 1)
        layout = QVBoxLayout()
        for widget in (self.problems, self.estimate_text, self.hindrance):
            layout.addWidget(widget)
        layout.addLayout(buttons)
        return layout

    def _connect(self) -> None:
        choices, form = self.presenter.choices, self.form
        form.task_chosen.connect(choices.choose_task)
        form.targets.checked.connect(choices.teach)
        form.method_chosen.connect(choices.choose_method)
        form.preset_chosen.connect(choices.choose_preset)
        form.changed.connect(choices.set_value)
        self.ask_again.clicked.connect(self._ask_again)
        self.copy_line.clicked.connect(self._copy_line)
        self.estimate.clicked.connect(self._estimate_or_cancel)
        self.start.clicked.connect(lambda: self.presenter.start())
        self.save_spec.clicked.connect(self._save)
        self.spec_section.title.toggled.connect(self._show_spec)
        events = self.state.events
        for name in ("cards", "method", "preset", "task", "taught", "changes", "missing"):
            events[name].connect(self._show_all)
        for signal in (events.problems, events.estimate, events.busy):
            signal.connect(self._show_answers)
        for signal in (self.session.events.dataset, self.session.events.study):
            signal.connect(self._take_dataset)
        self.session.events.references.connect(self._show_all)
        self.session.events.interpreter.connect(self._ask_again)
        events.started.connect(self._run_started)
        events.finished.connect(self._show_all)
        form.list_opened.connect(lambda name: self.look_again() if name.startswith(LISTS_OF_RUNS) else None)
        followers_of(self.session).left.connect(self.look_again)
        self.session.events.runs_folder.connect(self.look_again)
        self._watcher.directoryChanged.connect(self.look_again)

    def begin_from_references(self) -> None:
        """Set up a run that learns from the marked references."""
        self.settle()
        self.presenter.begin_from_references()

    def _show_all(self) -> None:
        choices, state = self.presenter.choices, self.state
        self.missing.show_problems(state.missing)
        self.missing_buttons.setVisible(bool(state.missing))
        self.form.setVisible(not state.missing)
        self.form.show_methods(state.cards, state.method)
        self.form.show_presets(choices.card(), state.preset)
        self.form.show_tasks(choices.tasks(), state.task, choices.targets.offered())
        self.form.show_shared(choices.shared_fields)
        self.form.show_settings(choices.experts.fields(), choices.method_fields(), dict(state.changes))
        tab_as_seen(self)  # Qt puts what was added last at the end: the form, and boxes of another method
        self._show_dataset()
        self._show_spec()
        self._show_answers()

    def _show_dataset(self) -> None:
        dataset, references = self.session.dataset, self.session.references
        taking_part = self.presenter.choices.targets.taking_part()
        if dataset is None:
            self.dataset.setText("<b>No dataset</b>")
            return
        if len(taking_part) > 1:
            names = " + ".join(one.name for one in taking_part)
            self.dataset.setText(f"<b>{escape(names)}</b><br>{sides_in_words(taking_part)}")
            return
        dataset = taking_part[0] if taking_part else dataset
        sides = sides_in_words([dataset])
        taught = self.presenter.choices.references()
        if taught:
            labels = "label" if len(taught) == 1 else "labels"
            sides = f"Learns from the {labels} of {escape(listed(list(taught), most=2))} alone"
            earlier = str(self.state.changes.get("start_from", ""))
            if earlier:
                name = escape(run_in_short(Path(earlier).name))
                sides += f".<br>Goes on from {name}; <i>Start from: scratch</i> begins anew."
        elif references:
            sides = f"{sides}, {len(references)} marked as reference"
        self.dataset.setText(f"<b>{escape(dataset.name)}</b><br>{sides}")

    def _show_spec(self) -> None:
        if not self.spec_section.title.isChecked():
            return
        can_run = not self.presenter.choices.hindrance()
        self.spec_text.setPlainText(self.presenter.effective() if can_run else self.presenter.choices.hindrance())
        self.save_spec.setEnabled(can_run)
        self.command.setVisible(can_run)
        self.command.setText(
            "Saved, the same run by command line:<br>" + _code(self.presenter.command(Path("spec.json")))
        )

    def _show_answers(self) -> None:
        from napari_medkd.gui.presenters.fields import unplaced
        from napari_medkd.gui.presenters.train import estimate_in_words

        state, hindrance = self.state, self.presenter.choices.hindrance()
        names = self.form.names
        self.form.show_problems((*self.presenter.choices.targets.problems(), *state.problems))
        rest = unplaced([found.where for found in state.problems], names)
        self.problems.show_problems(state.problems[at] for at in rest)
        found = estimate_in_words(state.estimate) if state.estimate else ""
        self.estimate_text.setText(state.busy or found)
        self.estimate_text.setVisible(bool(state.busy or found))
        self.hindrance.setText("" if state.busy else hindrance)
        self.hindrance.setVisible(bool(hindrance) and not state.busy)
        self.estimate.setText("Cancel" if state.busy else "Estimate")
        self.estimate.setEnabled(bool(state.busy) or not hindrance)
        self.start.setEnabled(not state.busy and not hindrance)

    def _take_dataset(self) -> None:
        self.presenter.take_dataset()
        self._show_all()

    def _ask_again(self) -> None:
        self.presenter.load_cards(ask_again=True)

    def _copy_line(self) -> None:
        clipboard = QGuiApplication.clipboard()
        if clipboard is not None and self.state.missing:
            clipboard.setText(self.state.missing[0].hint)

    def _estimate_or_cancel(self) -> None:
        if self.state.busy:
            self.presenter.cancel()
        else:
            self.presenter.estimate()

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save the run's spec", "spec.json", "Run spec (*.json)")
        if path:
            self.presenter.save(Path(path))
            self.command.setText("The same run by command line:<br>" + _code(self.presenter.command(Path(path))))

    def _run_started(self, run: Path | None) -> None:
        if run is not None:
            bring_up(self.viewer, "Runs")


def _code(text: str) -> str:
    """Return a command that wraps where it has to."""
    return f"<code>{escape(text).replace('/', '/&#8203;')}</code>"
