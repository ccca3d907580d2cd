"""Which process is meant by a number: its start time tells it from a later one with the same number."""

import contextlib
import os
import platform
import sys
import time
from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import psutil

#: Two readings of a start time may differ by this much, as clocks are set.
_SAME_START_SECONDS = 2.0

_ENDED = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
_LOOK_SECONDS = 0.02

Found: TypeAlias = Literal["same", "another", "none"]


def this_host() -> str:
    """Return the name by which other computers tell this one apart."""
    return platform.node()


@cache
def this_boot() -> str:
    """Return what tells this computer, since it was switched on, from another of its name; empty where unknown."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return ""


@cache
def this_pid_namespace() -> str:
    """Return what tells a container in which processes have numbers of their own, from others; empty where unknown."""
    with contextlib.suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def started_at(pid: int) -> float:
    """Return when a process started, in seconds since the Unix epoch; 0 where there is no such process."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def find(pid: int, since: float) -> Found:
    """Return whether the process that started ``since`` is running, or another one under its number, or none."""
    try:
        process = psutil.Process(pid)
        if process.status() in _ENDED:
            return "none"
        return "same" if abs(process.create_time() - since) <= _SAME_START_SECONDS else "another"
    except psutil.AccessDenied:
        return "another"
    except psutil.Error:
        return "none"


def is_this_or_a_parent(pid: int) -> bool:
    """Return whether the number is that of this process or of one that started it."""
    return pid == os.getpid() or pid in [parent.pid for parent in psutil.Process().parents()]


def end_with_all_it_started(pid: int, kill_after_seconds: float = 5.0) -> None:
    """Terminate a process, its process group and its descendants; kill what does not end in time."""
    try:
        first = psutil.Process(pid)
        family = [first, *first.children(recursive=True), *_group_of(first)]
    except psutil.Error:
        return
    for end in (psutil.Process.terminate, psutil.Process.kill):
        for process in family:
            with contextlib.suppress(psutil.Error):
                end(process)
        until = time.monotonic() + kill_after_seconds
        while (family := [process for process in family if _is_at_work(process)]) and time.monotonic() < until:
            time.sleep(_LOOK_SECONDS)


def _is_at_work(process: psutil.Process) -> bool:
    """Return whether a process is there and has not ended; nobody may have taken note of its end yet."""
    try:
        return process.is_running() and process.status() not in _ENDED
    except psutil.Error:
        return False


def _group_of(leader: psutil.Process) -> list[psutil.Process]:
    """Return the other processes of a group: those too whose parent has died."""
    if sys.platform == "win32" or os.getpgid(leader.pid) != leader.pid:
        return []
    group = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process != leader and os.getpgid(process.pid) == leader.pid:
                group.append(process)
    return group
