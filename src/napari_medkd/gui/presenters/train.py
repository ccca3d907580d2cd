"""What the Train dock decides: the fields of the form, the spec they make, what is wrong with it, and its start."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from napari_medkd.core.card import Estimate, MethodCard
from napari_medkd.core.command_line import command_line
from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.core.words import count, duration, memory
from napari_medkd.gui.cards import cards_of
from napari_medkd.gui.command import ask, end_questions
from napari_medkd.gui.networks import name_of
from napari_medkd.gui.presenters.choices import METHOD_SETTINGS, TrainChoices
from napari_medkd.gui.presenters.finished_runs import FinishedRuns
from napari_medkd.gui.presenters.ports import InBackground, Runner, problems_of
from napari_medkd.gui.state import Session, TrainState

T = TypeVar("T")

_FILES_ONLY = "--files-only"
_OF_A_SPEC = ("estimate", _FILES_ONLY)
_CHANGED = Problem(
    "", "Something was changed before the answer came, so it was dropped.", "Press Start training or Estimate again."
)


class TrainPresenter:
    """Keeps the form's choices, and turns them into a spec that is checked, estimated, saved or started."""

    def __init__(self, session: Session, state: TrainState, runner: Runner, in_background: InBackground) -> None:
        self._session = session
        self._state = state
        self._runner = runner
        self._in_background = in_background
        self.choices = TrainChoices(session, state)
        self._finished = FinishedRuns(session, state, in_background)
        self._is_to_begin = False
        self._waited_for: object = None
        session.events.references.connect(self._take_references)

    def load_cards(self, *, ask_again: bool = False) -> None:
        """Learn which methods the interpreter has, or what it lacks."""
        interpreter = self._session.interpreter

        def then(cards: tuple[MethodCard, ...]) -> None:
            if interpreter == self._session.interpreter:
                self._state.busy = ""
                self._state.missing = ()
                self._state.cards = cards
                if self.choices.card() is None and cards:
                    self.choices.choose_method(_first(cards))
                if self._is_to_begin:
                    self.begin_from_references()

        def failed(error: Exception) -> None:
            if interpreter == self._session.interpreter:
                self._state.busy = ""
                self._state.cards = ()
                self._state.missing = problems_of(error, str(interpreter))

        self._state.busy = "Asking which methods there are …"
        self._in_background(lambda: cards_of(interpreter, ask_again=ask_again, owner=self._session), then, failed)

    def begin_from_references(self) -> None:
        """Set up the method that learns from the marked references and measure what it takes, as soon as may be."""
        self._is_to_begin = not self._state.cards
        if self._is_to_begin:
            return
        self._overtake()
        if self.choices.choose_for_references():
            self.estimate()

    def take_dataset(self) -> None:
        """Forget what is of datasets that were open before, and what was said of them."""
        self.choices.take_dataset()

    def list_runs(self) -> None:
        """Look for finished runs to start from, in a thread."""
        self._finished.look()

    def effective(self) -> str:
        """Return the complete run as JSON: the spec with every setting of the method, preset and changes applied."""
        document = self.choices.spec().model_dump(mode="json")
        defaults = {field.name.removeprefix(METHOD_SETTINGS): field.default for field in self.choices.method_fields()}
        document["method"]["settings"] = defaults | document["method"]["settings"]
        return json.dumps(document, indent=2)

    def command(self, spec_path: Path) -> str:
        """Return what to type so that the command line makes the same run."""
        return command_line(["medkd", "train", str(spec_path), "--runs-folder", str(self._session.runs_folder)])

    def save(self, path: Path) -> None:
        """Write the spec, so that the command line can make the same run."""
        from napari_medkd.files.atomic import write_json

        self._tell(lambda: write_json(path, self.choices.spec().model_dump(mode="json")))

    def estimate(self) -> None:
        """Measure what the run would take."""

        def work(spec: Path) -> Estimate:
            return Estimate.model_validate(ask(self._session.interpreter, ["estimate", str(spec)], owner=self._session))

        def then(found: Estimate) -> None:
            self._state.estimate = found

        self._with_spec("Measuring a few steps …", work, then)

    def start(self) -> None:
        """Check the run without opening images, which it does itself, and start it where nothing is wrong."""
        runs_folder = self._session.runs_folder
        spec = self._tell(self.choices.spec)
        if spec is None:
            return

        def work(path: Path) -> tuple[Problem, ...]:
            rows = ask(self._session.interpreter, ["check", str(path), _FILES_ONLY], owner=self._session)
            return tuple(Problem(**row) for row in rows)

        def then(problems: tuple[Problem, ...]) -> None:
            from napari_medkd.runs.folder import RunFolder

            self._state.problems = problems
            run = None if problems else self._tell(lambda: RunFolder.create(runs_folder, spec).path)
            if run is not None:
                self._runner.start(run)
                self._session.run = run
                self._state.started = run

        self._with_spec("Checking …", work, then)

    def cancel(self) -> None:
        """End what is asked for this dock; a look at every voxel of the dataset goes on."""
        for question in ("describe", *_OF_A_SPEC):
            end_questions(question, owner=self._session)

    def _take_references(self) -> None:
        """Forget what was said of a run from other references."""
        card = self.choices.card()
        if card is not None and card.needs == "references":
            self.choices.forget_answers()

    def _overtake(self) -> None:
        """Wait no longer for what was asked of an earlier spec."""
        if self._waited_for is not None:
            self._waited_for = None
            self._state.busy = ""
            for question in _OF_A_SPEC:
                end_questions(question, owner=self._session)

    def _with_spec(self, busy: str, work: Callable[[Path], T], then: Callable[[T], None]) -> None:
        """Let ``work`` have the spec as a file, in the background."""
        spec = self._tell(self.choices.spec)
        if spec is None:
            return
        document = spec.model_dump(mode="json")

        def with_file() -> T:
            from napari_medkd.files.atomic import write_json

            with tempfile.TemporaryDirectory(prefix="medkd-") as folder:
                write_json(Path(folder) / "spec.json", document)
                return work(Path(folder) / "spec.json")

        def failed(error: Exception) -> None:
            self._state.problems = problems_of(error, "")

        self._wait(busy, with_file, then, failed)

    def _wait(
        self, busy: str, work: Callable[[], T], then: Callable[[T], None], failed: Callable[[Exception], None]
    ) -> None:
        """Work in the background; the answer is dropped where something was changed meanwhile, which is said.

        One that was overtaken is not heard at all.
        """
        generation, this = self._state.generation, object()
        self._waited_for = this
        self._state.busy = busy

        def if_still_wished(answer: Callable[[Any], None]) -> Callable[[Any], None]:
            def take(value: Any) -> None:
                if self._waited_for is not this:
                    return
                self._waited_for = None
                self._state.busy = ""
                if generation == self._state.generation:
                    answer(value)
                else:
                    self._state.problems = (_CHANGED,)

            return take

        self._in_background(work, if_still_wished(then), if_still_wished(failed))

    def _tell(self, work: Callable[[], T]) -> T | None:
        """Return the result; show its problems instead where it has any."""
        try:
            result = work()
        except (InputProblem, OSError) as error:
            self._state.problems = problems_of(error, "")
            return None
        self._state.problems = ()
        return result


def _first(cards: tuple[MethodCard, ...]) -> str:
    """Return the method to begin with: the first that has a teacher, else the first."""
    return next((card.name for card in cards if card.teacher_shows != "nothing"), cards[0].name)


def estimate_in_words(found: Estimate) -> str:
    """Return the estimate in two lines: time by stage, and what it needs."""
    by_stage = [
        f"{name_of(plan.name)} {duration(plan.steps * found.seconds_per_step[plan.name])}"
        for plan in found.plan
        if plan.name in found.seconds_per_step
    ]
    stages = f" ({', '.join(by_stage)})" if len(by_stage) > 1 else ""
    network = f"{count(found.parameters, 'parameter')} in the student"
    return (
        f"About {duration(found.seconds)}{stages}\n"
        f"{memory(found.peak_memory_bytes)} of memory · {found.device}, {found.precision} · {network}"
    )
