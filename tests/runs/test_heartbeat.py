import os
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest

from napari_medkd.core.errors import InputProblem, RunBusy, RunProblem
from napari_medkd.core.run_layout import CONTROL, EVENTS, HEARTBEAT
from napari_medkd.runs.heartbeat import Heartbeat, refuse_if_busy, reserve
from napari_medkd.runs.orders import FolderControl, give_order
from napari_medkd.runs.processes import find, started_at, this_host
from napari_medkd.runs.pulse import Pulse, liveness, read_beat, write_beat
from tests.runs.holding import contained, end, hold
from tests.waiting import wait_until


def test_a_folder_is_held_within_the_block_and_free_after_it(tmp_path):
    with Heartbeat(tmp_path, 3):
        beat = read_beat(tmp_path)
        alive = liveness(tmp_path)

    assert beat is not None
    assert (beat.pid, beat.host, beat.attempt) == (os.getpid(), this_host(), 3)
    assert (alive, liveness(tmp_path)) == ("alive", "none")
    assert list(tmp_path.glob("heartbeat*")) == []


def test_the_beat_goes_on(tmp_path):
    with Heartbeat(tmp_path, 1, every_seconds=0.01):
        first = read_beat(tmp_path)
        assert first is not None

        wait_until(lambda: (beat := read_beat(tmp_path)) and beat.at > first.at)


def test_a_second_process_is_refused_and_told_who_is_there(tmp_path):
    with Heartbeat(tmp_path, 1):
        with (
            pytest.raises(RunBusy, match=rf"Process {os.getpid()} on .+ or stop it: medkd runs stop"),
            Heartbeat(tmp_path, 1),
        ):
            pass
        with pytest.raises(RunBusy):
            reserve(tmp_path, 1, lambda: pytest.fail("it was started"))
        with pytest.raises(RunBusy):
            refuse_if_busy(tmp_path)

        assert liveness(tmp_path) == "alive"


def test_of_many_that_come_at_once_one_gets_the_folder(tmp_path):
    holders, refused = [], []
    everybody_tried = threading.Event()

    def come() -> None:
        try:
            with Heartbeat(tmp_path, 1):
                holders.append(1)
                everybody_tried.wait(30)
        except RunBusy:
            refused.append(1)

    threads = [threading.Thread(target=come) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(holders) + len(refused) == 8)
    everybody_tried.set()
    for thread in threads:
        thread.join()

    assert (len(holders), len(refused)) == (1, 7)


def test_an_order_to_an_earlier_process_is_forgotten(tmp_path):
    give_order(tmp_path, "stop")

    with Heartbeat(tmp_path, 2):
        assert FolderControl(tmp_path).wish() == "go"
        give_order(tmp_path, "pause")
        assert FolderControl(tmp_path).wish() == "pause"


def test_a_torn_last_line_of_the_events_is_cut_and_counted(tmp_path):
    (tmp_path / EVENTS).write_bytes(b'{"kind":"run_paused"}\n{"kind":"step_')

    with Heartbeat(tmp_path, 2) as heartbeat:
        assert heartbeat.beat.events_bytes == 22

    assert (tmp_path / EVENTS).read_bytes() == b'{"kind":"run_paused"}\n'


def test_what_a_process_says_of_itself_stays_said(tmp_path):
    with Heartbeat(tmp_path, 1, every_seconds=0.01) as heartbeat:
        heartbeat.say(device="cuda")
        heartbeat.say(waits_for="another run")
        said = read_beat(tmp_path)
        assert said is not None
        later = wait_until(lambda: (beat := read_beat(tmp_path)) and beat.at > said.at and beat)
        heartbeat.say(waits_for="")
        last = read_beat(tmp_path)

    assert (later.device, later.waits_for) == ("cuda", "another run")
    assert last is not None
    assert (last.device, last.waits_for) == ("cuda", "")


def test_a_process_that_leaves_with_an_error_is_gone_not_absent(tmp_path):
    with pytest.raises(ZeroDivisionError), Heartbeat(tmp_path, 1):
        _ = 1 / 0

    assert liveness(tmp_path) == "gone"
    with Heartbeat(tmp_path, 2):
        assert liveness(tmp_path) == "alive"


def test_a_reserved_folder_is_for_the_process_it_was_reserved_for(tmp_path):
    give_order(tmp_path, "stop")
    reserve(tmp_path, 4, os.getpid)
    reserved = liveness(tmp_path)
    give_order(tmp_path, "pause")
    refuse_if_busy(tmp_path)

    with Heartbeat(tmp_path, 4):
        assert FolderControl(tmp_path).wish() == "pause"  # given while the process was starting

    assert reserved == "alive"
    assert liveness(tmp_path) == "none"


@pytest.mark.process
def test_a_folder_reserved_for_another_process_is_refused(tmp_path):
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as child:
        reserve(tmp_path, 1, lambda: child.pid)

        with pytest.raises(RunBusy), Heartbeat(tmp_path, 1):
            pass
        child.kill()
    with Heartbeat(tmp_path, 1):
        assert liveness(tmp_path) == "alive"


@pytest.mark.process
def test_the_folder_of_a_killed_process_is_free_at_once(tmp_path):
    child = hold(tmp_path)
    with pytest.raises(RunBusy), Heartbeat(tmp_path, 1):
        pass

    end(child)

    assert liveness(tmp_path) == "gone"
    with Heartbeat(tmp_path, 2) as heartbeat:
        assert heartbeat.beat.attempt == 2


