"""What a run will take: a few real steps of every stage, measured."""

import statistics
import time
from typing import Any

import torch

from napari_medkd.core.card import Estimate
from napari_medkd.engine.bench import Bench
from napari_medkd.engine.hardware import seed_of
from napari_medkd.engine.loop import step_once
from napari_medkd.engine.method import Method, Stage, settings_of
from napari_medkd.engine.peak_memory import peak_memory_bytes

#: Steps measured after the first, which pays for warming up; they are spread over the stage.
STEPS_MEASURED = 3


def _seconds_once(method: Method[Any], stage: Stage, bench: Bench) -> float:
    """Return what is paid once for every case or pair, when a batch first asks for it: reading, alignments, flows.

    The batches that are timed afterwards are drawn here, and drawn again: what the second time costs less was paid
    once for their cases, of which some came more than once.
    """
    first, again = _seconds_of_drawing(stage, bench), _seconds_of_drawing(stage, bench)
    drawn = (STEPS_MEASURED + 1) * bench.spec.schedule.batch_size
    number = paid_once(method, stage, bench)
    return max(0.0, first - again) * number / distinct(number, drawn)


def distinct(number: int, drawn: int) -> float:
    """Return how many different ones of a number are to be expected among so many that are drawn with replacement."""
    return float(number * (1 - (1 - 1 / number) ** drawn))


def paid_once(method: Method[Any], stage: Stage, bench: Bench) -> int:
    """Return for how much a stage pays once: its cases, or the pairs of which one is registered with the other."""
    if method.needs == "references":
        return len(bench.training_cases) * len(bench.unlabelled_cases)
    return sum(len(each.training_cases) for each in ((stage.bench,) if stage.bench else bench.benches))


def _seconds_of_drawing(stage: Stage, bench: Bench) -> float:
    start = time.perf_counter()
    for _ in zip(range(STEPS_MEASURED + 1), stage.batches(_generator(stage, bench)), strict=False):
        pass
    return time.perf_counter() - start


def _seconds_per_step(stage: Stage, bench: Bench) -> float:
    parameters = [parameter for parameter in stage.objective.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=bench.spec.schedule.learning_rate)
    stage.objective.train()
    seconds, start = [], time.perf_counter()
    for number, batch in zip(range(STEPS_MEASURED + 1), stage.batches(_generator(stage, bench)), strict=False):
        # What begins later in a stage is paid for its share of the steps.
        stage.objective.progress = max(0.0, (number - 0.5) / STEPS_MEASURED)
        step_once(stage, bench, optimizer, batch)
        if bench.machine.device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
        start = time.perf_counter()
    return statistics.fmean(seconds[1:] or seconds)


def _generator(stage: Stage, bench: Bench) -> torch.Generator:
    """Return a generator that draws the same batches each time."""
    return torch.Generator().manual_seed(seed_of(bench.spec.seed, stage.name, 0))


def _peak_memory_bytes(bench: Bench) -> int:
    """Return the most memory that was held on a GPU, or by this process where it computes in main memory."""
    return torch.cuda.max_memory_allocated() if bench.machine.device.type == "cuda" else peak_memory_bytes()


def estimate(method: Method[Any], bench: Bench) -> Estimate:
    """Return the time and memory of a run, from a few steps of each stage that it trains; nothing is written.

    What an earlier run gives is not trained, and is left out.
    """
    settings = settings_of(method, bench.spec.method)
    plan = method.plan(settings, bench.spec.schedule, bench.dataset_names)
    seconds_per_step: dict[str, float] = {}
    beside, parameters = 0.0, 0
    trained = tuple(planned for planned in plan if planned.name not in bench.spec.starts_from)
    for planned, stage in zip(plan, method.stages(settings, bench), strict=True):
        if planned not in trained:
            continue
        beside += _seconds_once(method, stage, bench)
        seconds_per_step[planned.name] = _seconds_per_step(stage, bench)
        parameters = sum(parameter.numel() for parameter in stage.product.parameters())
        if stage.judge is not None:
            start = time.perf_counter()
            stage.judge()
            beside += planned.epochs * (time.perf_counter() - start)
    training = sum(planned.steps * seconds_per_step[planned.name] for planned in trained)
    return Estimate(
        device=bench.machine.device.type,
        precision=bench.machine.precision,
        plan=trained,
        seconds=training + beside,
        seconds_per_step=seconds_per_step,
        peak_memory_bytes=_peak_memory_bytes(bench),
        parameters=parameters,
    )
