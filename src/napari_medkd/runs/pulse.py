"""Whether the process behind a run is alive: what its heartbeat file says, and what this computer knows of it."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as validated

from napari_medkd.core.errors import RunProblem
from napari_medkd.core.run_layout import HEARTBEAT, HEARTBEAT_SECONDS, STALE_AFTER_SECONDS
from napari_medkd.files.atomic import read_bytes, write_bytes
from napari_medkd.runs.processes import find, this_boot, this_host, this_pid_namespace

Liveness: TypeAlias = Literal["alive", "stale", "gone", "none"]

#: A run on another computer is given up after this silence; its disk may show changes late.
STALE_ELSEWHERE_SECONDS = 60.0

#: Clocks differ: a beat of another computer that looks old is looked at again after this time, in which one that is at
#: work beats. The clock only says whether to look twice.
SECOND_LOOK_SECONDS = 2.5 * HEARTBEAT_SECONDS

_LOOK_SECONDS = 0.25

#: What looks older than this is shown as it looks, so that lists of old runs need no second look.
_LARGEST_DIFFERENCE_SECONDS = 24 * 3600.0


@validated(frozen=True, slots=True, kw_only=True)
class Beat:
    """What heartbeat.json says.

    Parameters
    ----------
    boot, pid_namespace
        Tell computers and containers of one host name apart; earlier versions did not say them.
    started_at
        Start of the process, seconds since the Unix epoch.
    attempt
        Which attempt at the run this is, counted from 1.
    at
        When the file was written.
    claimed_at
        When the process took the folder; who came first goes first on a device.
    events_bytes
        Size of events.jsonl at that time; what is longer is this attempt's.
    is_reserved
        Whether a launcher wrote this for a process that has not reported yet.
    device
        What it computes on (see `live_runs_on`), empty until that is known.
    waits_for
        Name of the run whose end it waits for.
    has_ended
        Whether the process left with an error.
    """

    host: str
    boot: str = ""
    pid_namespace: str = ""
    pid: int
    started_at: float
    attempt: int
    at: float
    claimed_at: float
    events_bytes: int = 0
    is_reserved: bool = False
    device: str = ""
    waits_for: str = ""
    has_ended: bool = False


_BEATS = TypeAdapter(Beat)


def read_beat(folder: Path) -> Beat | None:
    """Return the last sign of life, or None where there is none or it is damaged.

    Raises
    ------
    RunProblem
        Where the file is there but cannot be read.
    """
    path = folder / HEARTBEAT
    try:
        return _BEATS.validate_json(read_bytes(path))
    except (FileNotFoundError, NotADirectoryError, ValidationError):
        return None
    except OSError as error:
        raise RunProblem.from_os_error(error, path, "The run's heartbeat cannot be read") from error


def write_beat(folder: Path, beat: Beat) -> None:
    """Replace the sign of life (InputProblem where that fails)."""
    write_bytes(folder / HEARTBEAT, _BEATS.dump_json(beat, indent=2), durable=False)


def is_on_this_computer(beat: Beat) -> bool:
    """Return whether a process computes on this computer, be it in a container."""
    return beat.host == this_host() and beat.boot in ("", this_boot())


def is_seen_from_here(beat: Beat) -> bool:
    """Return whether this process would find the one behind a beat under its number."""
    return is_on_this_computer(beat) and beat.pid_namespace in ("", this_pid_namespace())


def judge(beat: Beat | None, seconds_silent: float) -> Liveness:
    """Return whether the process behind a sign of life is at work.

    On this computer the process itself is looked for; on another, or in another container, only its silence can tell.
    """
    if beat is None:
        return "none"
    if beat.has_ended:
        return "gone"
    if not is_seen_from_here(beat):
        return "alive" if seconds_silent <= STALE_ELSEWHERE_SECONDS else "stale"
    found = find(beat.pid, beat.started_at)
    # A start time also seems to differ after the clock was set; then the beat goes on, and it is the same process.
    return "alive" if found == "same" or (found == "another" and seconds_silent <= STALE_AFTER_SECONDS) else "gone"


def wait_for_a_beat() -> None:
    """Wait for the time in which a process beats that is at work."""
    time.sleep(SECOND_LOOK_SECONDS)


def liveness(folder: Path) -> Liveness:
    """Return whether a process is at work on a run folder: ``none`` where nobody is or left in good order.

    ``gone`` is a process of this computer that died, ``stale`` one of another computer that has been silent for long;
    before that is said, its next beat is waited for: call it from a thread that may wait.
    """
    beat = read_beat(folder)
    life = judge(beat, time.time() - beat.at if beat else 0.0)
    if life != "stale":
        return life
    wait_for_a_beat()
    later = read_beat(folder)
    return life if later == beat else judge(later, 0.0)


def wait_until_sure(folder: Path, tell: Callable[[str], object]) -> None:
    """Wait until a run folder's process in another place beats again, or has been silent for so long that it is gone.

    Parameters
    ----------
    tell
        Is told once what is waited for, before a wait begins.
    """
    beat = read_beat(folder)
    if beat is None or is_seen_from_here(beat):
        return
    begun, told = time.monotonic(), False
    while read_beat(folder) == beat and judge(beat, seconds := time.time() - beat.at) == "alive":
        if time.monotonic() - begun > 2 * STALE_ELSEWHERE_SECONDS:  # its clock is far ahead
            return
        if not told:
            left = STALE_ELSEWHERE_SECONDS - seconds
            tell(
                f"Process {beat.pid} on {beat.host} was at work in {folder} {max(0.0, seconds):.0f} s ago; "
                f"waits up to {left:.0f} s for a sign that it still is."
            )
            told = True
        time.sleep(_LOOK_SECONDS)


class Pulse:
    """Feels a run's heartbeat again and again; between two changes this costs a `stat` and a look at the process.

    Attributes
    ----------
    is_unsure
        Whether a beat of another computer looked old when it was first seen, and has not changed since: the process
        counts as alive for the next `SECOND_LOOK_SECONDS`.
    """

    def __init__(self, folder: Path) -> None:
        self.beat: Beat | None = None
        self.is_unsure = False
        self._folder = folder
        self._path = folder / HEARTBEAT
        self._seen = (0, 0)
        self._heard_at = 0.0

    def feel(self) -> Liveness:
        """Return the liveness now, and keep what was read as ``beat``."""
        try:
            found = self._path.stat()
        except OSError:
            self.beat, self._seen = None, (0, 0)
            return judge(None, 0.0)
        seen = (found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            with contextlib.suppress(RunProblem):  # a disk that is away for a moment; the next look will tell
                self._hear(seen)
        return judge(self.beat, time.monotonic() - self._heard_at)

    def _hear(self, seen: tuple[int, int]) -> None:
        is_first = self._seen == (0, 0)
        self.beat, self._seen = read_beat(self._folder), seen
        # Only the first look asks the other computer's clock; from then on, changes are timed on this one.
        age = max(0.0, time.time() - self.beat.at) if is_first and self.beat else 0.0
        may_be_wrong = age <= _LARGEST_DIFFERENCE_SECONDS
        self.is_unsure = may_be_wrong and judge(self.beat, age) == "stale"
        age = min(age, STALE_ELSEWHERE_SECONDS - SECOND_LOOK_SECONDS) if may_be_wrong else age
        self._heard_at = time.monotonic() - age
