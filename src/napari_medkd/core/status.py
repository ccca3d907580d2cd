"""Where a run stands: a pure fold over its events.

``queued → starting → training ⇄ paused → ended(completed | cancelled | failed)``; ``lost`` is decided by the watcher,
when the process is gone without a last word.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from napari_medkd.core.events import (
    AnyEvent,
    CaseDone,
    CheckpointSaved,
    EpochDone,
    Noticed,
    Outcome,
    PredictionStarted,
    PreviewSaved,
    RunContinued,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    StagePlan,
    StageStarted,
    StepDone,
)

Phase: TypeAlias = Literal["queued", "starting", "training", "predicting", "paused", "ended", "lost"]


#: How much of the shown speed is that of the newest report, the others' share falling off behind it.
NEWEST_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class RunStatus:
    """A snapshot of a run; made by `fold` only.

    Parameters
    ----------
    step, of_steps
        Steps done and planned over all stages; cases, where a run predicts.
    seconds_per_step
        Of the stage's latest steps, smoothed; None before its first.
    latest
        The newest value of every loss term and metric.
    best
        The best judged score of the stage that is running.
    can_continue
        Whether another attempt would go on from here: not after the end of the plan, nor after a divergence.
    checkpoint
        The newest weights, relative to the run folder.
    """

    phase: Phase = "queued"
    outcome: Outcome | None = None
    method: str = ""
    device: str = ""
    plan: tuple[StagePlan, ...] = ()
    stage: str = ""
    epoch: int = 0
    step: int = 0
    of_steps: int = 0
    seconds_per_step: float | None = None
    latest: Mapping[str, float] = field(default_factory=dict)
    best: float | None = None
    checkpoint: str = ""
    preview: str = ""
    message: str = ""
    hint: str = ""
    notices: tuple[str, ...] = ()
    attempt: int = 0
    can_continue: bool = True

    @property
    def is_live(self) -> bool:
        """Whether a process should be at work, or waits for its turn."""
        return self.phase in ("starting", "training", "predicting", "paused") or self.waits_for_turn

    @property
    def waits_for_turn(self) -> bool:
        """Whether there is a process, and another run is before it; a queued run without an attempt has none yet."""
        return self.phase == "queued" and self.attempt > 0

    @property
    def fraction(self) -> float:
        """How much of the planned steps is done, 0 to 1."""
        return self.step / self.of_steps if self.of_steps else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds to the end at the present speed, or None while that is unknown."""
        if self.seconds_per_step is None or self.phase not in ("training", "predicting", "paused"):
            return None
        return (self.of_steps - self.step) * self.seconds_per_step


def _steps_before(plan: tuple[StagePlan, ...], stage: str) -> int:
    steps = 0
    for planned in plan:
        if planned.name == stage:
            break
        steps += planned.steps
    return steps


def _planned(status: RunStatus, event: StageStarted) -> tuple[StagePlan, ...]:
    found = StagePlan(event.stage, event.epochs, event.steps_per_epoch)
    if event.stage in [planned.name for planned in status.plan]:
        return tuple(found if planned.name == event.stage else planned for planned in status.plan)
    return (*status.plan, found)


def _continued(status: RunStatus, event: RunContinued) -> RunStatus:
    steps_per_epoch = next((p.steps_per_epoch for p in status.plan if p.name == event.stage), 0)
    step = _steps_before(status.plan, event.stage) + event.epoch * steps_per_epoch
    goes_on = event.stage == status.stage and event.epoch > 0
    return replace(
        status,
        phase="starting",
        outcome=None,
        stage=event.stage,
        epoch=event.epoch,
        step=step,
        best=status.best if goes_on else None,
        message="",
        hint="",
        attempt=event.attempt,
        can_continue=True,
    )


def fold(status: RunStatus, event: AnyEvent) -> RunStatus:
    """Return the status after one more event."""
    match event:
        case RunStarted() | RunContinued() | RunPaused() | RunResumed() | RunEnded():
            return _after_turn(status, event)
        case PredictionStarted():
            return RunStatus("predicting", of_steps=event.of_cases, attempt=status.attempt)
        case StageStarted() | StepDone() | EpochDone() | CaseDone():
            return _after_progress(status, event)
        case CheckpointSaved():
            return replace(status, checkpoint=event.path)
        case PreviewSaved():
            return replace(status, preview=event.path)
        case Noticed():
            return replace(status, notices=(*status.notices, event.message))


def _after_turn(status: RunStatus, event: RunStarted | RunContinued | RunPaused | RunResumed | RunEnded) -> RunStatus:
    """Return the status after the run's phase turned."""
    match event:
        case RunStarted():
            return RunStatus(
                "starting",
                method=event.method,
                device=event.device,
                plan=event.plan,
                of_steps=sum(planned.steps for planned in event.plan),
                attempt=status.attempt + 1,
            )
        case RunContinued():
            return _continued(status, event)
        case RunPaused():
            return replace(status, phase="paused")
        case RunResumed():
            return replace(status, phase="training" if status.stage else "predicting")
        case RunEnded():
            return replace(
                status,
                phase="ended",
                outcome=event.outcome,
                message=event.message,
                hint=event.hint,
                can_continue=event.can_continue and event.outcome != "completed",
            )


def _smoothed(before: float | None, now: float) -> float:
    """Return the speed so far, moved a little towards that of the newest steps: the time left shall not jump."""
    return now if before is None else before + NEWEST_SHARE * (now - before)


def _after_progress(status: RunStatus, event: StageStarted | StepDone | EpochDone | CaseDone) -> RunStatus:
    """Return the status after some of the work was done."""
    match event:
        case StageStarted():
            plan = _planned(status, event)
            of_steps = sum(planned.steps for planned in plan)
            epoch = status.epoch if status.stage == event.stage else 0
            best = status.best if status.stage == event.stage else None
            return replace(
                status,
                phase="training",
                plan=plan,
                of_steps=of_steps,
                stage=event.stage,
                epoch=epoch,
                best=best,
                seconds_per_step=None,
            )
        case StepDone():
            return replace(
                status,
                step=_steps_before(status.plan, event.stage) + event.step,
                latest={**status.latest, **event.losses},
                seconds_per_step=_smoothed(status.seconds_per_step, event.seconds_per_step),
            )
        case EpochDone():
            score = event.metrics.get("score")
            best = score if event.is_best and score is not None else status.best
            step = _steps_before(status.plan, event.stage) + event.step
            return replace(status, epoch=event.epoch, step=step, latest={**status.latest, **event.metrics}, best=best)
        case CaseDone():
            before = 0 if status.phase == "ended" else status.step  # older versions did not say when one started
            return replace(
                status,
                phase="predicting",
                outcome=None,
                message="",
                hint="",
                step=before + 1,
                of_steps=event.of_cases,
                seconds_per_step=event.seconds,
            )


_OUTCOMES: Mapping[Outcome, str] = {"completed": "completed", "cancelled": "stopped", "failed": "failed"}


def phase_in_words(status: RunStatus) -> str:
    """Return ``"training"``, ``"waiting"``, ``"completed"``, ``"stopped"`` ...: what a person reads everywhere."""
    if status.phase == "ended":
        return _OUTCOMES[status.outcome or "failed"]
    return "waiting" if status.phase == "queued" else status.phase


def status_of(events: Iterable[AnyEvent]) -> RunStatus:
    """Return the status after all the events."""
    status = RunStatus()
    for event in events:
        status = fold(status, event)
    return status
