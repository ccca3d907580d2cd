"""A real process that holds a run folder; its computer may seem to be another with a late clock, or be a container."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_HOLD = """
import platform, sys, time
from pathlib import Path
folder, host, seconds_late = sys.argv[1:]
really = time.time
time.time = lambda: really() - float(seconds_late)
if host:
    platform.node = lambda: host
from napari_medkd.runs.heartbeat import Heartbeat
with Heartbeat(Path(folder), 1, every_seconds=0.02):
    sys.stdout.write("held\\n")
    sys.stdout.flush()
    time.sleep(600)
"""


#: Runs a command as a container of the same host name does: its processes have numbers of their own.
_CONTAINED = ("unshare", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child")


def contained() -> tuple[str, ...]:
    """Return what to put before a command so that it runs in a container; skips the test where that is refused."""
    if shutil.which("unshare") is None or subprocess.run([*_CONTAINED, "true"], capture_output=True).returncode:
        pytest.skip("processes with numbers of their own are not to be had here")
    return _CONTAINED


def hold(
    folder: Path, *, host: str = "", seconds_late: float = 0.0, within: tuple[str, ...] = ()
) -> "subprocess.Popen[str]":
    """Return a process that holds the folder."""
    command = [*within, sys.executable, "-c", _HOLD, str(folder), host, str(seconds_late)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def end(child: "subprocess.Popen[str]") -> str:
    """Kill the process, and return what it complained of."""
    child.kill()
    return child.communicate()[1]
