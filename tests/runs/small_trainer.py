"""A real process that keeps the rules of a run folder and trains nothing: the settings of its method say what it does.

``steps`` of ``seconds`` each · ``is_deaf`` to orders and to a polite end · ``starts`` a process of its own ·
``dies`` before its first word · ``fails`` with an error · ``queues`` for the device "cpu".
"""

import argparse
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from napari_medkd.core.control import Always, Control
from napari_medkd.core.events import (
    AnyEvent,
    CaseDone,
    EpochDone,
    RunContinued,
    RunEnded,
    RunPaused,
    RunResumed,
    RunStarted,
    StagePlan,
    StageStarted,
    StepDone,
)
from napari_medkd.core.run_layout import HEARTBEAT_SECONDS
from napari_medkd.runs.devices import wait_for_turn
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.orders import FolderControl

STEPS_PER_EPOCH = 10


def steps(first: int, last: int, seconds: float, control: Control) -> Iterator[AnyEvent]:
    for step in range(first, last + 1):
        if control.wish() == "pause":
            yield RunPaused()
            while control.wish() == "pause":
                time.sleep(0.005)
            if control.wish() == "go":
                yield RunResumed()
        if control.wish() == "stop":
            yield RunEnded(outcome="cancelled", message="The run was stopped.")
            return
        time.sleep(seconds)
        yield StepDone(stage="student", step=step, losses={"dice": 1 / step}, seconds_per_step=seconds)
        if step % STEPS_PER_EPOCH == 0:
            yield EpochDone(stage="student", epoch=step // STEPS_PER_EPOCH, step=step, metrics={}, is_best=False)
    yield RunEnded(outcome="completed")


def train(run: RunFolder, attempt: int, control: Control) -> Iterator[AnyEvent]:
    settings = run.spec().method.settings
    epochs = max([event.epoch for event in run.events() if isinstance(event, EpochDone)], default=0)
    last = int(settings.get("steps", 20))
    plan = (StagePlan("student", last // STEPS_PER_EPOCH, STEPS_PER_EPOCH),)
    host, pid = platform.node(), os.getpid()
    if attempt == 1:
        yield RunStarted(run=run.name, method="small", host=host, pid=pid, versions={}, seed=0, plan=plan, device="cpu")
    else:
        yield RunContinued(stage="student", epoch=epochs, host=host, pid=pid, attempt=attempt)
    yield StageStarted(stage="student", epochs=plan[0].epochs, steps_per_epoch=STEPS_PER_EPOCH)
    yield from steps(epochs * STEPS_PER_EPOCH + 1, last, float(settings.get("seconds", 0.002)), control)


def predict(run: RunFolder) -> Iterator[AnyEvent]:
    spec = run.prediction_spec()
    yield RunStarted(run=run.name, method="small", host=platform.node(), pid=os.getpid(), versions={}, seed=0, plan=())
    for image in spec.images:
        yield CaseDone(case=image.name, path=image.name, seconds=0.0, of_cases=len(spec.images))
    yield RunEnded(outcome="completed")


def train_in(run: RunFolder, beats: float) -> None:
    settings = run.spec().method.settings
    if settings.get("dies"):
        sys.exit("ModuleNotFoundError: No module named 'torch'")
    if settings.get("is_deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if settings.get("starts"):
        worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        (run.path / "worker.pid").write_text(str(worker.pid))
    attempt = run.next_attempt()
    with Heartbeat(run.path, attempt, every_seconds=beats) as heartbeat:
        control = FolderControl(run.path)
        if settings.get("queues") and not wait_for_turn(heartbeat, "cpu", control, look_seconds=0.02):
            run.append(RunEnded(outcome="cancelled", message="It was stopped while it waited."))
            return
        if settings.get("fails"):
            raise ValueError("This worker was told to fail.")
        for event in train(run, attempt, Always() if settings.get("is_deaf") else control):
            run.append(event)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["train", "predict"])
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--beats", type=float, default=HEARTBEAT_SECONDS)
    given, _rest = parser.parse_known_args()
    sys.stdout.write(f"Größe {given.command} × {os.environ.get('PYTHONUNBUFFERED')}\n")
    if given.command == "train":
        train_in(RunFolder(given.run), given.beats)
        return
    run = RunFolder.for_prediction(RunFolder(given.out).prediction_spec())
    with Heartbeat(run.path, run.next_attempt()):
        for event in predict(run):
            run.append(event)


if __name__ == "__main__":
    main()
