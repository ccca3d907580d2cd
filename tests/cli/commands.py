"""The real command as a child process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from napari_medkd.core.events import AnyEvent
from napari_medkd.core.spec import TrainSpec
from napari_medkd.runs.folder import RunFolder

PATIENCE_SECONDS = 120.0


def start(*arguments: object, **options: object) -> "subprocess.Popen[str]":
    """Start a command; its output can be read from the pipe, where it is not to go elsewhere."""
    surroundings = {**os.environ, "OMP_NUM_THREADS": "1"}
    chosen = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": surroundings} | options
    return subprocess.Popen(  # type: ignore[call-overload, no-any-return]
        [sys.executable, "-m", "napari_medkd", *map(str, arguments)], text=True, **chosen
    )


def finish(child: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """Wait for a command's end, and return its exit code and what it printed."""
    out, err = child.communicate(timeout=PATIENCE_SECONDS)
    return child.returncode, out, err


def run(*arguments: object, **options: object) -> tuple[int, str, str]:
    """Run a command to its end."""
    return finish(start(*arguments, **options))


def wait_until(is_so: Callable[[], bool], child: "subprocess.Popen[str]") -> None:
    """Return as soon as it is so; fail where the command ends before."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert child.poll() is None, f"the command ended too soon: {child.communicate()}"
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.02)


def kill(child: "subprocess.Popen[str]") -> None:
    """End a command as a power cut would."""
    child.send_signal(signal.SIGKILL)
    child.communicate()


def events(run_folder: Path, kind: type[AnyEvent]) -> list[AnyEvent]:
    """Return the events of one kind so far."""
    return [event for event in RunFolder(run_folder).events() if isinstance(event, kind)]


def new_run(parent: Path, spec: TrainSpec) -> Path:
    """Make a run folder for a spec, and return it."""
    return RunFolder.create(parent, spec).path
