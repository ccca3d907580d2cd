"""The main job end to end, in a real napari window: what `make demo` runs.

    python scripts/demo.py [--out demo] [--data FOLDER] [--budget SECONDS]

Opens napari, loads the sample (or your folder), trains a teacher and a student in the background through the docks,
then the plain baseline for as many epochs, shows teacher | student | difference, and leaves screenshots, the metric
table and the run folders in the output folder. ``--budget`` is how long training may take in all.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from window import Window

PYTHON = Path(sys.executable)

#: The sample has few cases, so that few patches a step, a small network and a high learning rate do.
FOR_THE_SAMPLE = {
    "schedule.batch_size": 2,
    "schedule.learning_rate": 1e-2,
    "network.widths": (8, 16, 32),
}
#: A teacher that trains as long as the student: with half of that it has not found the small organs yet.
FOR_ITS_TEACHER = {"method.settings.teacher_share": 1.0}
STEPS_PER_EPOCH = 25

#: The baseline's share of the budget is smaller: it has one stage, and no teacher to ask.
SHARE_OF_DISTILLATION = 0.66
MOST_EPOCHS = 40


def open_data(window: Window, data: Path | None) -> None:
    """Open the dataset in the Data dock, and show a case that is not trained on."""
    from napari_medkd.files.sample import write_sample

    path = data if data is not None else write_sample(window.out / "sample")
    dock = window.dock("Data")
    dock.open_path(path)
    window.wait(lambda: window.session.dataset is not None or dock.state.problems, "the dataset")
    if window.session.dataset is None:
        sys.exit("\n".join(str(problem) for problem in dock.state.problems))
    split = window.session.dataset.split
    dock.show_case((split.test or split.validate or split.train)[0])
    window.wait(lambda: window.session.opened, "the case")
    window.shot("1-data")


def set_up(window: Window, method: str, values: dict[str, Any]) -> Any:
    """Choose a method and its budget in the Train dock."""
    dock = window.dock("Train")
    window.wait(lambda: dock.state.cards or dock.state.missing, "the list of methods")
    if not dock.state.cards:
        sys.exit("\n".join(str(problem) for problem in dock.state.missing))
    dock.presenter.choices.choose_method(method)
    for name, value in values.items():
        dock.presenter.choices.set_value(name, value)
    window.settle(0.3)
    return dock


def epochs_within(window: Window, values: dict[str, Any], seconds: float) -> int:
    """Let the Train dock measure a few steps, and return how many epochs the seconds allow."""
    dock = set_up(window, "shape-intensity", {**values, "schedule.epochs": 10})
    window.click(dock.estimate)
    window.wait(lambda: dock.state.estimate or dock.state.problems, "the estimate")
    if dock.state.estimate is None:
        sys.exit("\n".join(str(problem) for problem in dock.state.problems))
    window.shot("2-train")
    return max(2, min(MOST_EPOCHS, int(10 * seconds / dock.state.estimate.seconds)))


def train(window: Window, method: str, values: dict[str, Any], minutes: float) -> Path:
    """Start a run with the Train dock's button, watch it in the Runs dock to its end, and return its folder."""
    dock = set_up(window, method, values)
    before = window.session.run
    window.click(dock.start)
    window.wait(lambda: window.session.run != before or dock.state.problems, "the run to start")
    if window.session.run == before:
        sys.exit("\n".join(str(problem) for problem in dock.state.problems))
    run = window.session.run
    window.dock("Runs")
    seen, pictured = "", False

    def ended() -> bool:
        nonlocal seen, pictured
        status = window.session.run_status
        line = f"{status.phase} {status.stage}: epoch {status.epoch}, step {status.step} of {status.of_steps}"
        if line.split(", step")[0] != seen.split(", step")[0]:
            print(f"  {line}", flush=True)
        seen = line
        if not pictured and status.stage == "student" and 0.75 <= status.fraction < 1:
            pictured = True
            window.shot(f"3-training-{method}")
        return status.phase in ("ended", "lost")

    window.wait(ended, f"the run in {run}", minutes)
    status = window.session.run_status
    if status.outcome != "completed":
        sys.exit(f"The run ended: {status.phase} {status.outcome or ''} {status.message} Its log: {run / 'log.txt'}")
    return run


