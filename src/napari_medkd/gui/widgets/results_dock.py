"""The Results dock: ask a run's networks about the open image, measure them, and put them side by side."""

from typing import Any

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QVBoxLayout

from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.gui.background import Background
from napari_medkd.gui.followers import followers_of
from napari_medkd.gui.networks import Network, name_of
from napari_medkd.gui.offered_pictures import OfferedPictures
from napari_medkd.gui.presenters.predicting import Predicting
from napari_medkd.gui.presenters.results import ResultsPresenter
from napari_medkd.gui.presenters.selection import Selection
from napari_medkd.gui.presenters.side_by_side import sides_of
from napari_medkd.gui.presenters.words import run_in_short
from napari_medkd.gui.preview import LivePreview
from napari_medkd.gui.shown_answers import ShownAnswers
from napari_medkd.gui.state import ResultsState
from napari_medkd.gui.theme import ThemeColours
from napari_medkd.gui.widgets.all_cases_box import AllCasesBox
from napari_medkd.gui.widgets.dock import Dock, bring_up
from napari_medkd.gui.widgets.plane_buttons import PlaneButtons
from napari_medkd.gui.widgets.results_view import ResultsView, fill
from napari_medkd.gui.widgets.transfer_button import TransferButton


class ResultsDock(Dock):
    """Joins viewer, decisions and layout."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__(napari_viewer, "Results")
        followers = followers_of(self.session)
        self.state = ResultsState()
        self.selection = Selection(self.session, self.state, Background(self))
        predicting = Predicting(followers, Background(self))
        self.presenter = ResultsPresenter(self.state, self.selection, predicting)
        self.shown = ShownAnswers(napari_viewer, self.state)
        self.comparison = self.shown.comparison
        self.pictures = OfferedPictures(napari_viewer, self.session, self.state, self.selection)
        self.transfer = TransferButton(napari_viewer, self.session, self.state, self.comparison)
        self.preview = LivePreview(
            napari_viewer,
            self.session,
            Background(self),
            may_draw=lambda: not (self.comparison.is_shown or self.is_over),
        )
        followers.heard.connect(predicting.hear)
        followers.failed.connect(predicting.fail)
        self.preview.said.connect_setattr(self.state, "preview", maxargs=1)
        self.view = ResultsView(AllCasesBox(self.session), PlaneButtons(napari_viewer), self.colours(), self)
        self.view.on_canvas.addWidget(self.transfer)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        self._connect_view()
        self._connect_state()
        self.comparison.ended.connect(self.presenter.leave_comparison)
        self.pictures.changed.connect(self.shown.keep_only)
        self.pictures.look()

    def first_look(self) -> None:
        """Look for runs."""
        self.look_again()

    def look_again(self) -> None:
        """Look for new runs."""
        self.selection.list_runs()

    def end(self) -> None:
        """Take panels, preview and words off the canvas, and stop what is predicted; the answers' layers stay."""
        self.pictures.end()
        self.transfer.presenter.leave()
        self.state.panels = ()
        self.shown.let_go()
        self.presenter.start_anew()
        self.preview.switch(False)
        self.preview.layers.clear()

    def take_theme(self, colours: ThemeColours) -> None:
        """Draw the bars in other colours."""
        self.view.answers.take_theme(colours)

    def _connect_view(self) -> None:
        view = self.view
        view.run.activated.connect(lambda: self.selection.choose_run(view.run.currentData()))
        view.run.activated.connect(lambda: followers_of(self.session).hear_again(view.run.currentData()))
        view.picture.activated.connect(lambda: self.selection.choose_picture(view.picture.currentData()))
        view.networks.buttonClicked.connect(lambda one: self.selection.choose_network(one.property("stage")))
        view.predict.clicked.connect(self.transfer.presenter.leave)
        view.predict.clicked.connect(lambda: self.presenter.predict())
        view.stop.clicked.connect(self.presenter.stop)
        view.compare.clicked.connect(self.presenter.switch_comparison)
        view.compare.clicked.connect(self._show_compare_button)
        view.difference.activated.connect(lambda: self.presenter.choose_difference(view.difference.currentData()))
        view.preview.setChecked(True)
        view.preview.toggled.connect(self.preview.switch)
        view.scores.toggled.connect(self.shown.switch_scores)
        answers = view.answers
        answers.class_chosen.connect(lambda *one: self.shown.jump_to_class(self.selection.picture, *one))
        answers.box_chosen.connect(lambda box: self.shown.jump_to_box(self.selection.picture, box.middle))
        answers.box_threshold_changed.connect(self.presenter.choose_box_threshold)
        answers.class_threshold_changed.connect(self.presenter.choose_class_threshold)
        answers.export.failed.connect(self._complain)
        view.log.clicked.connect(self._open_log)
        view.all_cases.sheet.clicked.connect(lambda: bring_up(self.viewer, "Sheet"))

    def _connect_state(self) -> None:
        events = self.state.events
        for signal, shown in (
            (events.runs, self._show_runs),
            (self.session.events.run, self._show_runs),
            (
                self.session.events.run,
                lambda: self.shown.hide_other_runs(self.session.run.name if self.session.run else ""),
            ),
            (events.pictures, self._show_pictures),
            (events.picture, self._show_pictures),
            (events.networks, self._show_networks),
            (events.network, self._show_networks),
            (events.busy, self._show_busy),
            (events.advice, self._show_busy),
            (events.message, self._show_message),
            (events.answers, self._show_answers),
            (events.box_threshold, lambda: self.view.answers.filter_boxes(self.state.box_threshold)),
            (events.box_threshold, lambda: self.preview.layers.filter_boxes(self.state.box_threshold)),
            (events.class_threshold, lambda: self.view.answers.mark_classes(self.state.class_threshold)),
            (events.differences, self._show_differences),
            (events.difference, self._show_differences),
            (events.panels, self._show_panels),
            (events.transfer, self._draw_what_waited),
        ):
            signal.connect(shown)
            shown()

    def _show_runs(self) -> None:
        runs = [(run_in_short(name), path, name) for path, name in self.state.runs]
        run = self.session.run
        if run is not None and run not in [path for _, path, _ in runs]:
            runs.insert(0, (run_in_short(run.name), run, run.name))
        fill(self.view.run, runs, run)
        self.view.run.setPlaceholderText("Choose a run" if runs else "No runs yet")

    def _show_pictures(self) -> None:
        pictures = [(one.name, one.key, str(one.source or one.name)) for one in reversed(self.state.pictures)]
        fill(self.view.picture, pictures, self.state.picture)
        self.view.picture.setPlaceholderText("No image is open")

    def _show_networks(self) -> None:
        self.view.show_networks([_offered(one) for one in self.state.networks], self.state.network)

    def _show_busy(self) -> None:
        self.view.show_busy(self.state.busy, self.state.advice)
        self._show_compare_button()

    def _show_compare_button(self) -> None:
        state = self.state
        ready = not state.busy and (not state.advice or bool(state.answers))
        self.view.compare.setEnabled(bool(state.panels) or ready)
        self.view.compare.setChecked(bool(state.panels))
        self.view.compare.setText("Leave the comparison" if state.panels else "Compare")

    def _show_message(self) -> None:
        state = self.state
        self.view.problems.show_problems([Problem("", state.message, state.hint)] if state.message else [])
        self.view.log.setVisible(state.log is not None)

    def _show_answers(self) -> None:
        state, picture = self.state, self.selection.picture
        image = picture.source.name if picture and picture.source else ""
        self.view.answers.show_answers(state.answers, state.box_threshold, state.class_threshold, image)
        self.view.scores.setVisible(bool(self.view.answers.bars))
        self._draw_answers()

    def _show_differences(self) -> None:
        fill(self.view.difference, [(pair, pair, pair) for pair in self.state.differences], self.state.difference)
        self.view.show_legend(sides_of(self.state.difference))

    def _show_panels(self) -> None:
        self.shown.show_panels(self.selection.picture)
        self._show_compare_button()
        self.preview.catch_up()

    def _draw_answers(self) -> None:
        self.shown.draw(self.selection.picture, hidden=self.presenter.will_compare)

    def _draw_what_waited(self) -> None:
        """Draw what came while the panels of a transfer stood on the canvas."""
        self._draw_answers()
        self.preview.catch_up()

    def _complain(self, problem: InputProblem) -> None:
        """Say why nothing was exported."""
        first = problem.problems[0]
        self.state.hint = first.hint
        self.state.message = f"Nothing was saved. {first.where}: {first.problem}"

    def _open_log(self) -> None:
        if self.state.log is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.state.log)))


def _offered(network: Network) -> tuple[str, str, str]:
    name = name_of(network.stage)
    name = name[0].upper() + name[1:]
    tasks = ", ".join(task.name for task in network.tasks)
    taught = f"Was taught {network.dataset}. " if network.dataset else ""
    if not network.needs_mask:
        return network.stage, name, f"{taught}Sees the image alone; answers {tasks}"
    tip = f"{taught}It must be shown {network.sees} of the true mask where that is known, else of the student's mask"
    return network.stage, f"{name}, given {network.sees}", tip
