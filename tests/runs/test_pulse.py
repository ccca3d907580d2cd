import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from napari_medkd.core.errors import RunProblem
from napari_medkd.core.run_layout import HEARTBEAT, STALE_AFTER_SECONDS
from napari_medkd.runs import pulse as runs_pulse
from napari_medkd.runs.processes import started_at, this_host
from napari_medkd.runs.pulse import (
    STALE_ELSEWHERE_SECONDS,
    Beat,
    Pulse,
    judge,
    liveness,
    read_beat,
    wait_until_sure,
    write_beat,
)
from tests.runs.holding import end, hold


def beat_of_this_process(**changes) -> Beat:
    now = time.time()
    beat = Beat(
        host=this_host(), pid=os.getpid(), started_at=started_at(os.getpid()), attempt=1, at=now, claimed_at=now
    )
    return replace(beat, **changes)


def test_a_beat_survives_its_file(tmp_path):
    beat = beat_of_this_process(device="cuda", waits_for="another", events_bytes=17)

    write_beat(tmp_path, beat)

    assert read_beat(tmp_path) == beat


def test_a_beat_of_a_later_version_is_understood(tmp_path):
    write_beat(tmp_path, beat_of_this_process())
    document = json.loads((tmp_path / HEARTBEAT).read_text()) | {"mood": "good"}
    (tmp_path / HEARTBEAT).write_text(json.dumps(document))

    assert liveness(tmp_path) == "alive"


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'{"pid": 1}', b"\xff"])
def test_a_damaged_beat_is_none(tmp_path, text):
    (tmp_path / HEARTBEAT).write_bytes(text)

    assert read_beat(tmp_path) is None
    assert liveness(tmp_path) == "none"


def test_a_folder_without_a_beat_or_no_folder_at_all_has_no_process(tmp_path):
    assert liveness(tmp_path) == "none"
    assert liveness(tmp_path / "nowhere") == "none"


def test_on_windows_a_heartbeat_that_is_just_being_replaced_is_waited_for(tmp_path, monkeypatch):
    write_beat(tmp_path, beat_of_this_process())
    refusals = [PermissionError(13, "Permission denied")] * 3
    really_read = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if refusals:
            raise refusals.pop()
        return really_read(path)

    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(Path, "read_bytes", read_bytes)

    assert read_beat(tmp_path) is not None


def test_a_heartbeat_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / HEARTBEAT).mkdir()

    with pytest.raises(RunProblem, match=r"heartbeat\.json: The run's heartbeat cannot be read"):
        read_beat(tmp_path)


@pytest.mark.parametrize(
    ("changes", "seconds_silent", "expected"),
    [
        ({}, 0.0, "alive"),
        ({}, 3600.0, "alive"),  # its beat was held up, but the process is there
        ({"pid": 2**22 + 1}, 0.0, "gone"),
        ({"started_at": 1.0}, STALE_AFTER_SECONDS + 1, "gone"),  # the number was given again
        ({"started_at": 1.0}, 1.0, "alive"),  # the clock was set: somebody goes on beating
        ({"has_ended": True}, 0.0, "gone"),
        ({"host": "elsewhere"}, STALE_ELSEWHERE_SECONDS - 1, "alive"),
        ({"host": "elsewhere"}, STALE_ELSEWHERE_SECONDS + 1, "stale"),
        ({"host": "elsewhere", "pid": 2**22 + 1}, 1.0, "alive"),
        ({"boot": "another", "pid": 2**22 + 1}, 1.0, "alive"),  # a computer of the same name
        ({"boot": "another"}, STALE_ELSEWHERE_SECONDS + 1, "stale"),
        ({"pid_namespace": "pid:[1]", "pid": 2**22 + 1}, 1.0, "alive"),  # a container of the same host name
        ({"pid_namespace": "pid:[1]"}, STALE_ELSEWHERE_SECONDS + 1, "stale"),
    ],
)
def test_a_process_is_judged_by_its_number_its_start_and_its_silence(changes, seconds_silent, expected):
    assert judge(beat_of_this_process(**changes), seconds_silent) == expected