@pytest.mark.process
def test_a_process_whose_folder_was_taken_over_elsewhere_ends(tmp_path):
    child = hold(tmp_path)
    beat = read_beat(tmp_path)
    assert beat is not None

    write_beat(tmp_path, replace(beat, host="elsewhere", pid=1))

    assert wait_until(child.poll) == 1
    assert "Process 1 on elsewhere has taken this run over" in child.communicate()[1]


@pytest.mark.process
def test_a_run_on_a_computer_whose_clock_is_late_is_neither_taken_over_nor_deleted(run_folder, monkeypatch):
    monkeypatch.setattr("napari_medkd.runs.pulse.SECOND_LOOK_SECONDS", 0.5)
    child = hold(run_folder.path, host="node-3", seconds_late=120)

    alive = liveness(run_folder.path)
    with pytest.raises(RunBusy, match="on node-3"), Heartbeat(run_folder.path, 2):
        pass
    with pytest.raises(RunBusy):
        run_folder.delete()
    was_ended = child.poll()
    end(child)

    assert (alive, was_ended) == ("alive", None)
    assert liveness(run_folder.path) == "stale"
    with Heartbeat(run_folder.path, 2):
        assert liveness(run_folder.path) == "alive"


@pytest.mark.process
def test_a_run_in_a_container_of_the_same_host_name_is_alive_while_it_beats(run_folder, monkeypatch):
    child = hold(run_folder.path, within=contained())
    beat = read_beat(run_folder.path)
    assert beat is not None

    felt = Pulse(run_folder.path).feel()
    with pytest.raises(RunBusy, match=f"Process {beat.pid} on {this_host()}"):
        run_folder.delete()
    end(child)
    alive_a_moment_later = liveness(run_folder.path)
    monkeypatch.setattr("napari_medkd.runs.pulse.STALE_ELSEWHERE_SECONDS", 0.0)
    monkeypatch.setattr("napari_medkd.runs.pulse.SECOND_LOOK_SECONDS", 0.1)

    assert (felt, alive_a_moment_later) == ("alive", "alive")
    assert liveness(run_folder.path) == "stale"


@pytest.mark.process
def test_a_process_that_another_container_takes_over_from_ends_also_where_both_have_one_number(tmp_path):
    child = hold(tmp_path)
    beat = read_beat(tmp_path)
    assert beat is not None

    write_beat(tmp_path, replace(beat, pid_namespace="pid:[1]"))

    assert wait_until(child.poll) == 1
    assert "has taken this run over" in child.communicate()[1]


@pytest.mark.process
def test_a_process_whose_folder_was_taken_over_ends_though_nobody_listens(tmp_path):
    child = hold(tmp_path)
    beat = read_beat(tmp_path)
    assert beat is not None
    assert child.stderr is not None
    child.stderr.close()

    write_beat(tmp_path, replace(beat, host="elsewhere", pid=1))

    assert wait_until(child.poll) == 1
    child.communicate()


@pytest.mark.process
@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be moved there")
def test_a_process_goes_on_while_its_beat_cannot_be_written(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    child = hold(folder)

    folder.rename(tmp_path / "away")
    time.sleep(0.1)
    (tmp_path / "away").rename(folder)
    (folder / HEARTBEAT).unlink()

    wait_until(lambda: (folder / HEARTBEAT).exists())
    assert end(child) == ""


def test_a_lock_left_behind_by_a_killed_process_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_medkd.runs.heartbeat._LOCK_SECONDS", 0.05)
    (tmp_path / "heartbeat.lock").touch()

    with Heartbeat(tmp_path, 1):
        assert liveness(tmp_path) == "alive"

    assert not (tmp_path / "heartbeat.lock").exists()


def test_a_lock_that_goes_from_hand_to_hand_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("napari_medkd.runs.heartbeat._LOCK_SECONDS", 0.3)
    lock, another = tmp_path / "heartbeat.lock", tmp_path / "another"
    lock.touch()
    handed_on = []

    def hand_on() -> None:
        for _ in range(8):
            time.sleep(0.1)
            another.touch()
            another.replace(lock)
        handed_on.append(time.monotonic())

    others = threading.Thread(target=hand_on)
    others.start()
    with Heartbeat(tmp_path, 1):
        entered = time.monotonic()
    others.join()

    assert handed_on[0] < entered


def test_a_lock_that_another_has_taken_meanwhile_is_left_to_it(tmp_path):
    lock, another = tmp_path / "heartbeat.lock", tmp_path / "another"

    def be_overtaken() -> int:
        another.touch()
        another.replace(lock)
        return os.getpid()

    reserve(tmp_path, 1, be_overtaken)

    assert lock.exists()


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with (
        pytest.raises(RunProblem, match="nowhere: The run folder cannot be written"),
        Heartbeat(tmp_path / "nowhere", 1),
    ):
        pass


def test_a_folder_whose_orders_cannot_be_cleared_is_named(tmp_path):
    (tmp_path / CONTROL).mkdir()

    with pytest.raises(RunProblem, match="The run folder cannot be written"), Heartbeat(tmp_path, 1):
        pass

    assert not (tmp_path / "heartbeat.lock").exists()


@pytest.mark.process
def test_a_process_that_cannot_be_written_down_does_not_stay(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    started: list[subprocess.Popen[bytes]] = []

    def start() -> int:
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]))
        (folder / HEARTBEAT).mkdir()
        return started[0].pid

    with pytest.raises(InputProblem, match=r"heartbeat\.json"):
        reserve(folder, 1, start)

    assert started[0].wait() != 0
    assert find(started[0].pid, started_at(started[0].pid)) == "none"
