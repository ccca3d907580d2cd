"""A run as it looks from outside: new events, status and curves of one that is live, has ended or was lost."""

import re
import time
from dataclasses import replace
from pathlib import Path

from napari_medkd.core.curves import Curves
from napari_medkd.core.errors import RunProblem
from napari_medkd.core.events import AnyEvent, from_line
from napari_medkd.core.run_layout import EVENTS, LOG
from napari_medkd.core.status import RunStatus, fold
from napari_medkd.runs.devices import in_words
from napari_medkd.runs.pulse import Beat, Liveness, Pulse
from napari_medkd.runs.tail import Tail

#: Read in one poll, so that a long run is taken in by pieces (about 450 events, some 5 ms).
POLL_BYTES = 1 << 16

_STEP = b'"kind":"step_done"'
_LOG_BYTES = 4096

#: How a log ends that tells why its process died; most others end with progress.
_REASON = re.compile(r"[\w.]*(Error|Exception|Interrupt)\b|Killed|Fatal|Segmentation|Bus error|terminate called", re.I)
_LONGEST_LINE = 300


class Watcher:
    """Follows one run folder, from any process and at any time.

    Parameters
    ----------
    path
        The run folder.
    look_every_seconds
        How often the process is looked for; the events are looked at in every poll.
    with_curves
        Whether to gather the curves. Without them, a long run is taken in several times faster.

    Attributes
    ----------
    status
        Where the run stands, as of the last poll.
    curves
        The losses and metrics, as of the last poll.
    """

    def __init__(self, path: Path, *, look_every_seconds: float = 1.0, with_curves: bool = True) -> None:
        self.path = path
        self.status = RunStatus()
        self.curves = Curves()
        self._with_curves = with_curves
        self._tail = Tail(path / EVENTS)
        self._restarts = 0
        self._pulse = Pulse(path)
        self._told = RunStatus()
        self._look_every_seconds = look_every_seconds
        self._look_at = 0.0

    def poll(self, at_most_bytes: int | None = POLL_BYTES) -> list[AnyEvent]:
        """Return the new events, and bring ``status`` and ``curves`` up to date.

        Cheap where nothing changed. A long run comes in pieces of ``at_most_bytes``: poll again while events come.
        ``status`` may change without an event, when a process starts, waits for its turn or dies.

        Raises
        ------
        RunProblem
            Where the folder is gone or cannot be read.
        """
        events = self._take(at_most_bytes)
        now = time.monotonic()
        if events or now >= self._look_at:
            self._look_at = now + self._look_every_seconds
            life = self._pulse.feel()
            if life != "alive" and self._told.is_live:
                events += self._take(at_most_bytes)  # its last word may have come in between
            self.status = self._judged(life)
            if not self._tail.offset:
                self._refuse_missing_folder()
        return events

    @property
    def is_unsure(self) -> bool:
        """Whether another poll after `SECOND_LOOK_SECONDS` may find that the process is lost; see `Pulse`."""
        return self._pulse.is_unsure

    def _take(self, at_most_bytes: int | None) -> list[AnyEvent]:
        lines = self._tail.lines(at_most_bytes)
        if self._tail.restarts != self._restarts:
            self._restarts, self._told, self.curves = self._tail.restarts, RunStatus(), Curves()
        if not self._with_curves:
            lines = _telling(lines)
        events = [event for line in lines if (event := from_line(line)) is not None]
        for event in events:
            self._told = fold(self._told, event)
            if self._with_curves:
                self.curves.add(event)
        return events

    def _judged(self, life: Liveness) -> RunStatus:
        """Return what the events tell, corrected by what is known of the process."""
        told, beat = self._told, self._pulse.beat
        if not self._tail.is_at_end:
            return told
        is_silent = beat is not None and self._tail.offset <= beat.events_bytes
        if life == "alive":
            return _before_its_first_word(told, beat) if beat and is_silent else told
        return self._lost(life, is_silent=is_silent) if is_silent or told.is_live else told

    def _lost(self, life: Liveness, *, is_silent: bool) -> RunStatus:
        beat = self._pulse.beat
        message = "The process ended without a last word."
        if beat and life == "stale":
            message = f"Nothing was heard of the process on {beat.host} for a long time."
        last_line = _last_line(self.path / LOG)
        if _REASON.match(last_line) or (is_silent and last_line and not last_line.startswith("$ ")):
            message += f" Its log ends with: {last_line}"
        goes_on = "continue the run from its last checkpoint" if self._told.checkpoint else "start the run again"
        return replace(self._told, phase="lost", outcome=None, message=message, hint=f"Read the log, then {goes_on}.")

    def _refuse_missing_folder(self) -> None:
        if not self.path.is_dir():
            raise RunProblem(
                str(self.path), "The run folder is not there.", "It may have been moved, renamed or deleted."
            )


def _before_its_first_word(told: RunStatus, beat: Beat) -> RunStatus:
    attempt = replace(told, outcome=None, message="", hint="", attempt=beat.attempt)
    if beat.waits_for:
        message = f"Waits until {beat.waits_for!r} has ended: both compute on {in_words(beat.device)}."
        return replace(attempt, phase="queued", message=message, hint="Resume it to start at once, or stop it.")
    return replace(attempt, phase="starting")


def _telling(lines: list[bytes]) -> list[bytes]:
    """Return the lines without the steps that a later step makes void for the status."""
    is_step = [_STEP in line for line in lines]
    is_void = [step and later for step, later in zip(is_step, [*is_step, False][1:], strict=True)]
    return [line for line, void in zip(lines, is_void, strict=True) if not void]


def _last_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _LOG_BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:_LONGEST_LINE] if lines else ""
