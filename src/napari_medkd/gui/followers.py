"""The threads that follow runs, one for each. Cancelling one means to leave the run, never to stop it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

from psygnal import Signal
from superqt.utils import create_worker

from napari_medkd.gui.following import ChildProcess, Heard, follow
from napari_medkd.gui.state import Preview, Session
from napari_medkd.gui.thread_pool import pool

if TYPE_CHECKING:
    from napari_medkd.core.spec import PredictSpec


class Followers:
    """Starts, follows and leaves the runs of one session. Lives in the window's thread, where its signals are emitted.

    Attributes
    ----------
    heard
        ``(Heard)`` when something happened, and every `SECONDS_BETWEEN_STEPS` while a run trains.
    left
        ``(Path)`` when a run is over, or its follower was told to leave it.
    failed
        ``(Path, Exception)`` when a run could not be launched or read.
    """

    heard = Signal(object)
    left = Signal(object)
    failed = Signal(object, object)

    def __init__(self, session: Session) -> None:
        self._session_ref = ref(session)
        self._workers: dict[Path, Any] = {}
        self.latest: dict[Path, Heard] = {}

    @property
    def _session(self) -> Session:
        session = self._session_ref()
        assert session is not None, "followers outlived their session"
        return session

    @property
    def followed(self) -> tuple[Path, ...]:
        """The runs and predictions that are followed."""
        return tuple(self._workers)

    @property
    def live(self) -> tuple[Path, ...]:
        """The followed runs and predictions that are at work."""
        return tuple(run for run in self._workers if run not in self.latest or self.latest[run].status.is_live)

    def start(self, run: Path, *, resume: bool = False) -> None:
        """Launch training in a run folder, and follow it."""
        interpreter = self._session.interpreter

        def launch() -> ChildProcess:
            from napari_medkd.runs.launch import Here

            child: ChildProcess = Here(interpreter).start(run, resume=resume)
            return child

        self.leave(run)
        self._follow(run, launch)

    def predict(self, spec: "PredictSpec") -> None:
        """Launch a prediction and follow its folder, ``spec.out``."""
        interpreter = self._session.interpreter

        def launch() -> ChildProcess:
            from napari_medkd.runs.launch import Here

            child: ChildProcess = Here(interpreter).predict(spec)
            return child

        self.leave(spec.out)
        self._follow(spec.out, launch)

    def follow(self, run: Path) -> None:
        """Follow a run that somebody started, or read one that is over; one that is followed already stays as it is."""
        if run not in self._workers:
            self._follow(run, None)

    def hear_again(self, run: Path) -> None:
        """Say what was last heard of the session's run; where that is nothing, or may have gone on since, follow it."""
        heard = self.latest.get(run)
        if heard is not None:
            self._session.run_status = heard.status
        if heard is None or heard.status.is_live:
            self.follow(run)

    def leave(self, run: Path) -> None:
        """Follow a run no longer; it goes on."""
        worker = self._workers.pop(run, None)
        if worker is not None:
            worker.quit()

    def leave_all(self) -> None:
        """Follow nothing any longer."""
        for run in self.followed:
            self.leave(run)

    def _follow(self, run: Path, launch: Callable[[], ChildProcess] | None) -> None:
        worker = create_worker(follow, run, launch, _start_thread=False, _ignore_errors=True)
        worker.yielded.connect(partial(self._hear, worker))
        worker.errored.connect(partial(self._fail, run, worker))
        worker.finished.connect(partial(self._finish, run, worker))
        self._workers[run] = worker
        pool().releaseThread()  # it mostly sleeps: other work keeps as many threads as there are cores
        worker.start()

    def _hear(self, worker: Any, heard: Heard | None) -> None:
        if heard is None or self._workers.get(heard.run) is not worker:
            return
        self.latest[heard.run] = heard
        if heard.run == self._session.run:
            self._session.run_status = heard.status
        if heard.previews:
            self._session.preview = Preview(heard.run, heard.previews)
        self.heard.emit(heard)

    def _fail(self, run: Path, worker: Any, error: Exception) -> None:
        if self._workers.get(run) is worker:
            self.failed.emit(run, error)

    def _finish(self, run: Path, worker: Any) -> None:
        pool().reserveThread()
        if self._workers.get(run) is worker:
            del self._workers[run]
            self.left.emit(run)


_FOLLOWERS: WeakKeyDictionary[Session, Followers] = WeakKeyDictionary()


def followers_of(session: Session) -> Followers:
    """Return the followers of a session, the same for all its docks."""
    if session not in _FOLLOWERS:
        _FOLLOWERS[session] = Followers(session)
    return _FOLLOWERS[session]
