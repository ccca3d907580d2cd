"""The page of the Data dock that lists the cases: filter, table, and what can be done with the chosen ones."""

from collections.abc import Callable
from html import escape

from psygnal import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_medkd.gui.state import CaseRow, DataState, Session
from napari_medkd.gui.widgets.case_table import CaseTable


class CasesPage(QWidget):
    """The cases of the open dataset.

    Attributes
    ----------
    opened
        ``(id)`` of a case to show.
    cancelled
        The case that is being read is not wanted any more.
    annotated
        ``(id)`` of a case to paint on.
    marked
        ``(ids)`` of cases to be made references; of those that all are, to be none any more.
    suggested
        A reference is to be suggested, or the search for one cancelled.
    trained
        A run that learns from the references is to be set up.
    """

    opened = Signal(str)
    cancelled = Signal()
    annotated = Signal(str)
    marked = Signal(list)
    suggested = Signal()
    trained = Signal()

    def __init__(self, session: Session, state: DataState) -> None:
        super().__init__()
        self._session = session
        self._state = state
        self._is_reading = False
        self._build()
        self._connect()

    def show_rows(self) -> None:
        """Show the cases of the state."""
        self.table.show_rows(self._state.rows)
        self.show_buttons()

    def show_summary(self) -> None:
        """Say what the dataset is, and how many cases the filter lets through."""
        dataset = self._session.dataset
        shown, known = self.table.num_shown(), len(self._state.rows)
        filtered = f"\n{shown} of {known} shown" if shown != known else ""
        lines = escape(self._state.summary + filtered).replace("\n", "<br>")
        self.summary.setText(f"<b>{escape(dataset.name)}</b><br>{lines}" if dataset else "")

    def show_buttons(self) -> None:
        """Enable what can be done with the chosen cases."""
        rows = self.table.selected_rows()
        self.open_case.setText("Reading …" if self._is_reading else "Show case")
        self.cancel.setVisible(self._is_reading)
        self.annotate.setVisible(not self._is_reading)
        for button in (self.open_case, self.annotate):
            button.setEnabled(len(rows) == 1)
        self.use_as_reference.setEnabled(bool(rows))
        all_marked = bool(rows) and all(row.is_reference for row in rows)
        self.use_as_reference.setText("No longer a reference" if all_marked else "Use as reference")
        references = self._session.references
        self.train.setEnabled(bool(references))
        some = f"these {len(references)} references" if len(references) > 1 else "this reference"
        self.train.setText(f"Train from {some}")

    def show_reading(self, is_reading: bool) -> None:
        """Say that a case is being read, and offer to cancel that; or that none is."""
        self._is_reading = is_reading
        self.show_buttons()

    def _build(self) -> None:
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter: id, domain, side or task")
        self.filter.setClearButtonEnabled(True)
        self.table = CaseTable()
        self.open_case = QPushButton("Show case")
        self.open_case.setToolTip("Show the selected case's image and masks as layers (or double-click it)")
        self.cancel = QPushButton("Cancel")  # not where a second click of a double click falls
        self.cancel.setToolTip("Read the case no further")
        self.annotate = QPushButton("Annotate")
        self.annotate.setToolTip("Paint the selected case's mask, or correct the one it has, and make it a reference")
        self.use_as_reference = QPushButton("Use as reference")
        self.suggest = QPushButton("Suggest a reference")
        self.suggest.setToolTip("Find the case without a mask that is most like all others")
        self.suggestion = QLabel()
        self.suggestion.setWordWrap(True)
        self.train = QPushButton("Train from this reference")
        self.train.setToolTip("Set up a one-shot run and measure how long it takes: the other cases need no label")
        suggesting = QHBoxLayout()
        suggesting.addWidget(self.suggest)
        suggesting.addWidget(self.suggestion, 1)
        buttons = QHBoxLayout()
        for button in (self.open_case, self.cancel, self.annotate, self.use_as_reference):
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.summary)
        layout.addWidget(self.filter)
        layout.addWidget(self.table, 1)
        layout.addLayout(buttons)
        layout.addLayout(suggesting)
        layout.addWidget(self.train)

    def _connect(self) -> None:
        self.filter.textChanged.connect(self.table.keep_matching)
        self.filter.textChanged.connect(self.show_summary)
        self.table.opened.connect(self.opened.emit)
        self.table.reference_clicked.connect(lambda name: self.marked.emit([name]))
        self.open_case.clicked.connect(lambda: self._with_selected(self.opened.emit))
        self.cancel.clicked.connect(self.cancelled.emit)
        self.annotate.clicked.connect(lambda: self._with_selected(self.annotated.emit))
        self.use_as_reference.clicked.connect(lambda: self.marked.emit([row.id for row in self.table.selected_rows()]))
        chosen = self.table.selectionModel()
        if chosen is not None:
            chosen.selectionChanged.connect(self.show_buttons)
        self.suggest.clicked.connect(self.suggested.emit)
        self.train.clicked.connect(self.trained.emit)
        events = self._state.events
        events.summary.connect(self.show_summary)
        self._session.events.references.connect(self.show_buttons)
        for signal in (events.suggestion, events.is_suggesting):
            signal.connect(self._show_suggestion)

    def _show_suggestion(self) -> None:
        state = self._state
        self.suggest.setText("Cancel" if state.is_suggesting else "Suggest a reference")
        if state.is_suggesting:
            self.suggestion.setText("Comparing all images …")
        elif state.suggestion:
            (first, likeness), *others = state.suggestion.items()
            following = f"; {others[0][0]} comes next with {others[0][1]:.2f}" if others else ""
            why = f"the most like the others of {len(others) + 1} cases" if others else "the only one without a mask"
            self.suggestion.setText(f"{first}: {why}, mean correlation {likeness:.2f}{following}.")
            self.table.select(first)
        else:
            self.suggestion.setText("")

    def _with_selected(self, act: Callable[[str], object]) -> None:
        rows: tuple[CaseRow, ...] = self.table.selected_rows()
        for row in rows[:1]:
            act(row.id)
