"""The Data dock: open datasets, see the cases of one and what is wrong with it, show a case, mark reference cases."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout

from napari_medkd.core.words import count
from napari_medkd.files.opening import suffix_of
from napari_medkd.gui.background import Background
from napari_medkd.gui.members import Corrected
from napari_medkd.gui.shown_case import ShownCase
from napari_medkd.gui.state import DataState, OpenedCase
from napari_medkd.gui.study import study_of
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.widgets.annotate_page import AnnotatePage
from napari_medkd.gui.widgets.case_reading import CaseReading
from napari_medkd.gui.widgets.cases_page import CasesPage
from napari_medkd.gui.widgets.dock import Dock, bring_up, dock_of
from napari_medkd.gui.widgets.image_opening import open_images, show_images
from napari_medkd.gui.widgets.labels_page import LabelsPage
from napari_medkd.gui.widgets.problem_list import ProblemList
from napari_medkd.gui.widgets.study_box import StudyBox, dropped_paths
from napari_medkd.gui.widgets.view_row import ViewRow
from napari_medkd.gui.widgets.welcome_page import WelcomePage

if TYPE_CHECKING:
    from napari_medkd.core.annotation import Mask
    from napari_medkd.core.dataset import Case, Dataset
    from napari_medkd.gui.layers import LayerData

SAMPLE_FOLDER = "medkd-sample"

#: No case waits to be painted on: a dataset's folder, a case's id, a task's name, and a mask to start with.
_NOTHING: "tuple[Path | None, str, str, Mask | None]" = (None, "", "", None)


class DataDock(Dock):
    """Opens datasets and shows their cases as layers."""

    def __init__(self, napari_viewer: Any) -> None:
        from napari_medkd.gui.presenters.data import DataPresenter

        super().__init__(napari_viewer, "Data")
        self.state = DataState()
        self.presenter = DataPresenter(
            self.session, self.state, Background(self), is_painting=lambda: bool(self.painted_case)
        )
        self._shown = ShownCase(self.viewer)
        self._painted: Any = None
        self._to_annotate = _NOTHING
        self._build()
        self._connect()
        self._show_rows()
        self._show_problems()

    def first_look(self) -> None:
        """Show the datasets that are open already."""
        self.presenter.show()
        for member in study_of(self.session):
            self.presenter.look_at_headers(member)

    def end(self) -> None:
        """Finish what is painted, as when another case is wanted, and read and look no further."""
        self.annotating.leave(lambda: None)
        self.reading.cancel()
        self.presenter.cancel_opening()
        self.presenter.cancel_check()
        self.presenter.cancel_suggestion()

    def take_theme(self, colours: ThemeColours) -> None:
        """Write how many problems there are in the theme's colour."""
        self.study.list.take_theme(colours)

    def _build(self) -> None:
        self.setAcceptDrops(True)
        self.study = StudyBox(self.colours())
        self.path = self.study.path
        self.problems_title = QLabel()
        self.check_images = QPushButton("Check every voxel")
        self.check_images.setToolTip("Read all images and masks in a process of its own: NaN, foreign labels, grids")
        self.problems = ProblemList()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        layout.addWidget(self.study)
        welcome = WelcomePage()
        self.sample = welcome.sample
        self.pages = QStackedWidget()
        self.pages.addWidget(welcome)
        self.cases = CasesPage(self.session, self.state)
        self.pages.addWidget(self.cases)
        self.reading = CaseReading(self.cases, self._tell_unread)
        self.annotating = AnnotatePage(self.viewer, self.session)
        self.pages.addWidget(self.annotating)
        self.labels = LabelsPage(self.session)
        self.pages.addWidget(self.labels)
        layout.addWidget(self.pages, 1)
        self.view = ViewRow(self.viewer, self.session)
        layout.addWidget(self.view)
        foot = QHBoxLayout()
        foot.addWidget(self.problems_title, 1)
        foot.addWidget(self.check_images)
        layout.addLayout(foot)
        layout.addWidget(self.problems)

    def _connect(self) -> None:
        study, presenter, state = self.study, self.presenter, self.state
        study.added.connect(self.open_path)
        study.cancelled.connect(self.presenter.cancel_opening)
        study.chosen.connect(lambda folder: self.annotating.leave(lambda: self.presenter.choose(folder)))
        study.removed.connect(lambda folder: self.annotating.leave(lambda: self.presenter.remove(folder)))
        study.labels_wanted.connect(lambda: self.annotating.leave(self._edit_labels))
        self.labels.saved.connect(self._take_relabelled)
        self.labels.left.connect(lambda: self.pages.setCurrentWidget(self.cases))
        self.sample.clicked.connect(self.open_sample)
        self.cases.opened.connect(self.show_case)
        self.cases.cancelled.connect(lambda: setattr(self, "_to_annotate", _NOTHING))
        self.cases.annotated.connect(self.annotate)
        references = self.presenter.mark_references
        self.cases.marked.connect(lambda names: references(names, on=not set(names) <= set(self.session.references)))
        self.cases.suggested.connect(
            lambda: presenter.cancel_suggestion() if state.is_suggesting else presenter.suggest()
        )
        self.cases.trained.connect(lambda: bring_up(self.viewer, "Train").begin_from_references())
        self.annotating.done.connect(self._take_annotated)
        self.annotating.switched.connect(lambda name, task: self.annotate(name, task=task))
        self.check_images.clicked.connect(
            lambda: presenter.cancel_check() if state.is_checking else presenter.check_images()
        )
        events = self.state.events
        for signal in (events.rows, events.is_reading):
            signal.connect(self._show_rows)
        events.members.connect(self._show_rows)
        for signal in (events.problems, events.is_checking, events.is_reading):
            signal.connect(self._show_problems)
        open_images(self.viewer, self.state, self.presenter.tell)

    def open_path(self, *paths: Path) -> None:
        """Open the datasets at folders or manifests, beside those that are open, and image files as layers."""
        self.settle()
        self.path.setText(str(paths[0]))
        images = [path for path in paths if suffix_of(path) and path.is_file()]
        datasets = [path for path in paths if path not in images]
        if datasets:
            self.annotating.leave(lambda: self.presenter.open(*datasets))
        show_images(self.viewer, images, self.presenter.tell)

    def _edit_labels(self) -> None:
        """Edit what the labels of the current dataset's masks mean."""
        if self.session.dataset is not None:
            self.labels.begin(self.session.dataset)
            self.pages.setCurrentWidget(self.labels)

    def _take_relabelled(self, dataset: "Dataset") -> None:
        """Take in what labels mean now, and draw the case that is shown with it."""
        opened = self.session.opened
        self.presenter.replace(dataset)
        self.session.corrected = Corrected(dataset.folder.resolve())
        if opened is not None and opened.dataset.folder == dataset.folder:
            self.show_case(opened.case.id)

    def show_case(self, name: str, answer: Path | None = None) -> None:
        """Show a case of the open dataset as layers, in place of the one shown before.

        Parameters
        ----------
        answer
            The folder of a network's prediction of it, to be shown as well.
        """
        dataset = self.session.dataset
        if dataset is None:
            return
        case = dataset.case(name)
        if (dataset.folder, name) != self._to_annotate[:2]:
            self._to_annotate = _NOTHING

        def then(layers: "list[LayerData]") -> None:
            if not self.painted_case:
                self._put_into_viewer(dataset, case, layers, has_answer=answer is not None)

        self.reading.begin(dataset, case, answer, then)

    def _put_into_viewer(
        self, dataset: "Dataset", case: "Case", layers: "list[LayerData]", *, has_answer: bool
    ) -> None:
        from napari_medkd.gui.canvas import outline_truth

        _leave_panels(self.viewer)  # else the case would be drawn in one of them
        shown = self._shown.show(layers)
        if has_answer:
            outline_truth(self.viewer)
        self.session.opened = OpenedCase(dataset, case, shown)
        (*wanted, task, start), self._to_annotate = self._to_annotate, _NOTHING
        # Another dataset may have been chosen meanwhile.
        if wanted == [dataset.folder, case.id] and dataset is self.session.dataset:
            self.annotate(case.id, start, task)

    def _tell_unread(self, error: Exception, name: str) -> None:
        self._to_annotate = _NOTHING
        self.presenter.tell(error, name)

    def open_sample(self) -> None:
        """Open the generated sample; it is written beside the runs folder first, if it is not there."""
        self.settle()
        folder = self.session.runs_folder.parent / SAMPLE_FOLDER
        self.path.setText(str(folder))
        self.annotating.leave(lambda: self.presenter.open_sample(folder))

    @property
    def painted_case(self) -> str:
        """Id of the case that is painted on; empty where none is."""
        annotation = self.annotating.presenter.annotation
        return annotation.case.id if annotation is not None and annotation.is_there else ""

    def annotate(self, name: str, start: "Mask | None" = None, task: str = "") -> None:
        """Paint on a case, which is shown first.

        Parameters
        ----------
        start
            A mask to begin with; None begins with the case's own.
        task
            Of the dataset; empty takes the first.
        """
        from napari_medkd.core.errors import InputProblem
        from napari_medkd.gui.canvas import layer_of

        opened = self.session.opened
        is_other = opened is None or opened.case.id != name or opened.dataset is not self.session.dataset
        if opened is None or is_other or layer_of(self.viewer, opened.layers[0]) is None:
            folder = None if self.session.dataset is None else self.session.dataset.folder
            self._to_annotate = (folder, name, task, start)
            self.show_case(name)
            return
        self._to_annotate = _NOTHING
        self.reading.cancel()  # a case that is being read would come under the brush
        _leave_panels(self.viewer)
        try:
            self.annotating.begin(opened, task, start)
        except InputProblem as error:
            self.presenter.tell(error, name)
            return
        self._painted = self.annotating.presenter.annotation
        self.pages.setCurrentWidget(self.annotating)

    def _take_annotated(self, name: str) -> None:
        """Go back to the cases; the one that was painted is a reference, and where nothing was, no layer is left."""
        painted, self._painted = self._painted, None
        has_mask = painted is not None and painted.task.name in painted.dataset.case(painted.case.id).annotations
        if painted is not None and not has_mask:
            painted.remove()
        elif painted is not None:
            self._shown.adopt(painted.layer)
        self.presenter.show()
        self.pages.setCurrentWidget(self.cases)
        if painted is not None and self.annotating.state.saved:
            self.session.corrected = Corrected(painted.dataset.folder.resolve(), painted.case.id)
        if name and painted is not None and has_mask:
            self.presenter.mark_references([name], on=True, folder=painted.dataset.folder.resolve())

    def _show_rows(self) -> None:
        self.cases.show_rows()
        self.study.show_members(self.state.members)
        self.study.show_reading(self.state.is_reading)
        is_editing = self.pages.currentWidget() is self.labels and self.labels.is_about(self.session.dataset)
        if self.annotating.presenter.annotation is None and not is_editing:
            self.pages.setCurrentIndex(1 if self.state.members else 0)
        self.sample.setText("Opening …" if self.state.is_reading else "Open the sample")
        self.sample.setEnabled(not self.state.is_reading)
        self.cases.show_buttons()

    def _show_problems(self) -> None:
        state = self.state
        title = count(len(state.problems), "problem") if state.problems else "No problem found"
        if state.is_checking or state.is_reading:
            title = "Opening …" if state.is_reading else "Checking …"
        is_open = self.session.dataset is not None and not state.is_reading
        self.problems_title.setText(title if is_open or state.problems or state.is_reading else "")
        self.check_images.setVisible(is_open)
        can_cancel = state.is_checking and state.can_be_cancelled
        self.check_images.setText("Cancel" if can_cancel else "Check every voxel")
        self.check_images.setEnabled(can_cancel or not state.is_checking)
        self.problems.show_problems(state.problems)

    def dragEnterEvent(self, event: QDragEnterEvent | None) -> None:
        """Accept folders, manifests and images."""
        if event is not None and dropped_paths(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent | None) -> None:
        """Open what was dropped."""
        paths = [] if event is None else dropped_paths(event.mimeData())
        if paths:
            self.open_path(*paths)


def _leave_panels(viewer: Any) -> None:
    """Take away what stands side by side and hides the person's layers: what is shown or painted on shall be seen."""
    results = dock_of(viewer, "Results")
    if results is not None:
        results.transfer.presenter.leave()
        results.presenter.leave_comparison()
