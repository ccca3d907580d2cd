"""The page of the Data dock on which stored labels, and classes of images and boxes, are given what they mean."""

from html import escape
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_medkd.core.relabelling import NOWHERE, Stored
from napari_medkd.gui.background import Background
from napari_medkd.gui.presenters.labels import LabelsPresenter, LabelsState
from napari_medkd.gui.state import Session
from napari_medkd.gui.widgets.elided_choice import Choice, ElidedChoice
from napari_medkd.gui.widgets.problem_list import ProblemList
from napari_medkd.gui.widgets.results_view import fill
from napari_medkd.gui.widgets.row import row_of

if TYPE_CHECKING:
    from napari_medkd.core.dataset import Dataset

_HELP = (
    "Choose or type the class that each stored label or class means; two of one class are merged. "
    "Masks stay as they are, and so do files of boxes: medkd-dataset.json is written, and boxes with other names."
)
_NOWHERE_WORDS = "counts nowhere"
_COLUMNS = ("Stored as", "Cases", "Means")
_TIPS = (
    "The number in the mask files, or the class of images or boxes",
    "In how many of the cases that were read it is",
    "The class it is read as",
)
_LABEL, _MASKS, _MEANS = range(3)
_ROW_HEIGHT = 30


class LabelsPage(QWidget):
    """Edits what the labels of one dataset mean.

    Attributes
    ----------
    saved
        ``(Dataset)``: changed, and written.
    left
        The person goes back to the cases.
    """

    saved = Signal(object)
    left = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.state = LabelsState()
        self.presenter = LabelsPresenter(session, self.state, Background(self))
        self._boxes: dict[Stored, _ClassBox] = {}
        self._build()
        self._connect()

    def begin(self, dataset: "Dataset") -> None:
        """Edit the labels of a dataset."""
        self.presenter.begin(dataset)
        self.title.setText(f"<b>{escape(dataset.name)}</b> · what labels mean")
        self.save.setToolTip(f"<p>Write it into {escape(str(dataset.folder / 'medkd-dataset.json'))}</p>")

    def is_about(self, dataset: "Dataset | None") -> bool:
        """Return whether the labels of that dataset are edited, as it was or as it was just saved."""
        edited = self.presenter.dataset
        return dataset is not None and edited is not None and dataset.folder == edited.folder

    def _build(self) -> None:
        self.title, self.read, self.outcome, self.elsewhere = QLabel(), QLabel(), QLabel(), QLabel()
        text = QLabel(_HELP)
        for label in (self.title, text, self.read, self.outcome, self.elsewhere):
            label.setWordWrap(True)
        self.save, self.back = QPushButton("Save"), QPushButton("Back")
        self.back.setToolTip("Go back to the list of cases; what was chosen and not saved is forgotten")
        self.task = ElidedChoice("Task", "The task whose labels are meant")
        self.table = QTableWidget(0, len(_COLUMNS))
        self.table.setAccessibleName("Stored labels")
        for column, (name, tip) in enumerate(zip(_COLUMNS, _TIPS, strict=True)):
            item = QTableWidgetItem(name)
            item.setToolTip(f"<p>{tip}</p>")
            self.table.setHorizontalHeaderItem(column, item)
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setTabKeyNavigation(False)  # Tab goes from box to box, and on to the buttons
        self.table.setShowGrid(False)
        rows, columns = self.table.verticalHeader(), self.table.horizontalHeader()
        if rows is not None:
            rows.hide()
            rows.setDefaultSectionSize(_ROW_HEIGHT)
        if columns is not None:
            columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
            columns.setSectionResizeMode(_MEANS, QHeaderView.ResizeMode.Stretch)
            columns.setHighlightSections(False)
        self.problems = ProblemList()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row_of(self.title, self.back, self.save, stretch=0))
        layout.addWidget(text)
        layout.addWidget(self.task)
        layout.addWidget(self.table, 1)
        for widget in (self.read, self.outcome, self.elsewhere, self.problems):
            layout.addWidget(widget)

    def _connect(self) -> None:
        self.task.activated.connect(lambda: self.presenter.choose_task(self.task.currentData()))
        self.save.clicked.connect(lambda: self.presenter.save(self._on_saved))
        self.back.clicked.connect(lambda: self.left.emit())
        events = self.state.events
        events.tasks.connect(self._show_tasks)
        events.task.connect(self._show_tasks)
        for signal in (events.meanings, events.cases, events.offered):
            signal.connect(self._show_labels)
        for signal in (events.meanings, events.elsewhere, events.read):
            signal.connect(self._show_words)
        events.problems.connect(lambda: self.problems.show_problems(self.state.problems))

    def _on_saved(self, dataset: "Dataset") -> None:
        self.saved.emit(dataset)
        self.left.emit()

    def _show_tasks(self) -> None:
        fill(self.task, [(name, name, name) for name in self.state.tasks], self.state.task)
        self.task.setVisible(len(self.state.tasks) > 1)

    def _show_labels(self) -> None:
        state = self.state
        if list(self._boxes) != list(state.meanings):
            self._boxes = {}
            self.table.setRowCount(0)
            self.table.setRowCount(len(state.meanings))
            for row, label in enumerate(state.meanings):
                box = _ClassBox(f"What label {label} means")
                box.chosen.connect(lambda name, label=label: self.presenter.mean(label, name))
                self._boxes[label] = box
                self.table.setItem(row, _LABEL, _cell(str(label)))
                self.table.setCellWidget(row, _MEANS, box)
        for row, (label, meaning) in enumerate(state.meanings.items()):
            number = state.cases.get(label, 0)
            self.table.setItem(row, _MASKS, _cell(str(number) if state.cases else ""))
            self._boxes[label].offer(state.offered, meaning)

    def _show_words(self) -> None:
        state, classes = self.state, self.presenter.outcome()
        self.read.setText(state.read)
        numbered = ", ".join(f"{number} {name}" for number, name in enumerate(classes))
        once_saved = f"Classes once saved: <b>{escape(numbered)}</b>"
        self.outcome.setText(once_saved if classes else escape(self.presenter.hindrance()))
        self.save.setEnabled(bool(classes))
        others = (f"{escape(name)}: {escape(', '.join(known))}" for name, known in state.elsewhere)
        lines = "<br>".join(others)
        self.elsewhere.setText(f"In the other open datasets:<br>{lines}" if lines else "")


