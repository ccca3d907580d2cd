"""The page of the Data dock on which a reference is painted: classes, help between slices, and what is saved."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from napari_medkd.gui.background import Background
from napari_medkd.gui.state import AnnotateState, OpenedCase, Session
from napari_medkd.gui.widgets.class_list import ClassList
from napari_medkd.gui.widgets.elided_choice import ElidedChoice
from napari_medkd.gui.widgets.problem_list import ProblemList, breakable
from napari_medkd.gui.widgets.row import row_of
from napari_medkd.gui.widgets.sure import is_sure

if TYPE_CHECKING:
    from napari_medkd.core.annotation import Mask
    from napari_medkd.gui.annotation import Annotation

_HELP = (
    "Paint with the mouse; a key picks a class. napari's layer controls have brush size, fill and eraser; "
    "Ctrl+Z takes back a stroke."
)


class AnnotatePage(QWidget):
    """Paints the mask of one case; everything is saved while it is painted.

    Attributes
    ----------
    done
        ``(id)`` of the case, when the mask is saved and painting is over.
    switched
        ``(id, task)``, when another task of the case is wanted and the mask is saved.
    """

    done = Signal(str)
    switched = Signal(str, str)

    def __init__(self, viewer: Any, session: Session) -> None:
        from napari_medkd.gui.presenters.annotate import AUTOSAVE_SECONDS, AnnotatePresenter

        super().__init__()
        self._viewer = viewer
        self._session = session
        self.state = AnnotateState()
        self.presenter = AnnotatePresenter(session, self.state, Background(self))
        self._timer = QTimer(self)
        self._timer.setInterval(round(1000 * AUTOSAVE_SECONDS))
        self._build()
        self._connect()
        viewer.layers.events.removed.connect(self._on_removed)

    def begin(self, opened: OpenedCase, task_name: str = "", start: "Mask | None" = None) -> None:
        """Paint on a case that stands in the viewer, for a task of its dataset or a new one; or correct a mask.

        Raises
        ------
        InputProblem
            Where that is not possible; see `Annotation`.
        """
        from napari_medkd.gui.annotation import Annotation, task_to_paint

        task = task_to_paint(opened.dataset, task_name, start)
        annotation = Annotation(self._viewer, opened.dataset, opened.case, task, opened.layers[0], start)
        self._show_tasks(annotation)
        self.presenter.begin(annotation)
        annotation.layer.events.selected_label.connect(self._show_painted)
        self._session.save_at_closing = self.presenter.save_now
        self._timer.start()
        self._show_painted()
        self._show_saved()

    def _build(self) -> None:
        self.title = QLabel()
        self.title.setWordWrap(True)
        self.tasks = ElidedChoice("Task", "What is painted; of each the dataset has a mask of its own")
        self.finish = QPushButton("Done")
        self.finish.setToolTip("Save, and go back to the list of cases")
        self.discard = QPushButton("Discard")
        self.discard.setToolTip("Go back to the list of cases; the case has no mask then, as before")
        text = QLabel(_HELP)
        text.setWordWrap(True)
        self.classes = ClassList()
        self.add = QPushButton("Add class")
        self.remove = QPushButton("Remove last")
        self.remove.setToolTip("Take the last class off the list; nothing may be painted in it")
        self.interpolate = QPushButton("Interpolate")
        self.interpolate.setToolTip("Fill the slices between painted ones, class by class")
        self.smooth = QPushButton("Smooth")
        self.smooth.setToolTip("Round off all outlines by about a voxel")
        self.hint, self.saved = QLabel(), QLabel()
        for label in (self.hint, self.saved):
            label.setWordWrap(True)
        self.problem = ProblemList()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row_of(self.title, self.discard, self.finish, stretch=0))
        layout.addWidget(self.tasks)
        layout.addWidget(text)
        layout.addWidget(self.classes)
        layout.addLayout(row_of(self.add, self.remove))
        layout.addLayout(row_of(self.interpolate, self.smooth))
        layout.addWidget(self.hint)
        layout.addWidget(self.saved)
        layout.addWidget(self.problem)
        layout.addStretch(1)

    def _connect(self) -> None:
        change = self.presenter.change
        self.classes.chosen.connect(lambda label: change(lambda one: one.choose(label)))
        self.classes.renamed.connect(lambda label, name: change(lambda one: one.rename_class(label, name)))
        self.classes.recoloured.connect(lambda label, colour: change(lambda one: one.recolour_class(label, colour)))
        self.add.clicked.connect(self._add_class)
        self.remove.clicked.connect(lambda: change(lambda one: one.remove_last_class()))
        self.interpolate.clicked.connect(lambda: change(lambda one: one.interpolate()))
        self.smooth.clicked.connect(lambda: change(lambda one: one.smooth()))
        self.finish.clicked.connect(self._end)
        self.discard.clicked.connect(self._discard)
        self.tasks.activated.connect(self._switch)
        self._timer.timeout.connect(self.presenter.look)
        self.state.events.painted.connect(self._show_painted)
        for signal in (self.state.events.saved, self.state.events.problem):
            signal.connect(self._show_saved)

    def _add_class(self) -> None:
        def add(annotation: Any) -> None:
            known = annotation.task.classes
            number = next(n for n in range(len(known), 2 * len(known) + 2) if f"structure {n}" not in known)
            annotation.add_class(f"structure {number}")

        self.presenter.change(add)

    def _show_tasks(self, annotation: "Annotation") -> None:
        """Offer the dataset's tasks, where it has several and what a network drew does not say which."""
        tasks = [task.name for task in annotation.dataset.tasks.values() if task.kind == "segmentation"]
        has_choice = len(tasks) > 1 and not annotation.is_draft
        name, task = (breakable(text) for text in (annotation.case.id, annotation.task.name))
        self.title.setText(f"<b>{name}</b>" + ("" if has_choice else f" · {task}"))
        self.tasks.offer([(name, name) for name in tasks])
        self.tasks.setCurrentIndex(self.tasks.findData(annotation.task.name))
        self.tasks.setVisible(has_choice)

    def _switch(self) -> None:
        """Paint for another task of the same case, once this one's mask is saved."""
        annotation, wanted = self.presenter.annotation, self.tasks.currentData()
        if annotation is not None and wanted != annotation.task.name:
            self.leave(lambda: self.switched.emit(annotation.case.id, wanted))

    def leave(self, then: Callable[[], None]) -> None:
        """Stop painting, if there is any, because something else is wanted; where saving fails, painting goes on."""
        if self.presenter.annotation is None:
            then()
            return

        def over() -> None:
            self._over("")
            then()

        self.presenter.put_away(over)

    def _end(self) -> None:
        annotation = self.presenter.annotation
        if annotation is None:
            self._over("")
            return
        name = annotation.case.id
        self.finish.setEnabled(False)
        self.presenter.finish(lambda: self._over(name))

    def _on_removed(self, event: Any) -> None:
        """End with the layer that a person took off the canvas, as *Done* does; of an untouched draft nothing stays."""
        annotation = self.presenter.annotation
        if annotation is None or event.value is not annotation.layer:
            return
        if self.presenter.is_draft and not self.presenter.has_work:
            self.leave(lambda: None)
        else:
            self._end()

    def _discard(self) -> None:
        if self.presenter.has_work and not self._is_sure():
            return
        self.presenter.discard()
        if self.presenter.annotation is None:
            self._over("")

    def _is_sure(self) -> bool:
        """Return whether the person wants to lose what is painted."""
        annotation = self.presenter.annotation
        name = "" if annotation is None else annotation.case.id
        words = f"{name}\n\nWhat is painted on it is deleted, also from the disk. This cannot be undone."
        return is_sure(self, "Discard this mask?", words)

    def _over(self, name: str) -> None:
        self._timer.stop()
        self._session.save_at_closing = None
        self.finish.setEnabled(True)
        self.done.emit(name)

    def _show_painted(self) -> None:
        painted, annotation = self.state.painted, self.presenter.annotation
        if painted is not None and annotation is not None:
            self.classes.show_classes(painted.classes, int(annotation.layer.selected_label))
            is_broken = any(one.num_missing for one in painted.classes)
            self.interpolate.setEnabled(painted.num_empty > 0 or is_broken)
            self.smooth.setEnabled(painted.num_painted > 0)
            self.remove.setEnabled(len(painted.classes) > 1)
        self.discard.setVisible(self.presenter.can_be_discarded)
        self.hint.setText(self.presenter.hint())

    def _show_saved(self) -> None:
        self.saved.setText(f"Saved at {self.state.saved}." if self.state.saved else "")
        problem = self.state.problem
        self.problem.show_problems(() if problem is None else (problem,))
        if problem is not None:
            self.finish.setEnabled(True)
            if self.presenter.annotation is not None:  # what could not be saved is painted on
                self._show_tasks(self.presenter.annotation)
            QTimer.singleShot(0, self._show_painted)  # a name that was refused goes back, once its editor is closed
