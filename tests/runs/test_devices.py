import os
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from napari_medkd.core.run_layout import HEARTBEAT
from napari_medkd.core.spec import TrainSpec
from napari_medkd.runs.devices import live_runs_on, wait_for_turn
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.orders import FolderControl
from napari_medkd.runs.processes import started_at, this_host
from napari_medkd.runs.pulse import Beat, read_beat, write_beat
from tests.permissions import as_a_person, shared_folder
from tests.waiting import wait_until


def run_named(folder: Path, name: str) -> RunFolder:
    return RunFolder.create(folder, TrainSpec(name=name, datasets=(folder / "data",)))


def occupied(folder: Path, name: str, **changes) -> RunFolder:
    """Return a run at which this process works since the year 2001."""
    run = run_named(folder, name)
    beat = Beat(
        host=this_host(),
        pid=os.getpid(),
        started_at=started_at(os.getpid()),
        attempt=1,
        at=time.time(),
        claimed_at=1e9,
        device="cuda",
    )
    write_beat(run.path, replace(beat, **changes))
    return run


class Waiting:
    """A run that waits for its turn in a thread."""

    def __init__(self, run: RunFolder, device: str = "cuda") -> None:
        self.run = run
        self.answer: bool | None = None
        self._device = device
        self._thread = threading.Thread(target=self._wait)
        self._thread.start()

    def _wait(self) -> None:
        with Heartbeat(self.run.path, 1) as heartbeat:
            control = FolderControl(self.run.path)
            self.answer = wait_for_turn(heartbeat, self._device, control, look_seconds=0.01)
            self.last_said = heartbeat.beat.waits_for

    @property
    def waits_for(self) -> str:
        beat = read_beat(self.run.path)
        return beat.waits_for if beat else ""

    def end(self) -> bool | None:
        self._thread.join(30)
        return self.answer


def test_runs_at_work_on_a_device_are_found_in_the_order_of_their_turns(tmp_path):
    second = occupied(tmp_path, "second", claimed_at=2e9)
    first = occupied(tmp_path, "first")
    occupied(tmp_path, "on another device", device="cpu")
    occupied(tmp_path, "on another computer", host="elsewhere")
    occupied(tmp_path, "on one of the same name", boot="another")
    occupied(tmp_path, "dead", pid=2**22 + 1)
    contained = occupied(tmp_path, "in a container", pid=2**22 + 1, pid_namespace="pid:[1]", claimed_at=3e9)
    run_named(tmp_path, "not started")

    assert [run.path for run in live_runs_on("cuda", tmp_path)] == [first.path, second.path, contained.path]


def test_a_run_that_has_not_said_its_device_may_be_on_any(tmp_path):
    silent = occupied(tmp_path, "silent", device="")

    assert [run.path for run in live_runs_on("cpu", tmp_path)] == [silent.path]


def test_runs_on_different_gpus_are_not_in_each_others_way(tmp_path):
    first = occupied(tmp_path, "first", device="cuda 1")
    occupied(tmp_path, "on another", device="cuda 10")
    older = occupied(tmp_path, "of an earlier version", device="cuda", claimed_at=2e9)

    assert [run.path for run in live_runs_on("cuda 1", tmp_path)] == [first.path, older.path]
    assert Waiting(run_named(tmp_path, "next"), "cuda 2").end() is True


def test_whoever_takes_any_device_meets_every_run(tmp_path):
    for device in ("cpu", "cuda"):
        occupied(tmp_path, device, device=device)

    assert len(live_runs_on("auto", tmp_path)) == 2


def test_without_a_runs_folder_no_run_is_in_the_way(tmp_path):
    assert live_runs_on("cpu", tmp_path / "nowhere") == []


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are those of POSIX")
def test_what_may_not_be_looked_at_is_in_nobodys_way():
    with shared_folder() as folder:
        run = occupied(folder, "mine")
        theirs = occupied(folder, "theirs")
        (theirs.path / HEARTBEAT).chmod(0)
        (folder / "lost+found").mkdir(0)

        with as_a_person():
            assert [found.path for found in live_runs_on("cuda", folder)] == [run.path]


def test_on_a_free_device_a_run_goes_at_once(tmp_path):
    occupied(tmp_path, "on another device", device="cpu")
    waiting = Waiting(run_named(tmp_path, "next"))

    assert waiting.end() is True
    assert waiting.last_said == ""


def test_a_run_waits_until_those_before_it_have_ended(tmp_path):
    first, second = occupied(tmp_path, "first"), occupied(tmp_path, "second", claimed_at=1.5e9)
    occupied(tmp_path, "later", claimed_at=time.time() + 1000)
    waiting = Waiting(run_named(tmp_path, "next"))
    wait_until(lambda: waiting.waits_for == first.name)

    (first.path / "heartbeat.json").unlink()
    wait_until(lambda: waiting.waits_for == second.name)
    still_waiting = waiting.answer
    (second.path / "heartbeat.json").unlink()

    assert still_waiting is None
    assert waiting.end() is True
    assert waiting.last_said == ""


def test_an_order_to_go_on_ends_the_waiting(tmp_path):
    first = occupied(tmp_path, "first")
    waiting = Waiting(run_named(tmp_path, "next"))
    wait_until(lambda: waiting.waits_for == first.name)

    waiting.run.order("go")

    assert waiting.end() is True
    assert waiting.last_said == ""


def test_an_order_to_stop_gives_the_waiting_up(tmp_path):
    first = occupied(tmp_path, "first")
    waiting = Waiting(run_named(tmp_path, "next"))
    wait_until(lambda: waiting.waits_for == first.name)

    waiting.run.order("stop")

    assert waiting.end() is False


def test_of_two_that_wait_the_one_that_came_first_goes_first(tmp_path):
    first = occupied(tmp_path, "first")
    second = Waiting(run_named(tmp_path, "second"))
    wait_until(lambda: second.waits_for == first.name)
    third = Waiting(run_named(tmp_path, "third"))
    wait_until(lambda: third.waits_for == first.name)
    third.run.order("pause")  # while it waits, a pause changes nothing

    second.run.order("stop")
    second.end()
    (first.path / "heartbeat.json").unlink()

    assert third.end() is True
