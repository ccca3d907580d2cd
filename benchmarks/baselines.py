"""Whether our plain training is sound: tasks of which results are published, without any distillation.

    python benchmarks/baselines.py train [--experiment shenzhen] [--seeds 0,1] [--minutes 60]
    python benchmarks/baselines.py report [--side development]

Three seeds of *pneumoniamnist* and *bccd*, whose splits are given; *shenzhen* in five folds, a network for each, the
seed being the fold that tests. Test is scored once, with the weights of the end. Published of pneumoniamnist: AUC 0.944
and accuracy 0.854 (ResNet-18). Needs MEDKD_DATA.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
from joint_teacher_data import TUBERCULOSIS, WORK, bccd, chest, pneumonia
from record import RESULTS, Record, Row, machines
from row_commands import read_commands, within
from task_scores import Said, answers_of, document_in, further_scores, metric_of, text_of
from trained import asked_of, computed_on, forget, is_kept, trained

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, Schedule, TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.files.atomic import write_text
from napari_medkd.files.manifest import write_dataset

KEPT = RESULTS / "baselines"
SIDES = ("development", "test")


@dataclass(frozen=True)
class Experiment:
    """A dataset by seed, and what is trained on it."""

    dataset: Callable[[int], Dataset]
    network: NetworkChoice
    schedule: Schedule
    preprocessing: PreprocessingWishes
    num_seeds: int = 3

    def spec(self, manifest: Path, seed: int) -> TrainSpec:
        """Return the run on a dataset."""
        return TrainSpec(
            datasets=(manifest,),
            preprocessing=self.preprocessing,
            method=MethodChoice(name="supervised"),
            network=self.network,
            schedule=self.schedule,
            hardware=Hardware(threads=1, precision="auto"),
            seed=seed,
        )


EXPERIMENTS = {
    "pneumoniamnist": Experiment(
        lambda _seed: pneumonia(),
        NetworkChoice(widths=(32, 64, 128)),
        Schedule(epochs=6, steps_per_epoch=250, batch_size=32, learning_rate=3e-3),
        PreprocessingWishes(patch=(1, 32, 32)),
    ),
    "shenzhen": Experiment(
        lambda seed: chest("shenzhen", TUBERCULOSIS, seed),
        NetworkChoice(widths=(16, 32, 64, 96, 128)),
        Schedule(epochs=6, steps_per_epoch=150, batch_size=8, learning_rate=2e-3),
        PreprocessingWishes(patch=(1, 160, 160)),
        num_seeds=5,
    ),
    "bccd": Experiment(
        lambda _seed: bccd(),
        NetworkChoice(widths=(16, 32, 64, 128)),
        Schedule(epochs=5, steps_per_epoch=150, batch_size=4, learning_rate=2e-3),
        PreprocessingWishes(spacing=(1.0, 2.0, 2.0), patch=(1, 240, 320)),
    ),
}


def finish_row(experiment: str, seed: int) -> None:
    """Train one network where it is not done, and write what it says of development and test cases."""
    chosen = EXPERIMENTS[experiment]
    kept, run = KEPT / experiment / f"supervised.seed-{seed}.json", WORK / "runs" / f"baseline.{experiment}.seed-{seed}"
    asked = asked_of(chosen.spec(Path(), seed))
    if is_kept(kept, asked):
        return
    dataset, folder = chosen.dataset(seed), WORK / "datasets" / run.name
    folder.mkdir(parents=True, exist_ok=True)
    start, is_fresh = time.monotonic(), not run.exists()
    network = trained(chosen.spec(write_dataset(dataset, folder), seed), run)
    seconds = round(time.monotonic() - start, 1)
    document = {
        "experiment": experiment,
        "row": "supervised",
        "seed": seed,
        **asked,
        "seconds": seconds if is_fresh else None,
        **computed_on(run),
        "said": {side: answers_of(network, dataset, side) for side in SIDES},
    }
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_text(kept, text_of(document))
    scores = _scores(list(document["said"]["development"].values()), _task_of(dataset))
    print(experiment, "seed", seed, seconds, "s, development", {name: round(one, 4) for name, one in scores.items()})
    forget(run)


def _task_of(dataset: Dataset) -> Task:
    (task,) = dataset.tasks.values()
    return task


def _scores(said: list[Said], task: Task) -> dict[str, float]:
    """Return the mean over classes of AUC or AP, and what else tells of such tasks."""
    metric = metric_of(task, said)
    return {metric.name: float(np.nanmean(metric.of_cases(said, task))), **further_scores(said, task)}


def report(side: str) -> None:
    """Write results/baselines.json from the networks that are done."""
    record = Record("baselines" if side == "test" else "baselines_development")
    trained_on = []
    for name, chosen in EXPERIMENTS.items():
        files = sorted((KEPT / name).glob("supervised.seed-*.json"))
        documents = [document_in(file) for file in files]
        if not documents:
            continue
        trained_on += documents
        said = [list(document["said"][side].values()) for document in documents]
        task = _task_of(chosen.dataset(0))
        about = Row("supervised", "", "", len(said[0]), 0.0, (), task=task.kind, test=name, class_="mean")
        found = [_scores(cases, task) for cases in said]
        for metric in found[0]:
            record.rows.append(_row(about, metric, "", [scores[metric] for scores in found]))
        seconds = [document["seconds"] for document in documents if document["seconds"] is not None]
        if seconds:
            record.rows.append(_row(about, "training", "s", seconds))
    record.notes = {"side": side, "machine": machines(trained_on)}
    print(record.write())
    for row in record.rows:
        print(f"{row.test:16s} {row.metric:10s} {row.mean:.4f} {row.values}")


def _row(about: Row, metric: str, unit: str, values: list[float]) -> Row:
    mean = round(float(np.mean(values)), 5)
    return replace(about, metric=metric, unit=unit, mean=mean, values=tuple(round(value, 5) for value in values))


def main() -> None:
    """Read the command line."""
    wanted = read_commands(__doc__, EXPERIMENTS, ("supervised",), (), ("seeds", 5))
    if wanted.command == "report":
        report(wanted.side)
        return
    jobs = product(wanted.experiment or EXPERIMENTS, wanted.numbers)
    for name, seed in within(wanted.minutes, jobs):
        if seed < EXPERIMENTS[name].num_seeds:
            finish_row(name, seed)


if __name__ == "__main__":
    main()
