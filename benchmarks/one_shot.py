"""One labelled reference and unlabelled images, against registration and the honest baselines.

    python benchmarks/one_shot.py train [--experiment hippocampus] [--row recommended] [--references 0,1] [--minutes 60]
    python benchmarks/one_shot.py report
    python benchmarks/one_shot.py try [--row NAME] [--references 0] [--minutes 60]
    python benchmarks/one_shot.py report --side development

Three fixed references, each alone; the other training images are unlabelled, and no label but the
reference's is read. ``train`` takes the rows that are not done yet, reference by reference, and writes each as a file
of its own under ``results/one_shot/``. ``try`` trains the candidates for *recommended* with a quarter of the steps and
scores development cases alone. Settings are chosen there; *test* is scored once, with the weights of the end.
Needs MEDKD_DATA, and for the row ``registration`` MEDKD_GREEDY_PYTHON (see greedy_warp.py).
"""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from moved_labels import network_registered_label
from one_shot_data import ANSWERS, EXPERIMENTS, WORK, Experiment
from one_shot_rows import CANDIDATES, ONE_SHOT, ROWS, Moved, Trained, held_against
from paired_table import Scored, difference_row, read_scores, rows_of
from record import RESULTS, Record, Row, machine, machines, versions
from row_commands import in_own_process, read_commands, within
from scipy.stats import spearmanr
from shared_registration import SharedRegistration
from trained import (
    Answers,
    asked_of,
    computed_on,
    differences,
    drawn,
    forget,
    is_kept,
    line_of,
    most_memory_gb,
    score_side,
    trained,
)

from napari_medkd.core.annotation import Mask
from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.volume import Volume
from napari_medkd.engine.predict import Predictor
from napari_medkd.files.atomic import write_text
from napari_medkd.files.manifest import write_dataset
from napari_medkd.files.opening import read_volume, write_mask

KEPT = RESULTS / "one_shot"
TRIED = RESULTS / "one_shot_tried"


def _trained(row: Trained, experiment: Experiment, number: int, run: Path) -> Callable[[Case, Volume], Mask]:
    """Train a row, and return what draws: the student, taught in every round by its own answers to all images too."""
    dataset = row.dataset(experiment, number)
    spec = row.spec(experiment, _manifest(dataset, run.name), number)
    predictor = trained(spec, run / "round-0")
    if row.only_registers:
        return network_registered_label(spec, run / "round-0")
    for at in range(1, row.rounds + 1):
        labelled = _with_answers(dataset, experiment.references()[number], run / f"answers-{at}", predictor)
        spec = row.spec(experiment, _manifest(labelled, f"{run.name}-{at}"), number)
        # All as references: a label goes on beyond an image's edge, as it does in the first training.
        predictor = trained(spec.replace(references=labelled.split.train), run / f"round-{at}")
    return Answers(predictor, ANSWERS / run.name)


def _with_answers(dataset: Dataset, reference: str, folder: Path, predictor: Predictor) -> Dataset:
    """Return the dataset in which every training case but the reference has a network's answer as its label."""
    (task,) = dataset.tasks.values()
    folder.mkdir(parents=True, exist_ok=True)
    cases = []
    for case in (dataset.case(name) for name in dataset.split.train):
        if case.id != reference:
            path = folder / f"{case.id}.nii.gz"
            volume = read_volume(case.images, channels=dataset.channels, modality=dataset.modality)
            if not path.is_file():
                write_mask(path, drawn(predictor, volume)[0])
            case = replace(case, annotations={task.name: path})
        cases.append(case)
    return replace(dataset, cases=tuple(cases), split=Split(train=dataset.split.train))


def _manifest(dataset: Dataset, name: str) -> Path:
    folder = WORK / "datasets" / name
    folder.mkdir(parents=True, exist_ok=True)
    return write_dataset(dataset, folder)


def _drawing(
    row: Trained | Moved, experiment: Experiment, number: int, run: Path
) -> tuple[Callable[[Case, Volume], Mask], float | None]:
    """Return what draws, and the seconds that all of its training took, None where part of it was there already."""
    if isinstance(row, Moved):
        return row.by(experiment.dataset(), experiment.references()[number]), None
    shared = None
    if row.method == ONE_SHOT:
        spec, dataset = row.spec(experiment, Path(), number), row.dataset(experiment, number)
        shared = SharedRegistration(spec, dataset, WORK / "registrations")
        shared.lend(run / "round-0")
    start, is_fresh = time.monotonic(), not run.exists()
    draw = _trained(row, experiment, number, run)
    seconds = round(time.monotonic() - start, 1)
    if shared is not None:
        shared.keep(run / "round-0")
    return draw, seconds if is_fresh else None


def _asked(row: Trained | Moved, experiment: Experiment, number: int) -> dict[str, object]:
    """Return what makes a trained row what it is; the number tells which reference, which is no part of it."""
    if isinstance(row, Moved):
        return {}
    return {**asked_of(row.spec(experiment, Path(), number)), **row.beyond_the_spec}


