"""A run as the docks hear of it: batches of events with the status and the curves at that moment. No Qt, no thread."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from napari_medkd.core.curves import Curve
    from napari_medkd.core.events import AnyEvent, PreviewSaved
    from napari_medkd.core.status import RunStatus

SECONDS_BETWEEN_POLLS = 0.2

#: Steps alone are told this seldom: whatever changes in a window with an OpenGL canvas makes all of it be put together
#: again, some 16 ms without a GPU. Anything else that happens is told at once.
SECONDS_BETWEEN_STEPS = 2.0

#: A line of a plot is never drawn from more points than it has pixels.
MOST_POINTS = 1000

OVER = ("ended", "lost")


class ChildProcess(Protocol):
    """A process that trains; see ``runs.launch.Child``."""

    def is_alive(self) -> bool:
        """Return whether it runs."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """One line of a plot: steps of its stage, and values; never more than about `MOST_POINTS`."""

    stage: str
    name: str
    steps: NDArray[np.float64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Traces:
    """All lines of a run's plots, as they were at one moment."""

    losses: tuple[Trace, ...] = ()
    metrics: tuple[Trace, ...] = ()

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages that have any line, in the order in which they began."""
        return tuple(dict.fromkeys(trace.stage for trace in (*self.losses, *self.metrics)))


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was heard of a run since the last time, and where it stands now.

    Parameters
    ----------
    previews
        The newest previews of a run that is live, or was when it was last heard, those of one stage and epoch, each
        once; none while older history is still being read, and of a run that was over when it was first heard.
    """

    run: Path
    events: "tuple[AnyEvent, ...]"
    status: "RunStatus"
    traces: Traces
    previews: "tuple[PreviewSaved, ...]" = ()


def traces_of(series: "Mapping[tuple[str, str], Curve]") -> tuple[Trace, ...]:
    """Return the curves as arrays; of a long one every second, fourth, ... point, and the newest."""
    return tuple(_trace(stage, name, curve) for (stage, name), curve in series.items() if curve.steps)


def _trace(stage: str, name: str, curve: "Curve") -> Trace:
    stride = 1 << max(0, (len(curve.steps) - 1) // MOST_POINTS).bit_length()
    steps, values = curve.steps[::stride], curve.values[::stride]
    if steps[-1] != curve.steps[-1]:
        steps, values = [*steps, curve.steps[-1]], [*values, curve.values[-1]]
    return Trace(stage, name, np.array(steps, dtype=np.float64), np.array(values, dtype=np.float64))


class Listener:
    """Listens to one run folder; each `poll` returns what is new."""

    def __init__(self, run: Path) -> None:
        from napari_medkd.runs.watch import Watcher

        self._run = run
        self._watcher = Watcher(run)
        self._traces = Traces()
        self._previews: dict[str, PreviewSaved] = {}
        self._was_live = False

    def poll(self) -> Heard:
        """Return the events since the last poll, with status and traces; of a long history one part after another."""
        events: list[AnyEvent] = []
        until = time.monotonic() + SECONDS_BETWEEN_POLLS / 2
        while (part := self._watcher.poll()) and time.monotonic() < until:
            events += part
        events += part
        if events:
            curves = self._watcher.curves
            self._traces = Traces(traces_of(curves.losses), traces_of(curves.metrics))
        for event in events:
            if event.kind == "preview_saved":
                self._gather(event)
        status = self._watcher.status
        previews: tuple[PreviewSaved, ...] = ()
        if not part:
            if status.is_live or self._was_live:  # a run's last preview and its end mostly come together
                previews, self._previews = tuple(self._previews.values()), {}
            self._was_live = status.is_live
        return Heard(self._run, tuple(events), status, self._traces, previews)

    def _gather(self, preview: "PreviewSaved") -> None:
        """Keep a preview beside the others of its stage and epoch, in place of those before."""
        known = self._previews.values()
        if any((one.stage, one.epoch) != (preview.stage, preview.epoch) for one in known):
            self._previews = {}
        self._previews[preview.path] = preview


class _Teller:
    """Gathers steps, and tells them now and then or with whatever else happens."""

    def __init__(self) -> None:
        self._events: list[AnyEvent] = []
        self._told: Heard | None = None
        self._told_at = 0.0

    def tell(self, heard: Heard, *, is_last: bool = False) -> Heard | None:
        """Return all that was gathered, or None where it can wait."""
        self._events += heard.events
        now = time.monotonic()
        told = self._told
        is_news = is_last or told is None or heard.status.phase != told.status.phase or bool(heard.previews)
        is_news = is_news or any(event.kind != "step_done" for event in heard.events)
        if not is_news and not (self._events and now - self._told_at >= SECONDS_BETWEEN_STEPS):
            return None
        self._told, self._told_at = replace(heard, events=tuple(self._events)), now
        self._events = []
        return self._told


def follow(run: Path, start: Callable[[], ChildProcess] | None = None) -> Iterator[Heard | None]:
    """Yield what a run says until it is over, or None while there is nothing to tell.

    ``start`` is called first and returns the process it launched. Leaving the iterator early leaves the run alone.
    """
    child = start() if start else None
    listener, teller = Listener(run), _Teller()
    heard = listener.poll()
    yield teller.tell(heard)
    while _goes_on(heard, child):
        if not heard.events or heard.status.is_live:
            time.sleep(SECONDS_BETWEEN_POLLS)
        heard = listener.poll()
        yield teller.tell(heard)
    last = listener.poll()  # a process may have spoken between the poll and its end
    yield teller.tell(_without_a_word(last) if child and last.status.phase == "queued" else last, is_last=True)


def _goes_on(heard: Heard, child: ChildProcess | None) -> bool:
    """Whether more is to come: the process or the run is alive, or its history is not read to the end."""
    return bool(heard.events) or heard.status.is_live or (child is not None and child.is_alive())


def _without_a_word(heard: Heard) -> Heard:
    message = "The process ended before the run began."
    return replace(heard, status=replace(heard.status, phase="lost", message=message, hint="Open the log."))
