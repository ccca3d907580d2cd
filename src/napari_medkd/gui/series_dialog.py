"""The dialog that shows the images of a DICOM folder, of which the person picks one with the mouse or the keyboard.

Descriptions are for the person alone: they may hold a name, and are passed on to nothing.
"""

from collections.abc import Sequence
from pathlib import Path

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_medkd.files.dicom_series import Listing, Series

_COLUMNS = ("Description", "Modality", "Slices", "Size", "Spacing (mm)", "Date")
_TIPS = (
    "What the scanner calls it",
    "CT, MR and so on, as DICOM abbreviates them",
    "How many planes there are",
    "Columns × rows of a plane",
    "Between slices × rows × columns",
    "When the series was made",
)
_TEXTS = (0, 1)
_SIZE = (720, 340)
_MOST_TOLD = 3


class SeriesDialog(QDialog):
    """The images of a folder or file as rows, the largest first and chosen; a double click or Enter opens one."""

    def __init__(self, path: Path, listing: Listing, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._series = listing.series
        self.setWindowTitle("Pick a DICOM image")
        self.resize(*_SIZE)
        title = _label(f"{path.name} holds {len(listing.series)} images. Which one shall be opened?")
        self.table = _table_of(listing.series)
        self.table.doubleClicked.connect(self.accept)
        self.told = _label(_told(listing))
        self.told.setVisible(bool(listing.problems))
        standard = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(standard.Open | standard.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        opens = self.buttons.button(standard.Open)
        if opens is not None:
            opens.setDefault(True)  # which Enter presses, in the table too
        layout = QVBoxLayout(self)
        for widget in (title, self.table, self.told, self.buttons):
            layout.addWidget(widget)
        self.table.selectRow(0)
        self.table.setFocus()

    @property
    def picked(self) -> Series:
        """The image in the chosen row."""
        return self._series[max(0, self.table.currentRow())]


def ask_for_series(path: Path, listing: Listing, parent: QWidget) -> Series | None:
    """Show the dialog over a window until the person has answered; None where it was cancelled."""
    dialog = SeriesDialog(path, listing, parent)
    try:
        return dialog.picked if dialog.exec() else None
    finally:
        dialog.deleteLater()


def _label(text: str) -> QLabel:
    """Return a text that is shown as it stands, whatever is in the names of files."""
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setText(text)
    label.setWordWrap(True)
    return label


def _table_of(series: Sequence[Series]) -> QTableWidget:
    table = QTableWidget(len(series), len(_COLUMNS))
    table.setAccessibleName("DICOM images")
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setTabKeyNavigation(False)  # Tab goes on to the buttons
    table.setShowGrid(False)
    table.setWordWrap(False)
    for column, (name, tip) in enumerate(zip(_COLUMNS, _TIPS, strict=True)):
        head = QTableWidgetItem(name)
        head.setToolTip(tip)
        table.setHorizontalHeaderItem(column, head)
    for row, one in enumerate(series):
        for column, text in enumerate(_texts_of(one)):
            side = Qt.AlignmentFlag.AlignLeft if column in _TEXTS else Qt.AlignmentFlag.AlignRight
            item = QTableWidgetItem(text)
            item.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
            item.setToolTip("\n".join((one.describe(), *map(str, one.damaged[:_MOST_TOLD]))))
            table.setItem(row, column, item)
    _arrange_columns(table)
    return table


def _arrange_columns(table: QTableWidget) -> None:
    header, numbers = table.horizontalHeader(), table.verticalHeader()
    assert header is not None
    assert numbers is not None
    numbers.hide()
    numbers.setDefaultSectionSize(numbers.fontMetrics().height() + 8)
    header.setHighlightSections(False)
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)


def _texts_of(one: Series) -> tuple[str, ...]:
    """Return a row: description, modality, slices, size, spacing, date."""
    slices, rows, columns = one.shape
    name = one.description or "(no description)"
    parts = f"{name} · {one.part}" if one.part else name
    damaged = f"⚠ {len(one.damaged)} damaged · " if one.damaged else ""
    spacing = "unknown" if one.spacing is None else " × ".join(f"{mm:.3g}" for mm in one.spacing)
    date = "" if one.date is None else one.date.isoformat()
    return damaged + parts, one.modality, str(slices), f"{columns} × {rows}", spacing, date


def _told(listing: Listing) -> str:
    """Return the files that cannot be read and may be of any image."""
    problems = listing.problems
    more = len(problems) - _MOST_TOLD
    told = [f"{Path(problem.where).name}: {problem.problem}" for problem in problems[:_MOST_TOLD]]
    return "\n".join(["Not in the list, for they cannot be read:", *told, *([f"and {more} more"] if more > 0 else [])])
