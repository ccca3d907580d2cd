"""The part of the Results dock that asks a run's student about every case, and leads to the Sheet dock."""

from pathlib import Path

from qtpy.QtCore import QUrl
from qtpy.QtGui import QDesktopServices
from qtpy.QtWidgets import QGroupBox, QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout

from napari_medkd.core.errors import Problem
from napari_medkd.gui.background import Background
from napari_medkd.gui.followers import followers_of
from napari_medkd.gui.networks import name_of
from napari_medkd.gui.presenters.all_cases import AllCasesPresenter
from napari_medkd.gui.state import AllCasesState, Session
from napari_medkd.gui.widgets.problem_list import ProblemList


class AllCasesBox(QGroupBox):
    """Two buttons, and how far the prediction has come."""

    def __init__(self, session: Session) -> None:
        super().__init__("All cases of the dataset")
        self.state = AllCasesState()
        followers = followers_of(session)
        self.presenter = AllCasesPresenter(session, self.state, followers, Background(self))
        followers.heard.connect(self.presenter.hear)
        followers.left.connect(self.presenter.leave)
        followers.failed.connect(self.presenter.fail)
        self._build()
        self._connect()
        self._show_state()

    def _build(self) -> None:
        self.predict = QPushButton()
        self.sheet = QPushButton("Open Sheet")
        self.sheet.setToolTip("<p>Every case the student was asked about, the least certain first</p>")
        self.progress = QProgressBar()
        self.progress.setFixedHeight(6)
        self.progress.setTextVisible(False)
        self.words = QLabel()
        self.words.setWordWrap(True)
        self.problems = ProblemList()
        self.log = QPushButton("Open log")
        buttons = QHBoxLayout()
        for button in (self.predict, self.sheet):
            buttons.addWidget(button, 1)
        layout = QVBoxLayout(self)
        layout.addLayout(buttons)
        for widget in (self.progress, self.words, self.problems, self.log):
            layout.addWidget(widget)

    def _connect(self) -> None:
        self.predict.clicked.connect(self._predict_or_stop)
        self.log.clicked.connect(self._open_log)
        events = self.state.events
        for signal in (events.student, events.advice, events.busy, events.num_done, events.message):
            signal.connect(self._show_state)

    def _predict_or_stop(self) -> None:
        if self.state.busy:
            self.presenter.stop()
        else:
            self.presenter.predict()

    def _show_state(self) -> None:
        state = self.state
        self.predict.setText("Stop" if state.busy else "Predict all")
        student = name_of(state.student) if state.student else "student"
        tip = (
            "Stop the prediction; what is predicted stays"
            if state.busy
            else f"Ask the {student} about every case of the dataset"
        )
        self.predict.setToolTip(f"<p>{tip}</p>")
        self.predict.setEnabled(bool(state.busy) or not state.advice)
        self.progress.setVisible(bool(state.busy))
        self.progress.setRange(0, state.num_cases if state.num_done else 0)
        self.progress.setValue(state.num_done)
        several = state.student and name_of(state.student) != state.student
        words = state.busy or state.advice or (f"Asks the {name_of(state.student)}." if several else "")
        self.words.setText(words)
        self.words.setVisible(bool(words))
        self.problems.show_problems([Problem("", state.message, state.hint)] if state.message else [])
        self.log.setVisible(state.log is not None)

    def _open_log(self) -> None:
        if isinstance(self.state.log, Path):
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.state.log)))
