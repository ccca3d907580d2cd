"""One prediction at a time: launched, followed, read and measured; a stale answer is dropped."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from psygnal import Signal

from napari_medkd.core.errors import InputProblem
from napari_medkd.core.run_layout import LOG
from napari_medkd.gui.presenters.asking import Question, Wish, question_of
from napari_medkd.gui.presenters.ports import InBackground, problems_of

if TYPE_CHECKING:
    from napari_medkd.core.spec import PredictSpec
    from napari_medkd.gui.answers import Answer
    from napari_medkd.gui.following import Heard


class Launches(Protocol):
    """Whoever launches a prediction; see `gui.backend.Followers`."""

    def predict(self, spec: "PredictSpec") -> None:
        """Launch it, and follow ``spec.out``."""
        ...


class Predicting:
    """Gets one answer after the other.

    Attributes
    ----------
    progressed
        ``(str)``: what is being done.
    answered
        ``(Answer)``.
    failed
        ``(message, hint, log or None)``; no answer will come.
    """

    progressed = Signal(str)
    answered = Signal(object)
    failed = Signal(str, str, object)

    def __init__(self, launches: Launches, in_background: InBackground) -> None:
        self._launches = launches
        self._in_background = in_background
        self._generation = 0
        self._asked: tuple[int, Question] | None = None
        self._answer_in: Path | None = None

    def ask(self, wish: Wish) -> None:
        """Ask a network about a picture; an earlier wish becomes stale."""
        self.forget()
        generation = self._generation
        self.progressed.emit(f"Preparing the {wish.network.stage} …")
        self._in_background(
            lambda: question_of(wish),
            lambda question: self._launch(generation, question),
            lambda error: self._give_up(generation, error),
        )

    def forget(self) -> None:
        """Make the wish that is under way stale: its process is told to stop, its answer is dropped."""
        self.stop()
        self._generation += 1
        self._asked = None

    def stop(self) -> None:
        """Tell the process at work to stop; it looks for that between two windows."""
        if self._asked is None:
            return
        from napari_medkd.runs.folder import RunFolder

        self.progressed.emit("Stopping …")
        try:
            RunFolder(self._asked[1].spec.out).order("stop")
        except InputProblem as problem:
            self._give_up(self._generation, problem)

    def hear(self, heard: "Heard") -> None:
        """Take in what a followed folder said."""
        if self._asked is None or heard.run != self._asked[1].spec.out:
            return
        generation, question = self._asked
        for event in heard.events:
            if event.kind == "case_done":
                self._answer_in = question.spec.out / event.path
        status = heard.status
        if status.phase not in ("ended", "lost"):
            self.progressed.emit(f"The {question.wish.network.stage} looks at {question.wish.picture.name} …")
            return
        self._asked = None
        if status.outcome == "completed" and self._answer_in is not None:
            self._read(generation, question, self._answer_in)
        else:
            log = question.spec.out / LOG
            message = status.message or "The prediction ended without an answer."
            self.failed.emit(message, status.hint, log if log.is_file() else None)

    def fail(self, run: Path, error: Exception) -> None:
        """Take in that a folder could not be launched or read."""
        if self._asked is not None and run == self._asked[1].spec.out:
            generation, self._asked = self._asked[0], None
            self._give_up(generation, error)

    def _launch(self, generation: int, question: Question) -> None:
        if generation != self._generation:
            return
        self._asked, self._answer_in = (generation, question), None
        self.progressed.emit(f"Starting the {question.wish.network.stage} …")
        self._launches.predict(question.spec)

    def _read(self, generation: int, question: Question, folder: Path) -> None:
        self.progressed.emit("Measuring …")

        def read() -> "Answer":
            from napari_medkd.files.results import read_prediction
            from napari_medkd.gui.answers import answer_of

            return answer_of(read_prediction(folder), question.wish.picture.grid, question.truth, question.doubt)

        self._in_background(
            read, lambda answer: self._hand_over(generation, answer), lambda error: self._give_up(generation, error)
        )

    def _hand_over(self, generation: int, answer: "Answer") -> None:
        if generation == self._generation:
            self.answered.emit(answer)

    def _give_up(self, generation: int, error: Exception) -> None:
        if generation == self._generation:
            problem = problems_of(error, "prediction")[0]
            self.failed.emit(f"{problem.where}: {problem.problem}", problem.hint, None)