def finish_row(experiment: str, name: str, row: Trained | Moved, number: int, only_tried: bool) -> None:
    """Train one row with one reference if it has a network, score it, and write its file."""
    chosen, into, sides = EXPERIMENTS[experiment], KEPT, ("development", "test")
    if only_tried:
        into, sides = TRIED, ("development",)
    kept = into / experiment / f"{name}.reference-{number}.json"
    run = WORK / "runs" / f"{experiment}.{name}.reference-{number}{'.tried' if only_tried else ''}"
    asked = _asked(row, chosen, number)
    if is_kept(kept, asked):
        return
    draw, seconds = _drawing(row, chosen, number, run)
    document = {
        "experiment": experiment,
        "row": name,
        "seed": number,
        "reference": chosen.references()[number],
        **asked,
        "seconds_training": seconds,
        **(computed_on(run / "round-0") if asked else {"machine": machine(), "versions": versions()}),
        "scores": {
            test: {side: score_side(make(), side, draw) for side in sides} for test, make in chosen.tests.items()
        },
    }
    if isinstance(draw, Answers):
        document |= {"uncertainty": draw.uncertainty, "most_memory_gb": round(most_memory_gb(), 2)}
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_text(kept, json.dumps(document, indent=1))
    print(line_of(document), flush=True)
    if asked:
        forget(run)
    for folder in (WORK / "datasets").glob(f"{run.name}*"):
        shutil.rmtree(folder)


UNCERTAINTY = "uncertainty, rank correlation with 1 - Dice"


def _files(experiment: str, side: str) -> dict[str, tuple[Trained | Moved, list[Path]]]:
    """Return the rows scored on a side, with the files of their references: on *development* the candidates.

    What was trained with other settings than the row has now is left out.
    """
    rows, kept = (ROWS, KEPT) if side == "test" else (CANDIDATES, TRIED)
    found = {}
    for name, row in rows.items():
        files = sorted((kept / experiment).glob(f"{name}.reference-*.json"))
        files = [file for file in files if not differences(file, _asked(row, EXPERIMENTS[experiment], 0))]
        if files:
            found[name] = (row, files)
    return found


def _report_test(record: Record, experiment: str, test: str, side: str) -> None:
    dataset, scored = EXPERIMENTS[experiment].tests[test](), dict[str, Scored]()
    for name, (row, files) in _files(experiment, side).items():
        scored[name] = read_scores(files, test, side)
        record.rows += rows_of(name, row.preset, test, "in site", scored[name])
    for name, found in scored.items():
        for other in held_against(name, side):
            if other != name and other in scored and set(found.seeds) & set(scored[other].seeds):
                patients = [dataset.case(case).group for case in found.cases]
                pair = (found, scored[other])
                record.rows.append(difference_row(name, other, test, "in site", pair, patients))


def _documents(files: list[Path], key: str) -> list[dict[str, Any]]:
    """Return the files in which something stands that is not known of every row."""
    documents = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return [document for document in documents if document.get(key) is not None]


def _report_uncertainty(record: Record, experiment: str, test: str) -> None:
    """Tell how well uncertainty finds the cases to look at first: its rank correlation with 1 - Dice."""
    for name, (row, files) in _files(experiment, "test").items():
        values, cases = [], 0
        for document in _documents(files, "uncertainty"):
            scores = document["scores"][test]["test"]
            wrong = [1 - np.nanmean([one["dice"] for one in classes.values()]) for classes in scores.values()]
            unsure = [document["uncertainty"][case] for case in scores]
            values.append(round(float(spearmanr(unsure, wrong).statistic), 4))
            cases = len(scores)
        if values:
            found = (cases, round(float(np.mean(values)), 4), tuple(values))
            record.rows.append(Row(name, UNCERTAINTY, "", *found, preset=row.preset, domain=test))


def _report_costs(record: Record, experiment: str, side: str) -> None:
    for name, (row, files) in _files(experiment, side).items():
        for key, metric, unit in (("seconds_training", "training", "s"), ("most_memory_gb", "most memory", "GB")):
            values = tuple(document[key] for document in _documents(files, key))
            if values:
                more = {"preset": row.preset, "task": "segmentation", "domain": experiment}
                record.rows.append(Row(name, metric, unit, len(values), round(fmean(values), 2), values, **more))


def report(side: str) -> None:
    """Write results/one_shot.json from the rows that are done, or of the candidates, results/one_shot_tried.json."""
    record = Record("one_shot" if side == "test" else "one_shot_tried")
    files = [file for experiment in EXPERIMENTS for _, found in _files(experiment, side).values() for file in found]
    record.notes = {"side": side, "machine": machines(json.loads(file.read_text(encoding="utf-8")) for file in files)}
    for experiment, chosen in EXPERIMENTS.items():
        for test in chosen.tests:
            _report_test(record, experiment, test, side)
            if side == "test":
                _report_uncertainty(record, experiment, test)
        _report_costs(record, experiment, side)
    print(record.write())
    for row in record.rows:
        if row.class_ == "mean":
            against = f"{row.difference:+.4f} {row.ci95} over {row.versus}" if row.versus else ""
            print(f"{row.test:18s} {row.row:34s} {row.mean:.4f} {row.values} {against}")


def main() -> None:
    """Read the command line."""
    wanted = read_commands(__doc__, EXPERIMENTS, ROWS, CANDIDATES, ("references", 3))
    if wanted.command == "report":
        report(wanted.side)
        return
    rows = CANDIDATES if wanted.command == "try" else ROWS
    jobs = product(wanted.experiment or EXPERIMENTS, wanted.numbers, wanted.row or rows)
    for experiment, number, name in within(wanted.minutes, jobs):
        in_own_process(finish_row, experiment, name, rows[name], number, wanted.command == "try")


if __name__ == "__main__":
    main()
