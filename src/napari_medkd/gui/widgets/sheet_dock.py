"""The Sheet dock: every case a student was asked about; one is opened, or corrected as a reference."""

from html import escape
from typing import TYPE_CHECKING, Any

from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout

from napari_medkd.gui.background import Background
from napari_medkd.gui.canvas import layer_of, show_slice
from napari_medkd.gui.finished_run import Drawn, finished_run
from napari_medkd.gui.followers import followers_of
from napari_medkd.gui.presenters.sheet import SheetPresenter, busy_elsewhere, left_behind, legend_of, why_not_corrected
from napari_medkd.gui.presenters.thumbnails import Thumbnails
from napari_medkd.gui.presenters.words import run_in_short
from napari_medkd.gui.state import SheetRow, SheetState
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.widgets.dock import Dock, bring_up, dock_of
from napari_medkd.gui.widgets.problem_list import ProblemList
from napari_medkd.gui.widgets.sheet_view import SheetView

if TYPE_CHECKING:
    from napari_medkd.core.annotation import Mask
    from napari_medkd.gui.finished_run import FinishedRun

_HELP = "A double click shows a case with the student's mask."


class SheetDock(Dock):
    """Joins the sheet, its decisions, and the Data dock, which shows and annotates cases."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Sheet")
        self.state = SheetState()
        self.presenter = SheetPresenter(self.session, self.state, Background(self))
        self.thumbnails = Thumbnails(Background(self))
        self._expected: SheetRow | None = None
        self._build()
        self._connect()
        self._show_rows()
        self._show_summary()

    def first_look(self) -> None:
        """Look for answers."""
        self.presenter.look()

    def take_theme(self, colours: ThemeColours) -> None:
        """Draw the tiles in the theme's colours."""
        self.view.take_theme(colours)

    def open_row(self, row: SheetRow) -> None:
        """Show a case with the student's mask."""
        data = dock_of(self.viewer, "Data") or bring_up(self.viewer, "Data")
        self.state.problems = busy_elsewhere(data.painted_case)
        if not self.state.problems:
            self._expected = row
            data.show_case(row.answer.case, row.answer.folder)

    def correct(self, row: SheetRow) -> None:
        """Open a case for annotation, with the student's mask to begin with."""
        dataset, run = self.session.dataset, self.session.run

        def then(found: "tuple[Mask, FinishedRun | None]") -> None:
            data, (mask, finished) = bring_up(self.viewer, "Data"), found
            case = row.answer.case
            self.state.problems = left_behind(case, dataset, self.session.dataset) or busy_elsewhere(data.painted_case)
            if not self.state.problems:
                self._expected = row
                self.session.drawn = None if finished is None else Drawn(case, finished)
                data.annotate(case, mask)

        Background(self)(
            lambda: (self.presenter.draft(row.answer), None if run is None else finished_run(run)),
            then,
            lambda error: self.presenter.tell(error, row.answer.case),
        )

    def _build(self) -> None:
        self.heading, self.summary, self.legend, self.advice = (QLabel() for _ in range(4))
        for label in (self.heading, self.summary, self.legend, self.advice):
            label.setWordWrap(True)
        # As high with one line as with two, so that the sheet does not move while one goes through it.
        self.advice.setMinimumHeight(2 * self.advice.fontMetrics().lineSpacing())
        self.view = SheetView(self.colours())
        self.show_case = QPushButton("Show case")
        self.show_case.setToolTip("<p>Show the case with the student's mask as layers (or double-click it)</p>")
        self.correct_case = QPushButton("Correct and add as reference")
        self.correct_case.setToolTip(
            "<p>Correct the student's mask in the Data dock; Done makes it a reference beside those there are</p>"
        )
        self.problems = ProblemList()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 6, 6, 6)
        for widget in (self.heading, self.summary, self.legend):
            layout.addWidget(widget)
        layout.addWidget(self.view, 1)
        buttons = QHBoxLayout()
        buttons.addWidget(self.show_case)
        buttons.addWidget(self.correct_case, 1)
        layout.addLayout(buttons)
        layout.addWidget(self.advice)
        layout.addWidget(self.problems)

    def _connect(self) -> None:
        followers_of(self.session).heard.connect(self.presenter.hear)
        self.view.opened.connect(self.open_row)
        self.view.chosen.connect(self._show_buttons)
        self.view.in_sight.connect(self.thumbnails.prefer)
        self.show_case.clicked.connect(lambda: self._with_chosen(self.open_row))
        self.correct_case.clicked.connect(lambda: self._with_chosen(self.correct))
        self.thumbnails.made.connect(self.view.show_thumbnail)
        self.thumbnails.failed.connect(lambda answer, error: self.presenter.tell(error, answer.case))
        self.session.events.opened.connect(self._go_to_slice)
        self.session.events.run.connect(self._show_summary)
        self.session.events.dataset.connect(self._show_colours)
        events = self.state.events
        events.rows.connect(self._show_rows)
        events.summary.connect(self._show_summary)
        events.problems.connect(lambda: self.problems.show_problems(self.state.problems))

    def _with_chosen(self, act: Any) -> None:
        row = self.view.row()
        if row is not None:
            act(row)

    def _show_rows(self) -> None:
        self.view.show_rows(self.state.rows)
        self._show_colours()

    def _show_colours(self) -> None:
        rows, dataset = self.state.rows, self.session.dataset
        self.thumbnails.want(dataset, [row.answer for row in rows])
        classes = [] if dataset is None else legend_of(rows, dataset)
        spans = [f"<span style='color:{colour}'>■</span>&nbsp;{escape(name)}" for name, colour in classes]
        self.legend.setText(" &nbsp; ".join(spans))
        self.legend.setVisible(bool(classes))

    def _show_summary(self) -> None:
        run = self.session.run
        self.heading.setText(f"<b>{escape(run_in_short(run.name))}</b>" if run is not None else "<b>Sheet</b>")
        self.summary.setText(self.state.summary)

    def _show_buttons(self, row: SheetRow | None) -> None:
        advice = "" if row is None else why_not_corrected(row)
        self.show_case.setEnabled(row is not None)
        self.correct_case.setEnabled(row is not None and not advice)
        self.advice.setText(advice or _HELP)

    def _go_to_slice(self) -> None:
        """Show the slice that is on the sheet, once its case stands in the viewer."""
        opened, row = self.session.opened, self._expected
        if opened is None or row is None or opened.case.id != row.answer.case:
            return
        self._expected = None
        thumbnail, image = self.thumbnails.of(row.answer), layer_of(self.viewer, opened.layers[0])
        if thumbnail is not None and image is not None:
            show_slice(self.viewer, image, thumbnail.z)
