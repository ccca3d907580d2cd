"""Two runs on one device: who is there, and whose turn it is."""

import time
from dataclasses import dataclass
from pathlib import Path

from napari_medkd.core.errors import RunProblem
from napari_medkd.core.run_layout import is_run
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.orders import FolderControl
from napari_medkd.runs.pulse import Beat, is_on_this_computer, judge, read_beat

#: Between two looks whether a device is free.
LOOK_SECONDS = 0.5

#: Runs that start at the same moment see each other after this time.
_SETTLING_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class LiveRun:
    """A run that is at work on this computer, or waits for its turn."""

    path: Path
    beat: Beat

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.path.name


def live_runs_on(device: str, runs_folder: Path) -> list[LiveRun]:
    """Return the runs of this computer that compute on a device or wait for it, in the order of their turns.

    Parameters
    ----------
    device
        ``"cpu"``, ``"mps"``, or ``"cuda"`` and which GPU it is; ``"auto"`` means any. A run that has not said its
        device yet counts for every one, and one that says ``"cuda"`` alone for every GPU.
    runs_folder
        Runs are looked for directly below it; those that may not be looked at are passed over.
    """
    if not runs_folder.is_dir():
        return []
    found = [LiveRun(path, beat) for path in runs_folder.iterdir() if is_run(path) and (beat := _last_beat(path))]
    live = [
        run
        for run in found
        if is_on_this_computer(run.beat)
        and (device == "auto" or _may_be_one(run.beat.device, device))
        and judge(run.beat, time.time() - run.beat.at) == "alive"
    ]
    return sorted(live, key=lambda run: _turn(run.beat))


def _last_beat(run: Path) -> Beat | None:
    try:
        return read_beat(run)
    except RunProblem:  # someone else's run, who keeps it to themselves
        return None


def in_words(device: str) -> str:
    """Return what to call a device that two runs want; nobody knows a GPU by its number."""
    return device if device == "cpu" else "the same GPU" if device else "this computer"


def wait_for_turn(
    heartbeat: Heartbeat, device: str, control: FolderControl, *, look_seconds: float = LOOK_SECONDS
) -> bool:
    """Wait until all runs beside this one that came earlier to the same device have ended.

    Parameters
    ----------
    heartbeat
        Of the run that waits; tells others what it waits for.
    device
        As in `live_runs_on`, but not ``"auto"``.
    control
        An order to go on ends the waiting at once; the order to stop gives it up.

    Returns
    -------
    bool
        Whether the run may start; False where the person stopped it.
    """
    heartbeat.say(device=device)
    time.sleep(_SETTLING_SECONDS)
    mine = _turn(heartbeat.beat)
    while (ordered := control.ordered()) != "stop":
        live = live_runs_on(device, heartbeat.folder.parent)
        before = next((run.name for run in live if _turn(run.beat) < mine), "")
        if not before or ordered == "go":
            heartbeat.say(waits_for="")
            return True
        if before != heartbeat.beat.waits_for:
            heartbeat.say(waits_for=before)
        time.sleep(look_seconds)
    return False


def _may_be_one(device: str, other: str) -> bool:
    """Return whether two may be the same device, as far as both are named."""
    return all(word == another for word, another in zip(device.split(), other.split(), strict=False))


def _turn(beat: Beat) -> tuple[float, int]:
    return beat.claimed_at, beat.pid
