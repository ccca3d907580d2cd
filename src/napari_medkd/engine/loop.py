"""The one training loop: an iterator of events. The consumer decides what to do with them."""

import math
import os
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from napari_medkd import __version__
from napari_medkd.core.control import Control
from napari_medkd.core.errors import EngineBug, TrainingDiverged
from napari_medkd.core.events import (
    AnyEvent,
    CheckpointSaved,
    EpochDone,
    Noticed,
    RunContinued,
    RunEnded,
    RunStarted,
    StagePlan,
    StageStarted,
    StepDone,
)
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.checkpoint import Checkpoints, Progress, TaskCard, WeightsCard
from napari_medkd.engine.control import Cancelled, obey
from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.given_stages import given_weights, notices_of_given
from napari_medkd.engine.hardware import seed_of
from napari_medkd.engine.method import Method, Stage, settings_of
from napari_medkd.engine.networks.pupils import ForPupils
from napari_medkd.engine.networks.registration import RegistrationNetwork
from napari_medkd.engine.networks.shape import shape_of
from napari_medkd.engine.preview import Previews
from napari_medkd.engine.starting import take_other_networks, take_weights

#: Seconds between two step events.
REPORT_SECONDS = 0.1

#: Steps over which the learning rate rises to its value before it falls along a cosine.
WARMUP_STEPS = 50

#: Norm to which gradients are clipped.
LARGEST_GRADIENT = 12.0

#: What to do when a loss stopped being a number: a continued run draws the same numbers, and ends in the same step.
_AFTER_DIVERGENCE = (
    "Train a new run with a lower --learning-rate, or with --precision fp32. "
    "A student or teacher of this one that has finished an epoch can still be asked with medkd predict."
)


@dataclass(slots=True)
class Report:
    """Gathers losses between two step events, so that the numbers that are shown are means."""

    sums: dict[str, Tensor] = field(default_factory=dict)
    steps: int = 0
    since: float = field(default_factory=time.monotonic)

    def add(self, losses: dict[str, Tensor]) -> None:
        """Take in the terms of one step."""
        for name, value in losses.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.steps += 1

    def is_due(self) -> bool:
        """Return whether it is time to say something."""
        return time.monotonic() - self.since >= REPORT_SECONDS

    def take(self) -> tuple[dict[str, float], float]:
        """Return the mean of every term and the seconds per step, and start anew."""
        means = {name: float(value) / self.steps for name, value in self.sums.items()}
        seconds = (time.monotonic() - self.since) / self.steps
        self.sums, self.steps, self.since = {}, 0, time.monotonic()
        return means, seconds


