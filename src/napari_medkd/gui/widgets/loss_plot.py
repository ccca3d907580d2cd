"""Live curves: every loss term above, every score below, of one stage at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QCoreApplication, QEvent, QSize, Qt
from qtpy.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from napari_medkd.gui.following import Trace, Traces
from napari_medkd.gui.networks import name_of
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.widgets.elided_choice import ElidedChoice

if TYPE_CHECKING:
    from napari_medkd.core.status import RunStatus

_LEAST_HEIGHT = 96
_WIDTH_OF_AXIS = 46
_LINE_WIDTH = 1.8
_SCORE = "score"
_STAGE = "stage"
#: More stages than these, such as those of a run on several datasets, stand in a list.
_MOST_BUTTONS = 3


class LossPlot(QWidget):
    """Two plots under a row of stages; follows the stage that trains until a person picks one."""

    def __init__(self, colours: ThemeColours) -> None:
        super().__init__()
        import pyqtgraph  # type: ignore[import-untyped] # 0.1 s: loaded with the first plot, not with the dock

        self._pyqtgraph: Any = pyqtgraph
        self._colours = colours
        self._traces = Traces()
        self._live_stage = ""
        self._picked = ""
        self._score_title: Callable[[str], str] = str
        self._planned: Mapping[str, int] = {}
        self._shows_all = True
        self._shown_steps = 0.0
        self._shown_heights = (0.0, 0.0)
        self._drawn: dict[tuple[str, str], Any] = {}
        self._buttons = QButtonGroup(self)
        self._buttons.setExclusive(True)
        self._build()
        self.take_theme(colours)

    @property
    def stage(self) -> str:
        """The stage that is shown."""
        stages = self._traces.stages
        if self._picked in stages:
            return self._picked
        return self._live_stage if self._live_stage in stages else (stages[-1] if stages else "")

    def show_traces(self, traces: Traces, status: "RunStatus", score_title: Callable[[str], str]) -> None:
        """Draw these lines; cheap where they are the ones that are drawn.

        Parameters
        ----------
        status
            Tells the stage that trains, and how many steps each has.
        score_title
            Says of a stage what its scores are.
        """
        self._score_title = score_title
        self._planned = {plan.name: plan.steps for plan in status.plan}
        live_stage = status.stage
        if traces is self._traces and live_stage == self._live_stage:
            return
        if traces.stages != self._traces.stages:
            self._show_stages(traces.stages)
        self._traces, self._live_stage = traces, live_stage
        self._draw()

    def settle(self) -> None:
        """Let the plots say now which of their parts are to be drawn anew."""
        for plot in (self._losses, self._scores):
            QCoreApplication.sendPostedEvents(plot.scene(), int(QEvent.Type.MetaCall))

    def take_theme(self, colours: ThemeColours) -> None:
        """Draw in other colours."""
        self._colours = colours
        for plot in (self._losses, self._scores):
            plot.setBackground(colours.background)
            for name in ("left", "bottom"):
                axis = plot.getAxis(name)
                axis.setPen(colours.secondary)
                axis.setTextPen(colours.text)
        self._clear()
        self._draw()

    def _build(self) -> None:
        self._stage_row = QHBoxLayout()
        self._stage_row.setContentsMargins(0, 0, 0, 0)
        self.stages = ElidedChoice("Stage", "The stage whose curves are shown")
        self.stages.activated.connect(lambda at: self._pick(str(self.stages.itemData(at))))
        self._stage_row.addWidget(self.stages, 4)
        self._stage_row.addStretch(1)
        self.log_scale = QCheckBox("log")
        self.log_scale.setToolTip("Logarithmic axis for the losses")
        self.log_scale.toggled.connect(self._set_log)
        self._stage_row.addWidget(self.log_scale)
        self._losses, self._scores = self._plot(), self._plot()
        self._scores.setYRange(0, 1)
        self._losses.setXLink(self._scores)
        self._losses.getAxis("bottom").setStyle(showValues=False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(self._stage_row)
        self._loss_legend, self._score_legend = _legend(), _legend()
        for legend, plot in ((self._loss_legend, self._losses), (self._score_legend, self._scores)):
            layout.addWidget(legend)
            layout.addWidget(_Low(plot), 1)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)

    def _plot(self) -> Any:
        plot = self._pyqtgraph.PlotWidget()
        plot.setMinimumHeight(_LEAST_HEIGHT)
        plot.showGrid(x=False, y=True, alpha=0.2)
        plot.setMenuEnabled(False)
        plot.hideButtons()
        plot.setMouseEnabled(x=True, y=False)
        plot.disableAutoRange()
        plot.getAxis("left").setWidth(_WIDTH_OF_AXIS)
        plot.setToolTip("Drag to move along the steps, wheel to zoom, double-click to see all")
        plot.scene().sigMouseClicked.connect(self._clicked)
        plot.getViewBox().sigRangeChangedManually.connect(self._zoomed)
        return plot

    def _show_stages(self, stages: Sequence[str]) -> None:
        for button in self._buttons.buttons():
            self._buttons.removeButton(button)
            button.hide()
            button.deleteLater()
        are_many = len(stages) > _MOST_BUTTONS
        for at, stage in enumerate(() if are_many else stages):
            button = QPushButton(name_of(stage))
            button.setProperty(_STAGE, stage)
            button.setCheckable(True)
            button.clicked.connect(lambda _=False, stage=stage: self._pick(stage))
            self._buttons.addButton(button)
            self._stage_row.insertWidget(at, button)
        self.stages.setVisible(are_many)
        self.stages.offer([(stage, name_of(stage)) for stage in stages] if are_many else [])

    def _pick(self, stage: str) -> None:
        self._picked = "" if stage == self._live_stage else stage
        self._draw()

    def _clicked(self, event: Any) -> None:
        if event.double():
            self._shows_all = True
            self._shown_steps = 0.0
            self._draw()

    def _zoomed(self) -> None:
        self._shows_all = False

    def _set_log(self, is_on: bool) -> None:
        self._losses.setLogMode(y=is_on)
        self._draw()

    def _fit_ranges(self, shown: Iterable[Trace], losses: Sequence[Trace]) -> None:
        """Set ranges that seldom change: each change draws both plots with their axes once more."""
        last = max([float(trace.steps[-1]) for trace in shown] + [float(self._planned.get(self.stage, 1))])
        if self._shows_all and last != self._shown_steps:
            self._shown_steps = last
            self._scores.setXRange(0, last, padding=0.02)
        heights = _heights(losses, self.log_scale.isChecked())
        if heights is not None and heights != self._shown_heights:
            self._shown_heights = heights
            self._losses.setYRange(*heights, padding=0)

    def _draw(self) -> None:
        for button in self._buttons.buttons():
            button.setChecked(button.property(_STAGE) == self.stage)
        self.stages.setCurrentIndex(self.stages.findData(self.stage))
        shown = {("loss", trace.name): trace for trace in self._traces.losses if trace.stage == self.stage} | {
            ("score", trace.name): trace for trace in self._traces.metrics if trace.stage == self.stage
        }
        if set(shown) != set(self._drawn):
            self._clear()
            self._add_lines(shown)
        for key, trace in shown.items():
            self._drawn[key].setData(*_drawable(trace, self.log_scale.isChecked() and key[0] == "loss"))
        losses = [trace for (kind, _), trace in shown.items() if kind == "loss"]
        self._fit_ranges(shown.values(), losses)
        self._loss_legend.setText(self._legend_text("Loss terms, by step", losses))
        scores = [trace for (kind, _), trace in shown.items() if kind == "score"]
        self._score_legend.setText(self._legend_text(self._score_title(self.stage), scores))

    def _legend_text(self, title: str, traces: Sequence[Trace]) -> str:
        entries = [
            f"<span style='color:{self._colour(trace.name, at)}'>■</span>&nbsp;{_in_words(trace.name)}"
            f"&nbsp;<b>{_short(trace.values[-1])}</b>"
            for at, trace in enumerate(traces)
        ]
        return f"<b>{title}</b><br>{' &nbsp; '.join(entries)}" if entries else f"<b>{title}</b>: none yet"

    def _colour(self, name: str, at: int) -> str:
        return self._colours.text if name == _SCORE else self._colours.lines[at % len(self._colours.lines)]

    def _add_lines(self, shown: Mapping[tuple[str, str], Trace]) -> None:
        numbers = {"loss": 0, "score": 0}
        for key in shown:
            kind, name = key
            colour = self._colour(name, numbers[kind])
            numbers[kind] += 1
            style = Qt.PenStyle.DashLine if name == _SCORE else Qt.PenStyle.SolidLine
            pen = self._pyqtgraph.mkPen(colour, width=_LINE_WIDTH, style=style)
            plot = self._losses if kind == "loss" else self._scores
            marks = (
                {}
                if kind == "loss"
                else {"symbol": "o", "symbolSize": 4, "symbolPen": None, "symbolBrush": pen.color()}
            )
            self._drawn[key] = plot.plot(pen=pen, **marks)

    def _clear(self) -> None:
        for plot in (self._losses, self._scores):
            plot.clear()
        self._drawn = {}


class _Low(QWidget):
    """Holds a plot that takes what height there is, and asks for little."""

    def __init__(self, plot: QWidget) -> None:
        super().__init__()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(plot)

    def sizeHint(self) -> QSize:
        return QSize(_LEAST_HEIGHT, _LEAST_HEIGHT)


def _legend() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.RichText)
    return label


def _drawable(trace: Trace, is_log: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the points that can be drawn: a diverged loss has none at its end, a logarithm none at 0."""
    fits = np.isfinite(trace.values) & ((trace.values > 0) | (not is_log))
    return trace.steps[fits], trace.values[fits]


def _heights(losses: Iterable[Trace], is_log: bool) -> tuple[float, float] | None:
    """Return the range of the axis, in powers of ten where it is logarithmic; None where there is nothing to draw."""
    values = np.concatenate([np.empty(0), *(_drawable(trace, is_log)[1] for trace in losses)])
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    if is_log:
        return floor(2 * log10(low)) / 2, ceil(2 * log10(high) + 0.1) / 2
    return min(0.0, low), 1.05 * high if high > 0 else 1.0


def _short(value: float) -> str:
    return f"{value:.3f}" if 0.001 <= abs(value) < 10 else f"{value:.3g}"


def _in_words(name: str) -> str:
    """Return a curve's name, which is never broken: a line ends between two names."""
    return escape(name.replace("_", " ")).replace(" ", "&nbsp;").replace("-", "&#8209;")
