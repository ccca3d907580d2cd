"""Whoever reads what a training prints may leave: the run, its outcome and its exit code stay as they are."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_medkd.core.events import EpochDone, Noticed, RunEnded
from napari_medkd.core.spec import TrainSpec
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from tests.cli.commands import PATIENCE_SECONDS, events, finish, new_run, start, wait_until

pytestmark = [
    pytest.mark.process,
    pytest.mark.engine,
    pytest.mark.skipif(sys.platform == "win32", reason="terminals and signals of POSIX systems"),
]


@pytest.fixture
def folder(tmp_path: Path, tiny_dataset: Path) -> Path:
    """A run that is long enough to be left alone."""
    asked = {
        "datasets": [tiny_dataset],
        "method": {"name": "supervised"},
        "network": {"widths": [4, 8]},
        "schedule": {"epochs": 400, "steps_per_epoch": 8, "batch_size": 2},
        "hardware": {"device": "cpu", "precision": "fp32", "threads": 1},
    }
    return new_run(tmp_path, TrainSpec.model_validate(asked))


class _Listener:
    """Reads all that a training prints, until it leaves."""

    def __init__(self, folder: Path, ends: tuple[int, int], **options: object) -> None:
        self._folder = folder
        self._reads, writes = ends
        os.set_blocking(self._reads, False)
        surroundings = {**os.environ, "OMP_NUM_THREADS": "1", "TERM": "xterm", "PYTHONUNBUFFERED": ""}
        self.child = start("train", "--run", folder, stdout=writes, stderr=writes, env=surroundings, **options)
        os.close(writes)

    def leave_after_an_epoch(self) -> None:
        wait_until(self._has_heard_an_epoch, self.child)
        os.close(self._reads)

    def _has_heard_an_epoch(self) -> bool:
        with contextlib.suppress(BlockingIOError):  # a terminal that nobody reads is full soon
            os.read(self._reads, 1 << 16)
        return bool(events(self._folder, EpochDone))


def _outcomes(folder: Path) -> list[str]:
    return [event.outcome for event in events(folder, RunEnded)]


@pytest.mark.parametrize("ends", [os.pipe, os.openpty], ids=["a pipe", "a terminal"])
def test_a_run_goes_on_when_nobody_listens_any_more_and_is_stopped_as_ever(
    folder: Path, ends: Callable[[], tuple[int, int]]
):
    listener = _Listener(folder, ends())
    listener.leave_after_an_epoch()
    epochs = len(events(folder, EpochDone))

    wait_until(lambda: len(events(folder, EpochDone)) > epochs + 1, listener.child)
    listener.child.send_signal(signal.SIGINT)

    assert listener.child.wait(PATIENCE_SECONDS) == 0
    assert _outcomes(folder) == ["cancelled"]
    log = (folder / "log.txt").read_text(encoding="utf-8")
    assert f"epoch {epochs + 2}/400" in log
    assert "The run was stopped." in log


def _take_terminal() -> None:
    """Make the terminal that is stderr that of this process: its end is a hang-up then."""
    import fcntl
    import termios

    fcntl.ioctl(2, termios.TIOCSCTTY, 0)


def test_closing_the_terminal_stops_a_run_with_one_last_word(folder: Path):
    listener = _Listener(folder, os.openpty(), start_new_session=True, preexec_fn=_take_terminal)

    listener.leave_after_an_epoch()

    assert listener.child.wait(PATIENCE_SECONDS) == 0
    assert _outcomes(folder) == ["cancelled"]


def test_following_a_run_ends_when_nobody_listens(folder: Path):
    with Heartbeat(folder, 1):
        RunFolder(folder).append(Noticed(message="The first word."))
        child = start("runs", "show", folder, "--follow")
        assert child.stderr is not None
        assert "The first word." in child.stderr.readline()
        child.stderr.close()

        RunFolder(folder).append(Noticed(message="The second word."))

        assert finish(child)[0] == 0
