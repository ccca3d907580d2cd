"""What a training step costs: distillation against plain, the real pipeline against dummy tensors, bf16 against fp32.

    python benchmarks/training.py [--steps 8] [--rounds 7]

All variants take turns in one process, so that other work on the machine meets them alike; medians of the rounds'
ratios are printed, with an A/A control. Runs on the embedded sample (48³ patches, 2 of them).
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from record import Record, Row

from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.spec import Hardware, MethodChoice, Schedule, TrainSpec
from napari_medkd.engine.bench import Bench, open_bench
from napari_medkd.engine.loop import step_once
from napari_medkd.engine.method import Stage, settings_of
from napari_medkd.files.sample import write_sample
from napari_medkd.methods import method_named


def student_stage(bench: Bench) -> Stage:
    """Return the student's stage of the bench's method."""
    method = method_named(bench.spec.method.name)
    *_, student = method.stages(settings_of(method, bench.spec.method), bench)
    return student


class Variant:
    """One way of stepping: a stage, its optimizer, and where its batches come from."""

    def __init__(self, bench: Bench, *, dummy: bool = False) -> None:
        self.bench = bench
        self.stage = student_stage(bench)
        self.stage.objective.train()
        self.optimizer = torch.optim.AdamW([p for p in self.stage.objective.parameters() if p.requires_grad])
        generator = torch.Generator().manual_seed(0)
        self.batches = iter(self.stage.batches(generator))
        self.fixed = next(self.batches) if dummy else None

    def step(self) -> None:
        """Take one step."""
        batch = self.fixed if self.fixed is not None else next(self.batches)
        step_once(self.stage, self.bench, self.optimizer, batch)
        if self.bench.machine.device.type == "cuda":
            torch.cuda.synchronize()


def seconds(step: Callable[[], None], number: int) -> float:
    """Return the seconds of one step, from some."""
    start = time.perf_counter()
    for _ in range(number):
        step()
    return (time.perf_counter() - start) / number


def variants(folder: Path, steps: int, rounds: int) -> dict[str, Variant]:
    """Return what is compared."""
    data = write_sample(folder, cases_per_domain=4)
    spec = TrainSpec(
        datasets=(data,),
        preprocessing=PreprocessingWishes(patch=(48, 48, 48)),
        schedule=Schedule(epochs=1, steps_per_epoch=(steps + 1) * (rounds + 2), batch_size=2),
        hardware=Hardware(precision="bf16"),
    )

    def bench(method: str, precision: str = "bf16", **settings: float | bool) -> Bench:
        choice = MethodChoice(name=method, settings=dict(settings))
        chosen = spec.replace(method=choice, hardware=Hardware(precision=precision))
        return open_bench(chosen, method_named(method).tasks)

    return {
        "supervised": Variant(bench("supervised")),
        "supervised again": Variant(bench("supervised")),
        "shape-intensity": Variant(bench("shape-intensity")),
        "joint-teacher": Variant(bench("joint-teacher")),
        "joint-teacher, answers alone": Variant(bench("joint-teacher", features=0.0)),
        "joint-teacher, beforehand": Variant(bench("joint-teacher", features=0.0, beforehand=True)),
        "supervised, dummy tensors": Variant(bench("supervised"), dummy=True),
        "supervised, fp32": Variant(bench("supervised", "fp32")),
    }


def measure(compared: dict[str, Variant], steps: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of a step per round; the variants take turns, and a first round warms up."""
    found: dict[str, list[float]] = {name: [] for name in compared}
    for turn in range(rounds + 1):
        for name, variant in compared.items():
            measured = seconds(variant.step, steps)
            if turn:
                found[name].append(measured)
    return found


#: Ratios that are reported: name, numerator, denominator, goal.
RATIOS = (
    ("A/A control", "supervised again", "supervised", ""),
    ("distillation step / plain step", "shape-intensity", "supervised", "<= 1.40"),
    ("joint teacher's student, one expert / plain step", "joint-teacher", "supervised", ""),
    ("the same, answers alone / plain step", "joint-teacher, answers alone", "supervised", ""),
    ("the same, answers beforehand / plain step", "joint-teacher, beforehand", "supervised", "<= 1.10"),
    ("real pipeline / dummy tensors", "supervised", "supervised, dummy tensors", "<= 1.10"),
    ("bf16 step / fp32 step", "supervised", "supervised, fp32", "<= 0.60 with AMX"),
)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8, help="steps of a variant in a round")
    parser.add_argument("--rounds", type=int, default=7)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(variants(Path(folder), wanted.steps, wanted.rounds), wanted.steps, wanted.rounds)
    record = Record("training")
    for name, values in found.items():
        kept = tuple(round(value, 5) for value in values)
        median = statistics.median(values)
        record.rows.append(Row(row=name, metric="step", unit="s", n=wanted.steps, mean=round(median, 5), values=kept))
        print(f"{name:34s} {1000 * median:8.1f} ms a step")
    for name, above, below, goal in RATIOS:
        ratios = tuple(round(a / b, 4) for a, b in zip(found[above], found[below], strict=True))
        median = statistics.median(ratios)
        record.rows.append(
            Row(row=name, metric="ratio", unit="", n=wanted.rounds, mean=median, values=ratios, versus=below)
        )
        print(f"{name:50s} {median:8.3f}  {goal}")
    print(record.write())


if __name__ == "__main__":
    main()
