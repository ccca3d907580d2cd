"""Starting a run as a process of its own that outlives the viewer, and ending it."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from napari_medkd.core.command_line import command_line
from napari_medkd.core.errors import InputProblem, RunProblem
from napari_medkd.core.spec import PredictSpec
from napari_medkd.runs.child_environment import child_environment
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import reserve
from napari_medkd.runs.orders import give_order
from napari_medkd.runs.processes import end_with_all_it_started, find, started_at

#: How far a run stands back behind the viewer when both want the processor (POSIX; "below normal" on Windows).
NICENESS = 10

_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Child:
    """A process at work on a run folder.

    Parameters
    ----------
    run
        The run folder.
    started_at
        Start of the process, seconds since the Unix epoch.
    """

    run: Path
    pid: int
    started_at: float

    def is_alive(self) -> bool:
        """Return whether the process is still there."""
        return find(self.pid, self.started_at) == "same"

    def end(self, grace_seconds: float = 10.0) -> None:
        """Order the run to stop; if it has not ended in time, terminate it with all it started, then kill them.

        Blocks until the process has ended: call it from a thread that may wait.
        """
        with contextlib.suppress(InputProblem):  # the folder may be full or gone; the process must end all the same
            give_order(self.run, "stop")
        until = time.monotonic() + grace_seconds
        while self.is_alive() and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)
        if self.is_alive():
            end_with_all_it_started(self.pid)


@dataclass(frozen=True, slots=True)
class Here:
    """Starts runs on this computer, as the command line would.

    Parameters
    ----------
    python
        The interpreter; it may belong to another environment than the viewer's.
    program
        What the interpreter is told to run, before the arguments.
    """

    python: Path = Path(sys.executable)
    program: tuple[str, ...] = ("-m", "napari_medkd")

    def start(self, run: Path, *, resume: bool) -> Child:
        """Start the process that trains in a run folder, or continues there.

        Raises
        ------
        RunBusy
            Where a live process works on the folder already.
        RunProblem
            Where the folder is no run or cannot be written, or the interpreter cannot be started.
        """
        folder = RunFolder(run)
        folder.spec()
        return self._launch(folder, ["train", "--run", str(folder.path), *(["--resume"] if resume else [])])

    def predict(self, spec: PredictSpec) -> Child:
        """Start the process that predicts into ``spec.out``, which is made; errors as for `start`.

        The process reads there what is asked: a command line cannot hold the cases of every dataset.
        """
        folder = RunFolder.for_prediction(spec)
        return self._launch(folder, ["predict", str(folder.path)])

    def _launch(self, folder: RunFolder, arguments: Sequence[str]) -> Child:
        command = [str(self.python), *self.program, *arguments]
        pid = reserve(folder.path, folder.next_attempt(), lambda: _start(command, folder.log_path))
        return Child(folder.path, pid, started_at(pid))


def _start(command: list[str], log_path: Path) -> int:
    """Start a command in its own process group, behind the viewer, with everything it prints in the log."""
    try:
        with log_path.open("ab") as log:
            log.write(f"$ {command_line(command)}\n".encode())
            log.flush()
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=child_environment(),
                start_new_session=sys.platform != "win32",
                creationflags=_creation_flags(),
            )
    except OSError as error:
        where = command[0] if error.filename == command[0] else log_path
        raise RunProblem.from_os_error(error, where, "The run cannot be started") from error
    _stand_back(process.pid)
    # Somebody must take note of its end, or the system keeps its number; the thread dies with the viewer.
    threading.Thread(target=process.wait, name=f"end of process {process.pid}", daemon=True).start()
    return process.pid


def _creation_flags() -> int:
    if sys.platform == "win32":
        return (
            subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        )
    return 0


def _stand_back(pid: int) -> None:
    if sys.platform != "win32":  # there, it was started so
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            process.nice(max(NICENESS, process.nice()))
