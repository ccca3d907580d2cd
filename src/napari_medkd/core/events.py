"""What a run says while it happens: facts in the past tense, one JSON object a line.

An event carries plain numbers and paths, never arrays; it is added to, never renamed. Readers skip kinds they
do not know.
"""

import time
from dataclasses import dataclass, field, fields, replace
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated
from pydantic_core import PydanticSerializationError

Outcome: TypeAlias = Literal["completed", "cancelled", "failed"]


@validated(frozen=True, slots=True)
class StagePlan:
    """A stage a run will go through: its name, and how many epochs of how many steps.

    ``draws_as`` names the stage whose random numbers it draws: two of one name start from the same weights and see the
    same samples in the same order. Empty, they are its own. ``narrower`` is what the channels of the spec's network are
    divided by in the stage's.
    """

    name: str
    epochs: int
    steps_per_epoch: int
    draws_as: str = ""
    narrower: int = 1

    @property
    def steps(self) -> int:
        """Steps of the whole stage."""
        return self.epochs * self.steps_per_epoch


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Anything that happened, with the seconds since the Unix epoch at which it did."""

    at: float = field(default_factory=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(Event):
    """A process took up a fresh run; ``plan`` lists the stages known so far."""

    kind: Literal["run_started"] = "run_started"
    run: str
    method: str
    host: str
    pid: int
    versions: dict[str, str]
    seed: int
    plan: tuple[StagePlan, ...]
    device: str = ""
    precision: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContinued(Event):
    """A new process took the run up after ``epoch`` finished epochs of ``stage``; later points are void."""

    kind: Literal["run_continued"] = "run_continued"
    stage: str
    epoch: int
    host: str
    pid: int
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted(Event):
    """A stage began."""

    kind: Literal["stage_started"] = "stage_started"
    stage: str
    epochs: int
    steps_per_epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone(Event):
    """A training step; every named loss term, already weighted, and the seconds of one step."""

    kind: Literal["step_done"] = "step_done"
    stage: str
    step: int
    losses: dict[str, float]
    seconds_per_step: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochDone(Event):
    """An epoch ended (counted from 1), with the scores on the validation cases, if they were judged."""

    kind: Literal["epoch_done"] = "epoch_done"
    stage: str
    epoch: int
    step: int
    metrics: dict[str, float]
    is_best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved(Event):
    """Weights were written; the path is relative to the run folder."""

    kind: Literal["checkpoint_saved"] = "checkpoint_saved"
    path: str
    stage: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewSaved(Event):
    """A prediction of one case was written to overlay while training; the path is relative to the run folder."""

    kind: Literal["preview_saved"] = "preview_saved"
    case: str
    stage: str
    epoch: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed(Event):
    """A warning worth a person's attention."""

    kind: Literal["noticed"] = "noticed"
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaused(Event):
    """The loop waits between two steps."""

    kind: Literal["run_paused"] = "run_paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed(Event):
    """The loop goes on after a pause."""

    kind: Literal["run_resumed"] = "run_resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionStarted(Event):
    """A process began to predict so many cases; those that an earlier one predicted do not count."""

    kind: Literal["prediction_started"] = "prediction_started"
    of_cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDone(Event):
    """A case was predicted; the path is that of the written prediction, the uncertainty that of its mask."""

    kind: Literal["case_done"] = "case_done"
    case: str
    path: str
    seconds: float
    of_cases: int = 1
    uncertainty: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded(Event):
    """The last word of an attempt; ``can_continue`` is False where another would only end in the same way."""

    kind: Literal["run_ended"] = "run_ended"
    outcome: Outcome
    message: str = ""
    hint: str = ""
    traceback: str = ""
    can_continue: bool = True


AnyEvent: TypeAlias = Annotated[
    RunStarted
    | RunContinued
    | StageStarted
    | StepDone
    | EpochDone
    | CheckpointSaved
    | PreviewSaved
    | Noticed
    | RunPaused
    | RunResumed
    | PredictionStarted
    | CaseDone
    | RunEnded,
    Field(discriminator="kind"),
]

# Built with the first line: a viewer that only opens its docks need not wait for it.
_ADAPTER: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent, config=ConfigDict(ser_json_inf_nan="strings", defer_build=True))


def to_line(event: AnyEvent) -> bytes:
    """Return the event as one line of JSON; numbers that are not finite become words every reader survives."""
    try:
        return _ADAPTER.dump_json(event) + b"\n"
    except PydanticSerializationError:  # a file name that is not Unicode, most likely
        return _ADAPTER.dump_json(_in_unicode(event)) + b"\n"


def _in_unicode(event: AnyEvent) -> AnyEvent:
    words = {each.name: getattr(event, each.name) for each in fields(event) if each.name != "kind"}
    changes: dict[str, Any] = {
        name: word.encode("utf-8", "backslashreplace").decode() for name, word in words.items() if isinstance(word, str)
    }
    return replace(event, **changes)


def from_line(line: bytes | str) -> AnyEvent | None:
    """Return the event of a line, or None for a kind this version does not know or a damaged line."""
    try:
        return _ADAPTER.validate_json(line)
    except ValidationError:
        return None
