"""Shape-intensity distillation on real data, in site and across sites, against the plain baseline and the controls.

    python benchmarks/shape_intensity.py train [--experiment busbra] [--row recommended] [--seeds 0,1] [--minutes 60]
    python benchmarks/shape_intensity.py report
    python benchmarks/shape_intensity.py try [--experiment busbra] [--row NAME] [--seeds 0] [--minutes 60]
    python benchmarks/shape_intensity.py report --side development

``train`` takes the rows that are not done yet, seed by seed, so that every row has the same seeds, and writes each as a
file of its own under ``results/shape_intensity/``: stop it when you like. A run has one thread, so that a second
``train``, of the other experiment, can go on beside it. ``report`` makes the table of all of them.
``try`` trains the candidates for *recommended* and scores development cases alone; ``report --side development`` holds
them against *supervised*. Settings are chosen there; *test* is scored once, with the weights of the end.
Needs MEDKD_DATA.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from paired_table import Scored, difference_row, read_scores, rows_of
from real_data import busbra, hippocampus, oasis
from record import RESULTS, Record, Row, machine, versions
from row_commands import read_commands, within
from trained import Answers, asked_of, forget, is_kept, line_of, score_side, trained

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.preprocessing import PreprocessingWishes
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, Schedule, TrainSpec
from napari_medkd.engine.predict import Predictor
from napari_medkd.files.atomic import write_text
from napari_medkd.files.manifest import write_dataset

WORK = Path(__file__).parent / "work" / "shape_intensity"
KEPT = RESULTS / "shape_intensity"
TRIED = RESULTS / "shape_intensity_tried"


@dataclass(frozen=True)
class Experiment:
    """What is trained on, what is tested on, and the budget every row gets.

    Parameters
    ----------
    training
        Train and in-site cases.
    tests
        By name: a dataset whose *validate* side is development and whose *test* side is scored once.
    """

    training: Callable[[], Dataset]
    tests: dict[str, Callable[[], Dataset]]
    network: NetworkChoice
    schedule: Schedule
    preprocessing: PreprocessingWishes
    cross_site: str


EXPERIMENTS = {
    "hippocampus": Experiment(
        hippocampus,
        {"hippocampus": hippocampus, "oasis": oasis},
        NetworkChoice(widths=(16, 32, 64, 128)),
        Schedule(epochs=4, steps_per_epoch=150, batch_size=4, learning_rate=2e-3),
        PreprocessingWishes(spacing=(1.0, 1.0, 1.0), patch=(40, 56, 40)),
        "oasis",
    ),
    "busbra": Experiment(
        lambda: busbra("in site"),
        {"busbra-ge": lambda: busbra("in site"), "busbra-toshiba-u-systems": lambda: busbra("cross-site")},
        NetworkChoice(widths=(16, 32, 64, 128, 256)),
        Schedule(epochs=6, steps_per_epoch=150, batch_size=12, learning_rate=2e-3),
        PreprocessingWishes(spacing=(1.0, 2.0, 2.0), patch=(1, 128, 128)),
        "busbra-toshiba-u-systems",
    ),
}


@dataclass(frozen=True)
class Trained:
    """One row of the table."""

    method: str
    preset: str = "recommended"
    settings: dict[str, bool | float | str] = field(default_factory=dict)
    augmentation: str = "strong"
    seeds: int = 5
    epochs: int | None = None
    longer: float = 1.0

    @property
    def choice(self) -> MethodChoice:
        """The method with its settings, and with plain Dice, as all rows were before decision record 0028."""
        return MethodChoice(name=self.method, preset=self.preset, settings={"log_dice": False, **self.settings})


SIKD = "shape-intensity"
ROWS = {
    "supervised": Trained("supervised"),
    "supervised, the teacher's steps too": Trained("supervised", longer=1.5),
    "recommended": Trained(SIKD),
    "faithful": Trained(SIKD, "faithful"),
    # The same bits as supervised (invariant 5, which tests/methods holds): one seed shows it.
    "recommended without distillation": Trained(SIKD, settings={"features": 0.0}, seeds=1),
    "label-map teacher": Trained(SIKD, settings={"teacher_sees": "label map"}, seeds=2),
    "real-image teacher": Trained(SIKD, settings={"teacher_sees": "image"}, seeds=2),
    "random teacher": Trained(SIKD, settings={"teacher_trains": False}, seeds=2),
    "supervised, no augmentation": Trained("supervised", augmentation="none"),
    "recommended, no augmentation": Trained(SIKD, augmentation="none"),
    "faithful, no augmentation": Trained(SIKD, "faithful", augmentation="none"),
}


def _candidate(follow: str, features: float, teacher_shallower_by: int, *, fade: bool = False) -> Trained:
    """Return one way to follow the teacher, spelled out so that it stays what it was when *recommended* changes."""
    steady = {"head_from_teacher": True, "cross_entropy": 1.0, "dice": 1.0, "teacher_share": 0.5}
    tried = {"follow": follow, "features": features, "teacher_shallower_by": teacher_shallower_by, "fade": fade}
    return Trained(SIKD, settings={**steady, **tried}, epochs=4)


#: What was tried for *recommended*, on development cases alone, in runs of fewer epochs.
CANDIDATES = {
    "supervised": Trained("supervised", epochs=4),
    "where it is right, weight 1, teacher of equal depth": _candidate("where it is right", 1.0, 0),
    "everywhere, teacher of equal depth": _candidate("everywhere", 2.0, 0),
    "everywhere, teacher one level shallower": _candidate("everywhere", 2.0, 1),
    "everywhere, teacher two levels shallower": _candidate("everywhere", 2.0, 2),
    # Tried after the test cases had been scored with weight 2, for the 0.4 points it loses in site on the hippocampus.
    "everywhere, weight 1, teacher of equal depth": _candidate("everywhere", 1.0, 0),
    "everywhere, teacher of equal depth, fading": _candidate("everywhere", 2.0, 0, fade=True),
    "where it is right, weight 1, teacher of equal depth, fading": _candidate("where it is right", 1.0, 0, fade=True),
    "everywhere, weight 4, teacher of equal depth, fading": _candidate("everywhere", 4.0, 0, fade=True),
}


def _spec(experiment: str, row: Trained, seed: int) -> TrainSpec:
    chosen = EXPERIMENTS[experiment]
    epochs = row.epochs or round(chosen.schedule.epochs * row.longer)
    dataset = chosen.training()
    folder = WORK / "datasets" / experiment
    folder.mkdir(parents=True, exist_ok=True)
    return TrainSpec(
        datasets=(write_dataset(dataset, folder),),
        preprocessing=chosen.preprocessing,
        method=row.choice,
        network=chosen.network,
        schedule=chosen.schedule.replace(augmentation=row.augmentation, epochs=epochs),
        hardware=Hardware(threads=1, precision="bf16"),
        seed=seed,
    )


def _scores(experiment: str, predictor: Predictor, sides: tuple[str, ...]) -> dict[str, dict[str, object]]:
    return {
        name: {side: score_side(dataset, side, Answers(predictor)) for side in sides}
        for name, make in EXPERIMENTS[experiment].tests.items()
        for dataset in [make()]
    }


def train_row(experiment: str, name: str, row: Trained, seed: int, sides: tuple[str, ...], into: Path) -> None:
    """Train one row with one seed, score it, and write its file into a folder.

    Raises
    ------
    RuntimeError
        Where the training fails, or the row's file there is from other settings.
    """
    kept = into / experiment / f"{name}.seed-{seed}.json"
    run, start = WORK / "runs" / experiment / f"{name}.seed-{seed}", time.monotonic()
    spec = _spec(experiment, row, seed)
    asked = asked_of(spec)
    if is_kept(kept, asked):
        return
    is_fresh = not run.exists()
    predictor = trained(spec, run)
    seconds = time.monotonic() - start
    document = {
        "experiment": experiment,
        "row": name,
        "seed": seed,
        **asked,
        "seconds_training": round(seconds, 1) if is_fresh else None,
        "machine": machine(),
        "versions": versions(),
        "scores": _scores(experiment, predictor, sides),
    }
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_text(kept, json.dumps(document, indent=1))
    forget(run)
    print(line_of(document), flush=True)


def _jobs(wanted: argparse.Namespace, rows: dict[str, Trained]) -> Iterator[tuple[str, str, Trained, int]]:
    experiments = wanted.experiment or list(EXPERIMENTS)
    for seed in wanted.numbers:
        for experiment in experiments:
            for name, row in rows.items():
                if seed < row.seeds and (not wanted.row or name in wanted.row):
                    yield experiment, name, row, seed


def train_rows(wanted: argparse.Namespace) -> None:
    """Train what is wanted and not done, until the minutes are over."""
    trying = wanted.command == "try"
    sides, into = (("development",), TRIED) if trying else (("development", "test"), KEPT)
    for experiment, name, row, seed in within(wanted.minutes, _jobs(wanted, CANDIDATES if trying else ROWS)):
        train_row(experiment, name, row, seed, sides, into)


#: What each row is held against.
VERSUS = {
    "supervised, the teacher's steps too": ("supervised",),
    "recommended": ("supervised", "supervised, the teacher's steps too"),
    "recommended without distillation": ("supervised",),
    "faithful": ("supervised",),
    "label-map teacher": ("recommended",),
    "real-image teacher": ("recommended",),
    "random teacher": ("recommended",),
    "recommended, no augmentation": ("supervised, no augmentation",),
    "faithful, no augmentation": ("supervised, no augmentation",),
}


def _files(experiment: str, side: str) -> dict[str, tuple[Trained, list[Path]]]:
    """Return the rows scored on a side, with the files of their seeds: on *development* the candidates."""
    rows, kept = (ROWS, KEPT) if side == "test" else (CANDIDATES, TRIED)
    found = {name: (row, sorted((kept / experiment).glob(f"{name}.seed-*.json"))) for name, row in rows.items()}
    return {name: (row, files) for name, (row, files) in found.items() if files}


def _report_test(record: Record, experiment: str, test: str, side: str) -> None:
    dataset = EXPERIMENTS[experiment].tests[test]()
    domain = "cross-site" if test == EXPERIMENTS[experiment].cross_site else "in site"
    scored: dict[str, Scored] = {}
    for name, (row, files) in _files(experiment, side).items():
        scored[name] = read_scores(files, test, side)
        record.rows += rows_of(name, row.preset, test, domain, scored[name])
    for name in scored:
        for other in VERSUS.get(name, ("supervised",) if side == "development" else ()):
            if other != name and other in scored and set(scored[name].seeds) & set(scored[other].seeds):
                patients = [dataset.case(case).group for case in scored[name].cases]
                pair = (scored[name], scored[other])
                record.rows.append(difference_row(name, other, test, domain, pair, patients))


def _report_seconds(record: Record, experiment: str) -> None:
    for name, (row, files) in _files(experiment, "test").items():
        measured = [json.loads(file.read_text(encoding="utf-8"))["seconds_training"] for file in files]
        # A run that was interrupted or suspended has none.
        values = tuple(seconds for seconds in measured if seconds is not None)
        if values:
            mean = round(float(np.mean(values)), 1)
            more = {"preset": row.preset, "task": "segmentation", "domain": experiment}
            record.rows.append(Row(name, "training", "s", len(values), mean, values, **more))


def report(side: str) -> None:
    """Write results/shape_intensity.json from the rows that are done."""
    record = Record("shape_intensity" if side == "test" else "shape_intensity_tried")
    record.notes = {"side": side, "settings_tried": len(CANDIDATES) - 1}
    for experiment, chosen in EXPERIMENTS.items():
        for test in chosen.tests:
            _report_test(record, experiment, test, side)
        _report_seconds(record, experiment)
    print(record.write())
    for row in record.rows:
        if row.class_ == "mean":
            spread = f"{np.std(row.values, ddof=1):.4f}" if len(row.values) > 1 else "-"
            against = f"{row.difference:+.4f} {row.ci95} over {row.versus}" if row.versus else ""
            print(f"{row.test:26s} {row.row:34s} {row.mean:.4f} ± {spread} ({len(row.values)} seeds) {against}")


def main() -> None:
    """Read the command line."""
    wanted = read_commands(__doc__, EXPERIMENTS, ROWS, CANDIDATES, ("seeds", 5))
    if wanted.command == "report":
        report(wanted.side)
    else:
        train_rows(wanted)


if __name__ == "__main__":
    main()