def compare(window: Window, run: Path) -> None:
    """Predict with teacher and student in the Results dock, and put them side by side."""
    window.session.run = run
    dock = window.dock("Results")
    window.wait(lambda: not dock.state.advice and dock.state.networks, "the trained networks")
    window.click(dock.view.predict)
    window.wait(lambda: dock.state.answers or dock.state.message, "the student's answer")
    window.shot("4-student")
    window.click(dock.view.compare)
    window.wait(lambda: dock.state.panels or dock.state.message, "the comparison")
    if not dock.state.panels:
        sys.exit(f"{dock.state.message} {dock.state.hint}")
    window.shot("5-side-by-side")
    if window.session.dataset is not None and len(window.viewer.layers[0].data.shape) == 3:
        window.click(dock.view.planes.buttons["3D"])
        window.shot("6-side-by-side-3d")
        window.click(dock.view.planes.buttons["Axial"])
    window.click(dock.view.compare)


def medkd(*arguments: object) -> str:
    """Run a medkd command and return what it printed."""
    command = [str(PYTHON), "-m", "napari_medkd", *map(str, arguments)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    if done.returncode:
        sys.exit(f"`medkd {' '.join(map(str, arguments))}` ended with {done.returncode}.")
    return done.stdout


def scores(run: Path, side: str) -> list[dict[str, Any]]:
    """Predict one side of the split with the run's student, and return a row for each case and class."""
    out = run / "predictions" / f"student-{side}"
    medkd("predict", run, "--split", side, "--out", out)
    found: list[dict[str, Any]] = json.loads(medkd("evaluate", out, "--json"))["scores"]
    return found


def mean_dice(rows: list[dict[str, Any]]) -> float:
    """Return the mean over cases of each case's mean Dice over its classes."""
    cases: dict[str, list[float]] = {}
    for row in rows:
        if row["dice"] is not None and row["dice"] == row["dice"]:
            cases.setdefault(row["case"], []).append(row["dice"])
    return sum(sum(values) / len(values) for values in cases.values()) / max(1, len(cases))


def table(window: Window, runs: dict[str, Path]) -> None:
    """Score every run on the test cases, write metrics.csv, and print student beside baseline."""
    split = window.session.dataset.split if window.session.dataset else None
    side = "test" if split and split.test else "validate"
    found = {name: scores(run, side) for name, run in runs.items()}
    with (window.out / "metrics.csv").open("w", newline="", encoding="utf-8") as file:
        rows = [{"run": name, **row} for name, of_run in found.items() for row in of_run]
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    domains = list(dict.fromkeys(row["domain"] for rows in found.values() for row in rows))
    width = max(map(len, [*domains, "all"])) + 2
    print(f"\nMean Dice on the {side} cases")
    print(" " * width + "".join(f"{name:>28s}" for name in found))
    for domain in [*domains, "all"]:
        means = [mean_dice([row for row in rows if domain in ("all", row["domain"])]) for rows in found.values()]
        print(f"{domain or '-':{width}s}" + "".join(f"{mean:28.3f}" for mean in means))
    print(f"\nEvery case and class: {window.out / 'metrics.csv'}")


def main() -> None:
    """Do all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for what the demonstration leaves")
    parser.add_argument("--data", type=Path, help="your dataset folder; the generated sample without")
    parser.add_argument("--budget", type=float, default=330, help="seconds of training in all, estimated beforehand")
    wanted = parser.parse_args()
    out: Path = wanted.out.resolve()
    for old in ("runs", "sample"):
        shutil.rmtree(out / old, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    os.environ["MEDKD_RUNS"] = str(out / "runs")
    started = time.monotonic()
    values = {**({} if wanted.data else FOR_THE_SAMPLE), "schedule.steps_per_epoch": STEPS_PER_EPOCH}
    of_teacher = {} if wanted.data else FOR_ITS_TEACHER
    window = Window(out)
    print("Open the data", flush=True)
    open_data(window, wanted.data and wanted.data.resolve())
    epochs = epochs_within(window, {**values, **of_teacher}, SHARE_OF_DISTILLATION * wanted.budget)
    values["schedule.epochs"] = epochs
    print(f"Train teacher and student: {epochs} epochs of {STEPS_PER_EPOCH} steps", flush=True)
    student = train(window, "shape-intensity", {**values, **of_teacher}, minutes=10 + wanted.budget / 10)
    print("Train the plain baseline: the same epochs, data order and seed", flush=True)
    baseline = train(window, "supervised", values, minutes=10 + wanted.budget / 10)
    print("Predict and compare", flush=True)
    compare(window, student)
    table(window, {"distilled student": student, "plain baseline": baseline})
    window.viewer.close()
    print(f"Done in {time.monotonic() - started:.0f} s; everything is in {out}.")


if __name__ == "__main__":
    main()
