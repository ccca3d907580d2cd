"""The boxes of one task in the dock: a slider for the least score, and a table for each network."""

from collections.abc import Sequence

from psygnal import Signal
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget

from napari_medkd.gui.answers import Answer
from napari_medkd.gui.box_rows import rows_of, summary_of
from napari_medkd.gui.widgets.box_table import BoxTable

_STEPS = 100


class BoxesView(QWidget):
    """Slider and tables.

    Attributes
    ----------
    threshold_changed
        ``(float)`` the person moved the slider.
    box_chosen
        ``(BoxRow)`` the person chose a box in a table.
    """

    threshold_changed = Signal(float)
    box_chosen = Signal(object)

    def __init__(self, answers: Sequence[Answer], threshold: float) -> None:
        super().__init__()
        self.tables: dict[str, BoxTable] = {}
        self._answers = tuple(answers)
        self._titles: list[QLabel] = []
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _STEPS)
        self.slider.setPageStep(5)
        self.slider.setAccessibleName(f"Least score of {answers[0].task.name}")
        self.slider.setToolTip("<p>Boxes of a lower score are hidden, on the canvas as in the tables</p>")
        self.least = QLabel()
        row = QHBoxLayout()
        row.addWidget(QLabel("Score from"))
        row.addWidget(self.slider, 1)
        row.addWidget(self.least)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        heading = QLabel(f"<b>{answers[0].task.name}</b> · {answers[0].prediction.case}")
        heading.setWordWrap(True)
        layout.addWidget(heading)
        layout.addLayout(row)
        for answer in answers:
            title = QLabel()
            title.setWordWrap(True)
            table = BoxTable(answer.task, answer.grid)
            if answer.boxes is not None:
                table.fit(rows_of(answer.boxes, 0.0))
            table.setAccessibleName(f"Boxes of the {answer.title}")
            table.box_chosen.connect(lambda value: self.box_chosen.emit(value))
            self._titles.append(title)
            self.tables[answer.stage] = table
            layout.addWidget(title)
            layout.addWidget(table)
        self.filter(threshold)
        self.slider.valueChanged.connect(lambda value: self.threshold_changed.emit(value / _STEPS))

    def filter(self, threshold: float) -> None:
        """Show the boxes of at least that score."""
        self.least.setText(f"{threshold:.2f}")
        self.slider.blockSignals(True)
        self.slider.setValue(round(threshold * _STEPS))
        self.slider.blockSignals(False)
        for answer, title, table in zip(self._answers, self._titles, self.tables.values(), strict=True):
            if answer.boxes is not None:
                title.setText(f"{answer.title[0].upper()}{answer.title[1:]}: {summary_of(answer.boxes, threshold)}")
                table.show_rows(rows_of(answer.boxes, threshold))
