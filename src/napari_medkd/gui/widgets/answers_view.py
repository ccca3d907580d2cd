"""What the networks said, below each other in the dock: measures of masks, bars of classes, tables of boxes; export."""

from collections.abc import Sequence

from psygnal import Signal
from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_medkd.core.task import Task
from napari_medkd.gui.answers import Answer, by_task
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.verdicts import scores_of
from napari_medkd.gui.widgets.boxes_view import BoxesView
from napari_medkd.gui.widgets.class_bars import ClassBars, NetworkScores
from napari_medkd.gui.widgets.export_button import ExportButton
from napari_medkd.gui.widgets.measures_table import MeasuresTable


class AnswersView(QWidget):
    """A titled table for each mask, bars for each classification, slider and tables for each detection.

    Attributes
    ----------
    class_chosen
        ``(Answer, int)`` the answer in whose table a class was clicked, and the class's label.
    box_chosen
        ``(BoxRow)`` whose row was clicked.
    box_threshold_changed, class_threshold_changed
        ``(float)`` the person chose another least score.
    """

    class_chosen = Signal(object, int)
    box_chosen = Signal(object)
    box_threshold_changed = Signal(float)
    class_threshold_changed = Signal(float)

    def __init__(self, colours: ThemeColours) -> None:
        super().__init__()
        self.answers: tuple[Answer, ...] = ()
        self.tables: dict[str, MeasuresTable] = {}
        self.bars: dict[Task, ClassBars] = {}
        self.boxes: dict[Task, BoxesView] = {}
        self._colours = colours
        self._column = QVBoxLayout()
        self._column.setContentsMargins(0, 0, 0, 0)
        self.export = ExportButton()
        self.saved = QLabel()
        self.saved.setWordWrap(True)
        self.export.saved.connect(lambda files: self._say_saved(f"Saved {files}."))
        self.export.failed.connect(lambda _problem: self._say_saved(""))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._column)
        layout.addWidget(self.export)
        layout.addWidget(self.saved)
        self.show_answers((), 0.5, 0.5)

    def show_answers(
        self, answers: tuple[Answer, ...], box_threshold: float, class_threshold: float, image: str = ""
    ) -> None:
        """Show these answers instead; ``image`` is the name of the file they are about."""
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.answers, self.tables, self.bars, self.boxes = answers, {}, {}, {}
        for answer in answers:
            if answer.is_mask:
                self._add_measures(answer)
        for task, scored in _with_scores(answers).items():
            self._add_bars(task, scored)
        for task, boxed in by_task(answer for answer in answers if answer.boxes is not None).items():
            self._add_boxes(task, boxed, box_threshold)
        self.export.take(answers, image)
        self.export.setVisible(bool(answers))
        self._say_saved("")
        self.filter_boxes(box_threshold)
        self.mark_classes(class_threshold)

    def filter_boxes(self, threshold: float) -> None:
        """Show the boxes of at least that score."""
        self.export.box_threshold = threshold
        for view in self.boxes.values():
            view.filter(threshold)

    def mark_classes(self, threshold: float) -> None:
        """Show which classes are called present from that score on."""
        self.export.class_threshold = threshold
        for task, scored in _with_scores(self.answers).items():
            networks = [NetworkScores(one.title, scores_of(one, threshold)) for one in scored]
            self.bars[task].show_scores(networks, threshold)

    def take_theme(self, colours: ThemeColours) -> None:
        """Draw in other colours."""
        self._colours = colours
        for bars in self.bars.values():
            bars.take_theme(colours)

    def _add_measures(self, answer: Answer) -> None:
        title = _heading(f"<b>{answer.title[0].upper()}{answer.title[1:]}</b> · {answer.prediction.case}")
        title.setToolTip(f"{answer.prediction.made_by}, {answer.prediction.checkpoint}")
        table = MeasuresTable()
        table.setAccessibleName(f"Measures of the {answer.title}")
        table.show_measures(answer.measures, answer.task, has_truth=answer.true_mask is not None)
        table.class_chosen.connect(lambda label: self.class_chosen.emit(answer, label))
        self._column.addWidget(title)
        self._column.addWidget(table)
        self.tables.setdefault(answer.stage, table)

    def _add_bars(self, task: Task, answers: Sequence[Answer]) -> None:
        bars = ClassBars(task, self._colours)
        bars.threshold_changed.connect(lambda value: self.class_threshold_changed.emit(value))
        self._column.addWidget(_heading(f"<b>{task.name}</b> · {answers[0].prediction.case}"))
        self._column.addWidget(bars)
        self.bars[task] = bars

    def _add_boxes(self, task: Task, answers: Sequence[Answer], threshold: float) -> None:
        view = BoxesView(answers, threshold)
        view.threshold_changed.connect(lambda value: self.box_threshold_changed.emit(value))
        view.box_chosen.connect(lambda value: self.box_chosen.emit(value))
        self._column.addWidget(view)
        self.boxes[task] = view

    def _say_saved(self, words: str) -> None:
        self.saved.setText(words)
        self.saved.setVisible(bool(words))


def _with_scores(answers: Sequence[Answer]) -> dict[Task, list[Answer]]:
    return by_task(answer for answer in answers if answer.prediction.scores is not None)


def _heading(words: str) -> QLabel:
    label = QLabel(words)
    label.setWordWrap(True)
    return label