@pytest.fixture
def quick_second_look(monkeypatch):
    monkeypatch.setattr(runs_pulse, "SECOND_LOOK_SECONDS", 0.05)


def test_a_beat_that_looks_old_is_given_up_when_a_second_look_finds_it_unchanged(tmp_path, quick_second_look):
    write_beat(tmp_path, beat_of_this_process(host="elsewhere", at=time.time() - STALE_ELSEWHERE_SECONDS - 5))
    pulse = Pulse(tmp_path)

    assert (pulse.feel(), pulse.is_unsure) == ("alive", True)
    assert liveness(tmp_path) == "stale"
    assert pulse.feel() == "stale"


def test_a_fresh_beat_of_a_process_that_was_killed_elsewhere_is_outwaited(tmp_path, quick_second_look, monkeypatch):
    monkeypatch.setattr(runs_pulse, "STALE_ELSEWHERE_SECONDS", 0.5)
    write_beat(tmp_path, beat_of_this_process(host="node-3", pid=12, at=time.time()))
    said = []

    wait_until_sure(tmp_path, said.append)

    assert liveness(tmp_path) == "stale"
    assert len(said) == 1
    assert "Process 12 on node-3" in said[0]


@pytest.mark.process
def test_what_beats_elsewhere_is_not_waited_for(tmp_path):
    child = hold(tmp_path, host="node-3")
    began = time.monotonic()

    wait_until_sure(tmp_path, lambda said: None)

    assert time.monotonic() - began < STALE_ELSEWHERE_SECONDS / 2
    assert liveness(tmp_path) == "alive"
    end(child)


@pytest.mark.parametrize("changes", [{}, {"host": "elsewhere", "has_ended": True}, {"host": "elsewhere", "at": 0.0}])
def test_nothing_is_waited_for_where_it_is_known_whether_a_process_is_at_work(tmp_path, changes):
    write_beat(tmp_path, beat_of_this_process(**changes))

    wait_until_sure(tmp_path, pytest.fail)
    wait_until_sure(tmp_path / "nowhere", pytest.fail)


def test_a_beat_that_is_older_than_any_clock_is_late_is_given_up_at_once(tmp_path):
    write_beat(tmp_path, beat_of_this_process(host="elsewhere", at=time.time() - 2 * 24 * 3600))
    pulse = Pulse(tmp_path)

    assert (pulse.feel(), pulse.is_unsure) == ("stale", False)


def test_a_computer_whose_clock_is_late_is_alive_while_its_beat_changes(tmp_path, quick_second_look):
    pulse = Pulse(tmp_path)
    late = time.time() - 3600
    write_beat(tmp_path, beat_of_this_process(host="elsewhere", at=late))
    first = pulse.feel()

    write_beat(tmp_path, beat_of_this_process(host="elsewhere", at=late + 2.25))
    second = pulse.feel()
    time.sleep(0.1)

    assert (first, second, pulse.feel()) == ("alive", "alive", "alive")
    assert not pulse.is_unsure


def test_a_pulse_follows_the_file(tmp_path):
    pulse = Pulse(tmp_path)
    felt = [pulse.feel()]

    write_beat(tmp_path, beat_of_this_process())
    felt.append(pulse.feel())
    write_beat(tmp_path, beat_of_this_process(has_ended=True))
    felt.append(pulse.feel())
    (tmp_path / HEARTBEAT).unlink()
    felt.append(pulse.feel())

    assert felt == ["none", "alive", "gone", "none"]
    assert pulse.beat is None


def test_a_heartbeat_that_cannot_be_read_for_a_moment_leaves_the_last_one(tmp_path):
    pulse = Pulse(tmp_path)
    write_beat(tmp_path, beat_of_this_process())
    pulse.feel()

    (tmp_path / HEARTBEAT).unlink()
    (tmp_path / HEARTBEAT).mkdir()

    assert pulse.feel() == "alive"
