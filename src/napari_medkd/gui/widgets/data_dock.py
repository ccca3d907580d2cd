"""The Data dock: open a dataset, see its cases and what is wrong with it, show a case, mark reference cases."""

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QMimeData
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_medkd.gui.background import Background
from napari_medkd.gui.presenters.words import count
from napari_medkd.gui.state import DataState, OpenedCase
from napari_medkd.gui.widgets.annotate_page import AnnotatePage
from napari_medkd.gui.widgets.case_table import CaseTable
from napari_medkd.gui.widgets.dock import Dock
from napari_medkd.gui.widgets.problem_list import ProblemList
from napari_medkd.gui.widgets.welcome_page import WelcomePage

if TYPE_CHECKING:
    from napari_medkd.core.dataset import Case, Dataset
    from napari_medkd.gui.layers import LayerData

SAMPLE_FOLDER = "medkd-sample"


class DataDock(Dock):
    """Opens datasets and shows their cases as layers."""

    def __init__(self, napari_viewer: Any) -> None:
        from napari_medkd.gui.presenters.data import DataPresenter

        super().__init__(napari_viewer, "Data")
        self.state = DataState()
        self.presenter = DataPresenter(self.session, self.state, Background(self))
        self._shown: Any = None
        self._wish = 0
        self._to_annotate = ""
        self._build()
        self._connect()
        self._show_rows()
        self._show_problems()

    def first_look(self) -> None:
        """Show the dataset that is open already."""
        self.presenter.show()

    def _build(self) -> None:
        self.setAcceptDrops(True)
        self.path = QLineEdit()
        self.path.setPlaceholderText("Folder or medkd-dataset.json")
        self.path.setAccessibleName("Dataset folder")
        self.browse = QPushButton("Open folder …")
        self.summary = QLabel()
        self.summary.setWordWrap(True)
        self.filter = QLineEdit()
        self.filter.setPlaceholderText("Filter: id, domain, side or task")
        self.filter.setClearButtonEnabled(True)
        self.table = CaseTable()
        self.open_case = QPushButton("Show case")
        self.open_case.setToolTip("Show the selected case's image and masks as layers (or double-click it)")
        self.annotate = QPushButton("Annotate")
        self.annotate.setToolTip("Paint the selected case's mask, or correct the one it has, and make it a reference")
        self.use_as_reference = QPushButton("Use as reference")
        self.problems_title = QLabel()
        self.check_images = QPushButton("Check every voxel")
        self.check_images.setToolTip("Read all images and masks in a process of its own: NaN, foreign labels, grids")
        self.problems = ProblemList()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addLayout(_row(self.path, self.browse, stretch=0))
        welcome = WelcomePage()
        self.sample = welcome.sample
        self.pages = QStackedWidget()
        self.pages.addWidget(welcome)
        self.pages.addWidget(self._cases_page())
        self.annotating = AnnotatePage(self.viewer, self.session)
        self.pages.addWidget(self.annotating)
        layout.addWidget(self.pages, 1)
        layout.addLayout(_row(self.problems_title, self.check_images, stretch=0))
        layout.addWidget(self.problems)

    def _cases_page(self) -> QWidget:
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.summary)
        layout.addWidget(self.filter)
        layout.addWidget(self.table, 1)
        layout.addLayout(_row(self.open_case, self.annotate, self.use_as_reference))
        return page

    def _connect(self) -> None:
        self.browse.clicked.connect(self._browse)
        self.path.returnPressed.connect(self._open_typed)
        self.sample.clicked.connect(self.open_sample)
        self.filter.textChanged.connect(self.table.keep_matching)
        self.filter.textChanged.connect(self._show_summary)
        self.table.opened.connect(self.show_case)
        self.table.reference_clicked.connect(lambda name: self._mark([name]))
        self.open_case.clicked.connect(self._show_selected)
        self.annotate.clicked.connect(self._annotate_selected)
        self.annotating.done.connect(self._take_annotated)
        self.use_as_reference.clicked.connect(lambda: self._mark([row.id for row in self.table.selected_rows()]))
        self.check_images.clicked.connect(self._check_or_cancel)
        chosen = self.table.selectionModel()
        if chosen is not None:
            chosen.selectionChanged.connect(self._show_buttons)
        events = self.state.events
        for signal in (events.rows, events.is_reading):
            signal.connect(self._show_rows)
        events.summary.connect(self._show_summary)
        for signal in (events.problems, events.is_checking, events.is_reading):
            signal.connect(self._show_problems)

    def _check_or_cancel(self) -> None:
        if self.state.is_checking:
            self.presenter.cancel_check()
        else:
            self.presenter.check_images()

    def open_path(self, path: Path) -> None:
        """Open the dataset at a folder or manifest."""
        self.settle()
        self.path.setText(str(path))
        self.presenter.open(path)

    def show_case(self, name: str) -> None:
        """Show a case of the open dataset as layers, in place of the one shown before."""
        dataset = self.session.dataset
        if dataset is None:
            return
        case = dataset.case(name)
        self._wish += 1
        wish = self._wish
        self.table.setToolTip("")
        self.open_case.setText("Reading …")

        def work() -> "list[LayerData]":
            from napari_medkd.gui.reader import case_layers

            return case_layers(dataset, case)

        def then(layers: "list[LayerData]") -> None:
            if wish == self._wish:
                self._put_into_viewer(dataset, case, layers)
            self._show_buttons()

        def failed(error: Exception) -> None:
            self.presenter.tell(error, name)
            self._show_buttons()

        Background(self)(work, then, failed)

    def _put_into_viewer(self, dataset: "Dataset", case: "Case", layers: "list[LayerData]") -> None:
        from napari_medkd.gui.shown_case import ShownCase

        if self._shown is None:
            self._shown = ShownCase(self.viewer)
        self.session.opened = OpenedCase(dataset, case, self._shown.show(layers))
        if self._to_annotate == case.id:
            self._annotate()

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a dataset folder", self.path.text())
        if folder:
            self.open_path(Path(folder))

    def _open_typed(self) -> None:
        if self.path.text().strip():
            self.open_path(Path(self.path.text().strip()).expanduser())

    def open_sample(self) -> None:
        """Open the generated sample; it is written beside the runs folder first, if it is not there."""
        self.settle()
        folder = self.session.runs_folder.parent / SAMPLE_FOLDER
        self.path.setText(str(folder))
        self.presenter.open_sample(folder)

    def _show_selected(self) -> None:
        for row in self.table.selected_rows()[:1]:
            self.show_case(row.id)

    def _annotate_selected(self) -> None:
        for row in self.table.selected_rows()[:1]:
            self._to_annotate = row.id
            opened = self.session.opened
            if opened is not None and opened.case.id == row.id and opened.dataset is self.session.dataset:
                self._annotate()
            else:
                self.show_case(row.id)

    def _annotate(self) -> None:
        """Paint on the case that is shown."""
        self._to_annotate = ""
        if self.session.opened is not None:
            self.annotating.begin(self.session.opened)
            self.pages.setCurrentWidget(self.annotating)

    def _take_annotated(self, name: str) -> None:
        """Go back to the cases; one that was painted is a reference."""
        self.presenter.show()
        self.pages.setCurrentIndex(1)
        if name and name not in self.session.references:
            self._mark([name])

    def _mark(self, names: list[str]) -> None:
        """Make the cases references; those that all are, are none any more."""
        self.presenter.mark_references(names, on=not set(names) <= set(self.session.references))
        self._show_buttons()

    def _show_rows(self) -> None:
        self.table.show_rows(self.state.rows)
        self.pages.setCurrentIndex(1 if self.state.rows else 0)
        self.sample.setText("Opening …" if self.state.is_reading else "Open the sample")
        for button in (self.sample, self.browse):
            button.setEnabled(not self.state.is_reading)
        self._show_buttons()

    def _show_summary(self) -> None:
        dataset = self.session.dataset
        shown, known = self.table.num_shown(), len(self.state.rows)
        filtered = f"\n{shown} of {known} shown" if shown != known else ""
        lines = escape(self.state.summary + filtered).replace("\n", "<br>")
        self.summary.setText(f"<b>{escape(dataset.name)}</b><br>{lines}" if dataset else "")

    def _show_buttons(self) -> None:
        rows = self.table.selected_rows()
        self.open_case.setText("Show case")
        self.open_case.setEnabled(len(rows) == 1)
        self.annotate.setEnabled(len(rows) == 1)
        self.use_as_reference.setEnabled(bool(rows))
        all_marked = bool(rows) and all(row.is_reference for row in rows)
        self.use_as_reference.setText("No longer a reference" if all_marked else "Use as reference")

    def _show_problems(self) -> None:
        state = self.state
        title = count(len(state.problems), "problem") if state.problems else "No problem found"
        if state.is_checking:
            title = "Checking …"
        is_open = self.session.dataset is not None and not state.is_reading
        self.problems_title.setText(title if is_open or state.problems else "")
        self.check_images.setVisible(is_open)
        can_cancel = state.is_checking and state.can_be_cancelled
        self.check_images.setText("Cancel" if can_cancel else "Check every voxel")
        self.check_images.setEnabled(can_cancel or not state.is_checking)
        self.problems.show_problems(state.problems)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept a folder or a manifest."""
        if event is not None and _dropped(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        path = _dropped(event.mimeData()) if event is not None else None
        if path is not None:
            self.open_path(path)


def _dropped(data: QMimeData | None) -> Path | None:
    if data is None:
        return None
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    return next((path for path in paths if path.is_dir() or path.suffix == ".json"), None)


def _row(*widgets: QWidget, stretch: int | None = None) -> QHBoxLayout:
    layout = QHBoxLayout()
    for at, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if at == stretch else 0)
    return layout
