"""Events to the terminal: a bar with the time left where somebody looks, plain lines where nobody does."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from napari_medkd.cli.terminal import lead_nowhere
from napari_medkd.core.events import (
    AnyEvent,
    CaseDone,
    EpochDone,
    Noticed,
    RunContinued,
    RunEnded,
    RunStarted,
    StageStarted,
    StepDone,
)
from napari_medkd.core.status import RunStatus, fold, phase_in_words
from napari_medkd.core.words import duration


class _Console(Console):
    """Falls silent when its listener has gone, where rich would end the process."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        lead_nowhere(sys.stderr)


class TerminalProgress:
    """Shows a run's events on stderr, as long as somebody listens. Use it as a context."""

    def __init__(self) -> None:
        self.status = RunStatus()
        self._losses: Mapping[str, float] = {}
        self._console = _Console(file=sys.stderr, soft_wrap=True)
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.fields[said]}"))
        self._bar = Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal)
        self._row: TaskID | None = None

    @property
    def is_heard(self) -> bool:
        """Whether somebody listens, as far as is known."""
        return not self._console.quiet

    def __enter__(self) -> Self:
        with self._as_a_courtesy():
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with self._as_a_courtesy():
            self._bar.stop()

    def show(self, event: AnyEvent) -> str:
        """Take in one event, and return the line it was worth; empty where it only moves the bar."""
        self.status = fold(self.status, event)
        if isinstance(event, StepDone):
            self._losses = event.losses
        line = line_of(event, self.status, self._losses)
        with self._as_a_courtesy():
            if line:
                self._console.print(line, markup=False, highlight=False)
            self._draw()
        return line

    @contextlib.contextmanager
    def _as_a_courtesy(self) -> Iterator[None]:
        try:
            yield
        except OSError:  # a terminal that was closed
            self._console.on_broken_pipe()

    def _draw(self) -> None:
        status = self.status
        if not status.of_steps or self._bar.disable:
            return
        if self._row is None:
            self._row = self._bar.add_task("", said="")
        name = status.stage or status.phase
        said = f"{status.step}/{status.of_steps}  {_left(status)}  loss {sum(self._losses.values()):.3f}"
        self._bar.update(self._row, description=name, completed=status.step, total=status.of_steps, said=said)


def _left(status: RunStatus) -> str:
    if status.phase == "paused":
        return "paused"
    return f"{duration(status.seconds_left)} left" if status.seconds_left is not None else ""


def _loss(terms: Mapping[str, float]) -> str:
    return f"loss {sum(terms.values()):.3f} ({_numbers(terms)})" if terms else ""


def _score(metrics: Mapping[str, float]) -> str:
    classes = {name: value for name, value in metrics.items() if name != "score"}
    return f"score {metrics['score']:.3f} ({_numbers(classes)})" if "score" in metrics else ""


def _numbers(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items())


def line_of(event: AnyEvent, status: RunStatus, losses: Mapping[str, float]) -> str:
    """Return the line an event is worth, or nothing.

    Parameters
    ----------
    status
        Where the run stands after the event.
    losses
        The newest value of every loss term.
    """
    match event:
        case RunStarted():
            return f"{event.method} on {event.device} in {event.precision}: {_stages(event)}"
        case RunContinued():
            return f"Continued after epoch {event.epoch} of stage {event.stage} (attempt {event.attempt})."
        case StageStarted():
            return f"Stage {event.stage}"
        case EpochDone():
            return _epoch(event, status, losses)
        case Noticed():
            return f"Note: {event.message}"
        case CaseDone():
            unsure = "" if event.uncertainty is None else f"uncertainty {event.uncertainty:.2f}  "
            return f"  {event.case}  {event.seconds:.1f} s  {unsure}{event.path}"
        case RunEnded():
            return _last_word(event, status)
        case _:
            return _FIXED_LINES.get(event.kind, "")


_FIXED_LINES = {"run_paused": "Paused; go on with: medkd runs resume", "run_resumed": "Going on."}


def _last_word(event: RunEnded, status: RunStatus) -> str:
    """Return how it ended, and why; the message of what was stopped says that it was."""
    says_how = event.outcome == "cancelled" and event.message
    how = "" if says_how else f"{phase_in_words(status).capitalize()}. "
    return f"{how}{event.message} {event.hint}".rstrip()


def _stages(event: RunStarted) -> str:
    return ", ".join(
        f"{planned.name} {planned.epochs} epochs of {planned.steps_per_epoch} steps" for planned in event.plan
    )


def _epoch(event: EpochDone, status: RunStatus, losses: Mapping[str, float]) -> str:
    epochs = next((planned.epochs for planned in status.plan if planned.name == event.stage), event.epoch)
    best = "best so far" if event.is_best else ""
    parts = (f"  epoch {event.epoch}/{epochs}", _loss(losses), _score(event.metrics), best, _left(status))
    return "  ".join(part for part in parts if part)
