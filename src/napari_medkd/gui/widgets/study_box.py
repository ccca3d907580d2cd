"""The head of the Data dock: a place to name a dataset, the list of the open ones, and what can be done with one."""

from collections.abc import Sequence
from pathlib import Path

from psygnal import Signal
from qtpy.QtCore import QMimeData
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_medkd.files.opening import suffix_of
from napari_medkd.gui.members import MemberRow
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.widgets.study_list import StudyList


class StudyBox(QWidget):
    """Shows the study, and says what a person wants of it.

    Attributes
    ----------
    added
        ``(path)`` of a folder or manifest to open.
    cancelled
        What is being opened is not wanted any more.
    chosen, removed
        ``(folder)`` of an open dataset.
    labels_wanted
        What the current dataset's labels mean is to be edited.
    """

    added = Signal(object)
    cancelled = Signal()
    chosen = Signal(object)
    removed = Signal(object)
    labels_wanted = Signal()

    def __init__(self, colours: ThemeColours) -> None:
        super().__init__()
        self.path = QLineEdit()
        self.path.setPlaceholderText("Folder, medkd-dataset.json or image")
        self.path.setAccessibleName("Dataset folder")
        self.add = QPushButton("Add dataset …")
        self.add.setToolTip("<p>Open the folder of a dataset, beside those that are open; or drop folders here</p>")
        self.list = StudyList(colours)
        self.remove = QPushButton("Remove")
        self.remove.setToolTip("<p>Take the current dataset out of the study; its files stay</p>")
        self.labels = QPushButton("Labels …")
        self.labels.setToolTip("<p>What labels and classes of the current dataset mean: bring datasets to one set</p>")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(_row(self.path, self.add, stretch=0))
        layout.addWidget(self.list)
        layout.addLayout(_row(self.remove, self.labels))
        self._rows: tuple[MemberRow, ...] = ()
        self._is_reading = False
        self.add.clicked.connect(self._browse_or_cancel)
        self.path.returnPressed.connect(self._open_typed)
        self.list.chosen.connect(self.chosen.emit)
        self.remove.clicked.connect(self._remove_current)
        self.labels.clicked.connect(lambda: self.labels_wanted.emit())
        self.show_members(())

    def show_members(self, rows: Sequence[MemberRow]) -> None:
        """Show the open datasets."""
        self._rows = tuple(rows)
        self.list.show_members(rows)
        current = self._current()
        for widget in (self.list, self.remove, self.labels):
            widget.setVisible(bool(rows))
        self.labels.setEnabled(current is not None and len(current.tasks) > 0)

    def show_reading(self, is_reading: bool) -> None:
        """Offer to cancel while a dataset is being opened."""
        self._is_reading = is_reading
        self.add.setText("Cancel" if is_reading else "Add dataset …")

    def _current(self) -> MemberRow | None:
        return next((row for row in self._rows if row.is_current), None)

    def _browse_or_cancel(self) -> None:
        if self._is_reading:
            self.cancelled.emit()
            return
        folder = QFileDialog.getExistingDirectory(self, "Open a dataset folder", self.path.text())
        if folder:
            self.added.emit(Path(folder))

    def _open_typed(self) -> None:
        if self.path.text().strip():
            self.added.emit(Path(self.path.text().strip()).expanduser())

    def _remove_current(self) -> None:
        current = self._current()
        if current is not None:
            self.removed.emit(current.folder)


def dropped_paths(data: QMimeData | None) -> list[Path]:
    """Return the folders, manifests and image files that are dropped."""
    paths = [] if data is None else [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    return [path for path in paths if path.is_dir() or path.suffix == ".json" or suffix_of(path)]


def _row(*widgets: QWidget, stretch: int | None = None) -> QHBoxLayout:
    layout = QHBoxLayout()
    for at, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if stretch is None or at == stretch else 0)
    return layout
