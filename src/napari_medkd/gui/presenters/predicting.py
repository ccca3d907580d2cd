"""One prediction at a time: launched, followed, read and measured; a stale answer is dropped."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from psygnal import Signal

from napari_medkd.core.errors import InputProblem
from napari_medkd.core.run_layout import LOG
from napari_medkd.gui.networks import name_of
from napari_medkd.gui.presenters.asking import Question, Wish, question_of
from napari_medkd.gui.presenters.ports import InBackground, problems_of

if TYPE_CHECKING:
    from napari_medkd.core.spec import PredictSpec
    from napari_medkd.gui.answers import Answer
    from napari_medkd.gui.following import Heard


_NO_ANSWER = "The prediction ended without an answer."


class Launches(Protocol):
    """Whoever launches a prediction; see `gui.followers.Followers`."""

    def predict(self, spec: "PredictSpec") -> None:
        """Launch it, and follow ``spec.out``."""
        ...


class Predicting:
    """Gets one answer after the other.

    Attributes
    ----------
    progressed
        ``(str)``: what is being done; empty where it was stopped before a process was at work.
    answered
        ``(tuple of Answer)``: what the network said, one for each of its tasks.
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
        self._unwanted: Path | None = None

    def ask(self, wish: Wish) -> None:
        """Ask a network about a picture; an earlier wish becomes stale."""
        self.forget()
        generation = self._generation
        self.progressed.emit(f"Preparing the {name_of(wish.network.stage)} …")
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
        """Stop what is under way: a process looks for that between two windows, all else is dropped at once."""
        if self._asked is None:
            self._generation += 1
            self.progressed.emit("")
            return
        self._unwanted = self._asked[1].spec.out
        self.progressed.emit("Stopping …")
        if self._unwanted.is_dir():  # else the process is told as soon as it is heard of
            self._order_stop(self._unwanted)

    def hear(self, heard: "Heard") -> None:
        """Take in what a followed folder said."""
        status, is_over = heard.status, heard.status.phase in ("ended", "lost")
        if heard.run == self._unwanted and not is_over:
            self._order_stop(heard.run)  # an order that was given before the process began is forgotten
            return
        if self._asked is None or heard.run != self._asked[1].spec.out:
            return
        generation, question = self._asked
        if not is_over:
            self.progressed.emit(f"The {name_of(question.wish.network.stage)} looks at {question.wish.picture.name} …")
            return
        self._asked = None
        if status.outcome == "completed":
            self._read(generation, question)
        else:
            self._fail(question, status.message or _NO_ANSWER, status.hint)

    def fail(self, run: Path, error: Exception) -> None:
        """Take in that a folder could not be launched or read."""
        if self._asked is not None and run == self._asked[1].spec.out:
            generation, self._asked = self._asked[0], None
            self._give_up(generation, error)

    def _launch(self, generation: int, question: Question) -> None:
        if generation != self._generation:
            return
        self._asked = (generation, question)
        self.progressed.emit(f"Starting the {name_of(question.wish.network.stage)} …")
        self._launches.predict(question.spec)

    def _order_stop(self, out: Path) -> None:
        from napari_medkd.runs.folder import RunFolder

        try:
            RunFolder(out).order("stop")
        except InputProblem as problem:
            if self._asked is not None and self._asked[1].spec.out == out:
                self._give_up(self._asked[0], problem)

    def _read(self, generation: int, question: Question) -> None:
        self.progressed.emit("Measuring …")
        self._in_background(
            lambda: answers_to(question),
            lambda answers: self._hand_over(generation, question, answers),
            lambda error: self._give_up(generation, error),
        )

    def _hand_over(self, generation: int, question: Question, answers: "tuple[Answer, ...]") -> None:
        if generation != self._generation:
            return
        if answers:
            self.answered.emit(answers)
        else:
            self._fail(question, _NO_ANSWER, "")

    def _fail(self, question: Question, message: str, hint: str) -> None:
        log = question.spec.out / LOG
        self.failed.emit(message, hint, log if log.is_file() else None)

    def _give_up(self, generation: int, error: Exception) -> None:
        if generation == self._generation:
            problem = problems_of(error, "prediction")[0]
            self.failed.emit(f"{problem.where}: {problem.problem}", problem.hint, None)


def answers_to(question: Question) -> "tuple[Answer, ...]":
    """Return what lies in the folder of a question, measured, in the order of the network's tasks. Blocks.

    Raises
    ------
    InputProblem
        Where a prediction is damaged.
    """
    from napari_medkd.files.results import predictions_in, read_prediction
    from napari_medkd.gui.answers import answer_of

    grid, order = question.wish.picture.grid, [task.name for task in question.wish.network.tasks]
    found = [read_prediction(folder) for folder in predictions_in(question.spec.out)]
    found.sort(key=lambda one: order.index(one.task.name) if one.task.name in order else len(order))
    return tuple(answer_of(one, grid, question.truths.get(one.task.name), question.doubt) for one in found)
