"""Holding a run folder: a sign of life, rewritten every two seconds, that is also the lock."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from napari_medkd.core.command_line import command_line
from napari_medkd.core.errors import InputProblem, RunBusy, RunProblem
from napari_medkd.core.run_layout import CONTROL, EVENTS, HEARTBEAT, HEARTBEAT_SECONDS, LOCK
from napari_medkd.runs.journal import cut_torn_line
from napari_medkd.runs.processes import (
    end_with_all_it_started,
    is_this_or_a_parent,
    started_at,
    this_boot,
    this_host,
    this_pid_namespace,
)
from napari_medkd.runs.pulse import Beat, is_seen_from_here, liveness, read_beat, write_beat

_LOCK_SECONDS = 10.0


def reserve(folder: Path, attempt: int, start: Callable[[], int]) -> int:
    """Take a free run folder for a process that ``start`` is about to start, and return its number.

    Orders to an earlier process are forgotten, and a torn last line of the events is cut off.

    Raises
    ------
    RunBusy
        Where a live process holds the folder.
    """
    with _locked(folder):
        _refuse_if_held(folder, read_beat(folder))
        events_bytes = _tidy(folder)
        pid = start()
        try:
            write_beat(folder, _new_beat(pid, attempt, events_bytes, is_reserved=True))
        except InputProblem:
            end_with_all_it_started(pid)
            raise
        return pid


class Heartbeat:
    """Holds a run folder while the block runs: a thread rewrites heartbeat.json every two seconds.

    A process that leaves the block in good order takes the file away; one that leaves with an error marks it, and
    one that dies leaves it as it was. Where another computer takes the folder over, having heard nothing for long,
    this process ends at once: two must not write into one run.

    Parameters
    ----------
    folder
        The run folder.
    attempt
        Which attempt at the run this is, counted from 1.

    Raises
    ------
    RunBusy
        On entering, where another live process holds the folder.
    """

    def __init__(self, folder: Path, attempt: int, *, every_seconds: float = HEARTBEAT_SECONDS) -> None:
        self.folder = folder
        self.attempt = attempt
        self._every_seconds = every_seconds
        self._beat = _new_beat(os.getpid(), attempt, 0)
        self._leaving = threading.Event()
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._go_on, name=f"heartbeat of {folder.name}", daemon=True)

    @property
    def beat(self) -> Beat:
        """What was last said."""
        return self._beat

    def __enter__(self) -> Self:
        with _locked(self.folder):
            before = read_beat(self.folder)
            if before and _is_for_this_process(before):
                self._beat = replace(self._beat, events_bytes=before.events_bytes, claimed_at=before.claimed_at)
            else:
                _refuse_if_held(self.folder, before)
                self._beat = replace(self._beat, events_bytes=_tidy(self.folder), claimed_at=time.time())
            self._say()
        self._thread.start()
        return self

    def __exit__(
        self, error: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self._thread.join()
        with contextlib.suppress(OSError, InputProblem):
            if error is None:
                (self.folder / HEARTBEAT).unlink(missing_ok=True)
            else:
                self._say(has_ended=True)

    def say(self, *, device: str | None = None, waits_for: str | None = None) -> None:
        """Tell at once what the process computes on, or for which run it waits."""
        changes: dict[str, Any] = {"device": device, "waits_for": waits_for}
        self._say(**{name: word for name, word in changes.items() if word is not None})

    def _say(self, **changes: Any) -> None:
        with self._turn:
            self._beat = replace(self._beat, at=time.time(), **changes)
            write_beat(self.folder, self._beat)

    def _go_on(self) -> None:
        while not self._leaving.wait(self._every_seconds):
            with contextlib.suppress(OSError, InputProblem):  # a full disk must not end a run: the next beat may pass
                holder = read_beat(self.folder)
                if holder and _who(holder) != _who(self._beat):
                    word = f"Process {holder.pid} on {holder.host} has taken this run over; this one ends.\n"
                    with contextlib.suppress(OSError):  # nobody may listen any more
                        sys.stderr.write(word)
                        sys.stderr.flush()
                    os._exit(1)
                self._say()


def _who(beat: Beat) -> tuple[str, str, str, int]:
    return beat.host, beat.boot, beat.pid_namespace, beat.pid


def _new_beat(pid: int, attempt: int, events_bytes: int, *, is_reserved: bool = False) -> Beat:
    now = time.time()
    return Beat(
        host=this_host(),
        boot=this_boot(),
        pid_namespace=this_pid_namespace(),
        pid=pid,
        started_at=started_at(pid),
        attempt=attempt,
        at=now,
        claimed_at=now,
        events_bytes=events_bytes,
        is_reserved=is_reserved,
    )


def refuse_if_busy(folder: Path) -> None:
    """Raise RunBusy where another live process holds the folder; waits as `liveness` does."""
    beat = read_beat(folder)
    if beat and not _is_for_this_process(beat):
        _refuse_if_held(folder, beat)


def _is_for_this_process(beat: Beat) -> bool:
    """Return whether a launcher reserved the folder for this process; on Windows it only knows the parent's number."""
    return beat.is_reserved and is_seen_from_here(beat) and is_this_or_a_parent(beat.pid)


def _refuse_if_held(folder: Path, beat: Beat | None) -> None:
    if beat and liveness(folder) == "alive":
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(beat.claimed_at))
        raise RunBusy(
            str(folder),
            f"Process {beat.pid} on {beat.host} has been working in this folder since {since}.",
            f"Wait until it has ended, or stop it: {command_line(['medkd', 'runs', 'stop', str(folder)])}",
        )


def _tidy(folder: Path) -> int:
    try:
        (folder / CONTROL).write_bytes(b"")
        return cut_torn_line(folder / EVENTS)
    except OSError as error:
        raise RunProblem.from_os_error(error, folder, "The run folder cannot be written") from error


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes from taking the folder while this one looks whether it is free."""
    lock = folder / LOCK
    seen, until = _mark(lock), time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            lock.touch(exist_ok=False)
            break
        except FileExistsError:
            found = _mark(lock)
            if found != seen:  # others come and go; each may hold it for its time
                seen, until = found, time.monotonic() + _LOCK_SECONDS
            elif time.monotonic() > until:  # it is held for the time of a second look at most: its owner has died
                lock.unlink(missing_ok=True)
            time.sleep(0.01)
        except OSError as error:
            raise RunProblem.from_os_error(error, folder, "The run folder cannot be written") from error
    mine = _mark(lock)
    try:
        yield
    finally:
        if _mark(lock) == mine:
            lock.unlink(missing_ok=True)


def _mark(lock: Path) -> tuple[int, int] | None:
    """Return what tells one lock of a name from the next; None where there is none."""
    try:
        found = lock.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