def learning_rate_at(step: int, steps: int, highest: float) -> float:
    """Return the learning rate of a step: a short linear rise, then a cosine to 0."""
    rise = min(1.0, (step + 1) / min(WARMUP_STEPS, max(1, steps // 10)))
    return highest * rise * 0.5 * (1 + math.cos(math.pi * step / steps))


def step_once(stage: Stage, bench: Bench, optimizer: torch.optim.Optimizer, batch: Batch) -> dict[str, Tensor]:
    """Take one optimisation step, and return its named terms."""
    with bench.machine.autocast():
        parts = stage.objective(batch)
    torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(stage.objective.parameters(), LARGEST_GRADIENT)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return {name: value.detach() for name, value in parts.items()}


def _refuse_divergence(losses: dict[str, float], stage: Stage, step: int) -> None:
    wrong = [name for name, value in losses.items() if not math.isfinite(value)]
    if wrong:
        message = f"In stage {stage.name!r} the loss {wrong[0]!r} stopped being a number at step {step}."
        raise TrainingDiverged(message)


def _epoch(
    stage: Stage, planned: StagePlan, bench: Bench, optimizer: torch.optim.Optimizer, control: Control, epoch: int
) -> Iterator[AnyEvent]:
    seed = seed_of(bench.spec.seed, planned.draws_as or planned.name, epoch)
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    stage.objective.train()
    report, step = Report(), epoch * planned.steps_per_epoch
    highest = stage.learning_rate_share * bench.spec.schedule.learning_rate
    last_step = step + planned.steps_per_epoch
    for batch in stage.batches(generator):
        asked_at = time.monotonic()
        yield from obey(control)
        report.since += time.monotonic() - asked_at  # a pause is no part of a step
        for group in optimizer.param_groups:
            group["lr"] = learning_rate_at(step, planned.steps, highest)
        stage.objective.progress = step / planned.steps
        report.add(step_once(stage, bench, optimizer, batch))
        step += 1
        if report.is_due() or step == last_step:
            losses, seconds = report.take()
            yield StepDone(stage=stage.name, step=step, losses=losses, seconds_per_step=seconds)
            _refuse_divergence(losses, stage, step)


def _cards(stage: Stage, bench: Bench, epoch: int, score: float | None) -> tuple[WeightsCard, ...]:
    """Return the card of a stage's product; one for each dataset where it has heads for several."""
    product = stage.product
    if isinstance(product, ForPupils) and len(bench.benches) > 1:
        return tuple(
            _card(stage, each, product.for_pupil(pupil), (epoch, score)) for pupil, each in enumerate(bench.benches)
        )
    return (_card(stage, stage.bench or bench, product, (epoch, score)),)


def _card(stage: Stage, bench: Bench, product: nn.Module, when: tuple[int, float | None]) -> WeightsCard:
    return WeightsCard(
        method=bench.spec.method.name,
        stage=stage.name,
        sees=stage.sees,
        fallback_means=bench.mean_intensities_CK.tolist() if stage.sees == "class means" else None,
        network=shape_of(product),
        preprocessing=bench.preprocessing,
        task=TaskCard.of(bench.task),
        tasks=tuple(TaskCard.of(task) for task in bench.tasks),
        dataset=bench.dataset.name,
        epoch=when[0],
        score=when[1],
        sha256="",
    )


def _take(stage: Stage, bench: Bench, checkpoints: Checkpoints) -> Iterator[AnyEvent]:
    """Take a stage's product from the finished run that the spec names for it."""
    source, dataset = bench.spec.starts_from[stage.name], (stage.bench or bench).dataset
    weights, card = given_weights(source, f"starts_from.{stage.name}", dataset.name)
    stage.product.load_state_dict(weights)
    path = checkpoints.save_product("done", stage.product, _cards(stage, bench, card.epoch, card.score))
    yield Noticed(message=f"Stage {stage.name!r} is not trained: its network is that of {source.name}.")
    yield from (Noticed(message=notice) for notice in notices_of_given(source, dataset))
    yield CheckpointSaved(path=path.relative_to(checkpoints.run).as_posix(), stage=stage.name, epoch=card.epoch)


def _begin(stage: Stage, start_from: Path | None) -> Iterator[AnyEvent]:
    """Begin a fresh stage: from scratch, or from what an earlier run's stage of the same name ended with."""
    if start_from is None:
        return
    why_not = take_weights(stage.name, stage.sees, stage.product, start_from)
    if why_not:
        yield Noticed(message=f"{why_not}: this stage begins from scratch.")
        return
    stage.objective.take_up()
    for name in take_other_networks(stage.name, stage.objective, stage.product, start_from):
        yield Noticed(
            message=f"{start_from.name} has no {name} that fits stage {stage.name!r}: it begins from scratch."
        )


def _answers(stage: Stage) -> bool:
    """Return whether a stage's product answers something that can be judged; what registers does not."""
    return not isinstance(stage.product, RegistrationNetwork)


def fit(stage: Stage, planned: StagePlan, bench: Bench, run: Path, control: Control) -> Iterator[AnyEvent]:
    """Train one stage from its newest checkpoint to its end; its product is then on disk and in memory.

    Raises
    ------
    Cancelled
        When the person stops the run; at most one epoch is repeated on resume.
    TrainingDiverged
        When a loss is not finite; the last good checkpoint is kept.
    """
    checkpoints, previews = Checkpoints(run), Previews(stage.bench or bench, run)
    parameters = [parameter for parameter in stage.objective.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=bench.spec.schedule.learning_rate, weight_decay=1e-4)
    progress = checkpoints.restore_epoch(stage.name, stage.objective, optimizer)
    if progress is None:
        yield from _begin(stage, bench.spec.start_from)
        progress = Progress(0, None)
    best, score = progress.best, None
    yield StageStarted(stage=stage.name, epochs=planned.epochs, steps_per_epoch=planned.steps_per_epoch)
    for epoch in range(progress.epoch, planned.epochs):
        yield from _epoch(stage, planned, bench, optimizer, control, epoch)
        metrics = stage.judge() if stage.judge else {}
        score = metrics.get("score")
        is_best = score is not None and (best is None or score > best)
        best = score if is_best else best
        if is_best or (score is None and _answers(stage)):  # where nobody tells how good it is, the newest is the best
            checkpoints.save_product("best", stage.product, _cards(stage, bench, epoch + 1, score))
        path = checkpoints.save_epoch(stage.name, stage.objective, optimizer, Progress(epoch + 1, best))
        saved = path.relative_to(run).as_posix()
        yield EpochDone(
            stage=stage.name,
            epoch=epoch + 1,
            step=(epoch + 1) * planned.steps_per_epoch,
            metrics=metrics,
            is_best=is_best,
        )
        yield CheckpointSaved(path=saved, stage=stage.name, epoch=epoch + 1)
        yield from previews.after_epoch(stage, epoch + 1, is_last=epoch + 1 == planned.epochs)
    path = checkpoints.save_product("done", stage.product, _cards(stage, bench, planned.epochs, score))
    yield CheckpointSaved(path=path.relative_to(run).as_posix(), stage=stage.name, epoch=planned.epochs)


def _stages(method: Method[Any], bench: Bench, plan: tuple[StagePlan, ...]) -> Iterator[tuple[Stage, StagePlan]]:
    """Yield each stage with its plan; all that is random in building it depends on the run's seed and a name alone."""
    stages = method.stages(settings_of(method, bench.spec.method), bench)
    for planned in plan:
        torch.manual_seed(seed_of(bench.spec.seed, planned.draws_as or planned.name, -1))
        stage = next(stages)
        if stage.name != planned.name:
            message = f"Method {method.name!r} planned stage {planned.name!r} but yielded {stage.name!r}."
            raise EngineBug(message)
        yield stage, planned


def _first_words(
    method: Method[Any], bench: Bench, plan: tuple[StagePlan, ...], checkpoints: Checkpoints, attempt: int
) -> Iterator[AnyEvent]:
    """Say that the run starts, with what was noticed in the data, or that it continues."""
    if attempt > 1:
        stage = next((planned.name for planned in plan if not checkpoints.is_done(planned.name)), plan[-1].name)
        yield RunContinued(
            stage=stage, epoch=checkpoints.last_epoch(stage), host=platform.node(), pid=os.getpid(), attempt=attempt
        )
        return
    yield RunStarted(
        run=checkpoints.run.name,
        method=method.name,
        host=platform.node(),
        pid=os.getpid(),
        versions={"napari-medkd": __version__, "torch": torch.__version__, "python": platform.python_version()},
        seed=bench.spec.seed,
        plan=plan,
        device=bench.machine.device.type,
        precision=bench.machine.precision,
    )
    for each in bench.benches:
        yield from (Noticed(message=remark) for remark in each.decided.remarks(each.dataset.name))


def train(method: Method[Any], bench: Bench, run: Path, control: Control, *, attempt: int = 1) -> Iterator[AnyEvent]:
    """Train a method as the bench's spec says. Yields what happens, ending with one `RunEnded`.

    Parameters
    ----------
    run
        The run folder: checkpoints and previews are written into it.
    control
        Asked between two steps.
    attempt
        1 for a fresh run; above, finished stages are loaded and the unfinished one continues from its last epoch.
    """
    bench = bench.in_run(run)
    plan = method.plan(settings_of(method, bench.spec.method), bench.spec.schedule, bench.dataset_names)
    checkpoints = Checkpoints(run)
    yield from _first_words(method, bench, plan, checkpoints, attempt)
    try:
        for stage, planned in _stages(method, bench, plan):
            if checkpoints.restore_product(stage.name, stage.product):
                continue
            if stage.name in bench.spec.starts_from:
                yield from _take(stage, bench, checkpoints)
                continue
            if stage.judge is None and _answers(stage):
                yield Noticed(message="No validation case has a label: no score is shown while training.")
            yield from (Noticed(message=notice) for notice in stage.notices)
            yield from fit(stage, planned, bench, run, control)
    except Cancelled:
        hint = "Continue it when you like: the epoch that was under way is repeated."
        yield RunEnded(outcome="cancelled", message="The run was stopped.", hint=hint)
    except TrainingDiverged as error:
        yield RunEnded(outcome="failed", message=str(error), hint=_AFTER_DIVERGENCE, can_continue=False)
    else:
        yield RunEnded(outcome="completed", message="Every stage is trained.")
