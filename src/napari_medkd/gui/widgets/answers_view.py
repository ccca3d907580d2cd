"""The tables of what the networks said, each under its network's title, and their export."""

from pathlib import Path

from psygnal import Signal
from qtpy.QtWidgets import QFileDialog, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_medkd.core.errors import InputProblem
from napari_medkd.gui.answers import Answer, as_csv
from napari_medkd.gui.widgets.measures_table import MeasuresTable


class AnswersView(QWidget):
    """A titled table for each answer; nothing where there is none.

    Attributes
    ----------
    class_chosen
        ``(Answer, int)`` the answer in whose table a class was clicked, and the class's label.
    failed
        ``(str)`` why the tables could not be saved.
    """

    class_chosen = Signal(object, int)
    failed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.answers: tuple[Answer, ...] = ()
        self.tables: dict[str, MeasuresTable] = {}
        self._column = QVBoxLayout()
        self._column.setContentsMargins(0, 0, 0, 0)
        self.export = QPushButton("Export CSV …")
        self.export.setToolTip("Save the tables, one line for each network and class")
        self.export.clicked.connect(self._choose_file)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(self._column)
        layout.addWidget(self.export)
        self.show_answers(())

    def show_answers(self, answers: tuple[Answer, ...]) -> None:
        """Show these answers instead."""
        while (item := self._column.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.answers, self.tables = answers, {}
        for answer in answers:
            self._add(answer)
        self.export.setVisible(bool(answers))

    def _add(self, answer: Answer) -> None:
        title = QLabel(f"<b>{answer.title[0].upper()}{answer.title[1:]}</b> · {answer.prediction.case}")
        title.setWordWrap(True)
        title.setToolTip(f"{answer.prediction.made_by}, {answer.prediction.checkpoint}")
        table = MeasuresTable()
        table.setAccessibleName(f"Measures of the {answer.title}")
        table.show_measures(answer.measures, answer.prediction.task, has_truth=answer.truth is not None)
        table.class_chosen.connect(lambda label: self.class_chosen.emit(answer, label))
        self._column.addWidget(title)
        self._column.addWidget(table)
        self.tables[answer.stage] = table

    def _choose_file(self) -> None:
        case = self.answers[0].prediction.case
        path, _ = QFileDialog.getSaveFileName(self, "Export the tables", f"{case}.csv", "CSV (*.csv)")
        if path:
            self.export_to(Path(path))

    def export_to(self, path: Path) -> None:
        """Write the tables as CSV."""
        from napari_medkd.files.atomic import write_text

        try:
            write_text(path, as_csv(self.answers))
        except (InputProblem, OSError) as error:
            self.failed.emit(str(error))