class _ClassBox(Choice):
    """A class to choose from a list or to type.

    Attributes
    ----------
    chosen
        ``(name)``
    """

    chosen = Signal(object)

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.setEditable(True)
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setToolTip("Choose a class, or type a new one and press Enter")
        self.activated.connect(self._say_chosen)
        editor = self.lineEdit()
        if editor is not None:
            editor.setPlaceholderText("Choose or type a class")
            editor.editingFinished.connect(self._say_typed)

    def offer(self, names: tuple[str, ...], chosen: str | None) -> None:
        """Offer these classes, with one of them chosen; None is none yet."""
        self.blockSignals(True)
        wanted = [*((name, name) for name in names), (_NOWHERE_WORDS, NOWHERE)]
        if [(self.itemText(at), self.itemData(at)) for at in range(self.count())] != wanted:
            self.clear()
            for words, value in wanted:
                self.addItem(words, value)
        at = -1 if chosen is None else self.findData(chosen)
        self.setCurrentIndex(at)
        self.setEditText("" if at < 0 else self.itemText(at))
        self.blockSignals(False)

    def _say_chosen(self, at: int) -> None:
        self.chosen.emit(self.itemData(at))

    def _say_typed(self) -> None:
        text = self.currentText().strip()
        if text:
            self.chosen.emit(NOWHERE if text == _NOWHERE_WORDS else text)


def _cell(text: str) -> QTableWidgetItem:
    item = QTableWidgetItem(text)
    item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
    item.setFlags(Qt.ItemFlag.ItemIsEnabled)
    return item
