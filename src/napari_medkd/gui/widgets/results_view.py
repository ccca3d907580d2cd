"""The Results dock's layout: choices, buttons, side-by-side controls and tables. Shows what it is told."""

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFormLayout,
    QFrame,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_medkd.gui.colours import ONLY_FIRST, ONLY_SECOND, OTHER_CLASS
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.widgets.all_cases_box import AllCasesBox
from napari_medkd.gui.widgets.answers_view import AnswersView
from napari_medkd.gui.widgets.elided_choice import ElidedChoice
from napari_medkd.gui.widgets.plane_buttons import PlaneButtons
from napari_medkd.gui.widgets.problem_list import ProblemList
from napari_medkd.gui.widgets.row import row_of

_MARGIN = 6


class ResultsView(QScrollArea):
    """Everything in the dock, scrolled where it is too low."""

    def __init__(
        self, all_cases: AllCasesBox, planes: PlaneButtons, colours: ThemeColours, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.all_cases, self.planes = all_cases, planes
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        layout = QVBoxLayout(inside)
        layout.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        layout.addWidget(self._question())
        layout.addWidget(self.all_cases)
        layout.addWidget(self._canvas())
        self.answers = AnswersView(colours)
        layout.addWidget(self.answers)
        layout.addStretch(1)
        self.setWidget(inside)

    def _question(self) -> QWidget:
        box = QWidget()
        self.run, self.picture = (
            ElidedChoice("Run", "A run of the runs folder"),
            ElidedChoice("Image", "An image layer"),
        )
        self.networks, self.network_row = QButtonGroup(self), QVBoxLayout()
        self.network_row.setSpacing(2)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        form.addRow("Run", self.run)
        form.addRow("Image", self.picture)
        form.addRow("Network", self.network_row)
        self.predict = QPushButton("Predict")
        self.predict.setToolTip("Ask the network about the image, in a process of its own")
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Stop the prediction")
        self.progress = QProgressBar()
        self.progress.setRange(0, 0)
        self.progress.setTextVisible(False)
        self.progress.setFixedHeight(6)
        self.busy = _words()
        self.problems = ProblemList()
        self.log = QPushButton("Open log")
        layout = QVBoxLayout(box)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(form)
        layout.addLayout(row_of(self.predict, self.stop))
        for widget in (self.progress, self.busy, self.problems, self.log):
            layout.addWidget(widget)
        return box

    def _canvas(self) -> QWidget:
        box = QGroupBox("On the canvas")
        self.compare = QPushButton("Compare")
        self.compare.setCheckable(True)
        self.compare.setToolTip("Teacher, student and their difference, with one camera and one set of sliders")
        self.difference = ElidedChoice("Difference", "Which two masks the third panel compares")
        self.legend = _words()
        self.legend.setTextFormat(Qt.TextFormat.RichText)
        self.scores = QCheckBox("Write class scores on the image")
        self.scores.setToolTip("In a corner of the canvas; side by side they stand beneath the titles in any case")
        self.scores.setChecked(True)
        self.preview = QCheckBox("Show what a training run predicts")
        self.preview.setToolTip("Overlay the newest preview of a live run on its case, while that case is open")
        layout = QVBoxLayout(box)
        layout.addWidget(self.compare)
        layout.addLayout(_labelled("Difference", self.difference))
        layout.addWidget(self.legend)
        layout.addWidget(self.planes)
        layout.addWidget(self.scores)
        layout.addWidget(self.preview)
        self.on_canvas = layout
        return box

    def show_networks(self, networks: Sequence[tuple[str, str, str]], chosen: str) -> None:
        """Offer the networks, as (stage, words, tip); where they are offered already, the focus stays among them."""
        offered = [(button.property("stage"), button.text()) for button in self.networks.buttons()]
        if offered != [(stage, words) for stage, words, _ in networks]:
            self._offer_anew(networks)
        for button, (stage, _, tip) in zip(self.networks.buttons(), networks, strict=True):
            button.setToolTip(tip)
            button.setChecked(stage == chosen)

    def _offer_anew(self, networks: Sequence[tuple[str, str, str]]) -> None:
        for button in self.networks.buttons():
            self.networks.removeButton(button)
            self.network_row.removeWidget(button)
            button.hide()  # until it is deleted it would stand where the layout left it
            button.deleteLater()
        for stage, words, _ in networks:
            button = QRadioButton(words)
            button.setProperty("stage", stage)
            self.networks.addButton(button)
            self.network_row.addWidget(button)

    def show_busy(self, busy: str, advice: str) -> None:
        """Say what is being done, or why nothing can be."""
        self.progress.setVisible(bool(busy))
        self.busy.setText(busy or advice)
        self.busy.setVisible(bool(busy or advice))
        self.predict.setEnabled(not busy and not advice)
        self.stop.setEnabled(bool(busy))

    def show_legend(self, pair: tuple[str, str]) -> None:
        """Explain the difference panel's colours; nothing where no pair is chosen."""
        first, second = pair
        marks = ((ONLY_FIRST, f"only {first}"), (ONLY_SECOND, f"only {second}"), (OTHER_CLASS, "other class"))
        spans = [_swatch(colour) + words.replace(" ", "&nbsp;") for colour, words in marks]
        self.legend.setText(" &nbsp; ".join(spans))
        self.legend.setVisible(bool(first))


def fill(combo: QComboBox, items: Sequence[tuple[str, Any, str]], chosen: Any) -> None:
    """Show these choices, as (words, value, tip), without saying that one was made."""
    combo.blockSignals(True)
    combo.clear()
    for words, value, tip in items:
        combo.addItem(words, value)
        combo.setItemData(combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
    values = [value for _, value, _ in items]
    combo.setCurrentIndex(values.index(chosen) if chosen in values else -1)
    combo.setEnabled(bool(items))
    combo.blockSignals(False)


def _swatch(colour: str) -> str:
    return f"<span style='color:{colour}'>■</span>&nbsp;"


def _words() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    return label


def _labelled(words: str, widget: QWidget) -> QHBoxLayout:
    layout = QHBoxLayout()
    layout.addWidget(QLabel(words))
    layout.addWidget(widget, 1)
    return layout
