import os
import subprocess
import sys
import time

import pytest

from napari_medkd.runs.processes import end_with_all_it_started, find, is_this_or_a_parent, started_at
from tests.waiting import wait_until

pytestmark = pytest.mark.process

SLEEP = "import time; time.sleep(600)"


def test_a_process_is_known_by_its_number_and_its_start():
    pid = os.getpid()

    assert find(pid, started_at(pid)) == "same"


def test_a_number_that_was_given_again_is_another_process():
    pid = os.getpid()

    assert find(pid, started_at(pid) - 3600) == "another"


def test_an_ended_process_is_none_also_before_its_parent_has_noticed():
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as child:
        since = started_at(child.pid)
        assert find(child.pid, since) == "same"

        child.kill()

        wait_until(lambda: find(child.pid, since) == "none")
    assert find(child.pid, since) == "none"
    assert started_at(child.pid) == 0.0


def test_this_process_and_its_parents_are_told_from_others():
    with subprocess.Popen([sys.executable, "-c", SLEEP]) as child:
        assert is_this_or_a_parent(os.getpid())
        assert is_this_or_a_parent(os.getppid())
        assert not is_this_or_a_parent(child.pid)
        child.kill()


def test_ending_a_process_ends_what_it_started_too():
    code = f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); print(p.pid, flush=True)"
    with subprocess.Popen([sys.executable, "-c", f"{code}; p.wait()"], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())

        end_with_all_it_started(child.pid)

        wait_until(lambda: find(grandchild, started_at(grandchild)) == "none")
        assert child.wait() != 0


@pytest.mark.skipif(sys.platform == "win32", reason="process groups and deafness to a polite end are POSIX")
def test_a_deaf_process_and_an_orphan_of_its_group_are_killed():
    orphan = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}]).pid, flush=True)"
    code = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"subprocess.run([sys.executable, '-c', {orphan!r}]); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as child:
        assert child.stdout is not None
        orphaned = int(child.stdout.readline())
        began = time.monotonic()

        end_with_all_it_started(child.pid, kill_after_seconds=0.3)

        assert time.monotonic() - began < 10
        assert child.wait() == -9
        wait_until(lambda: find(orphaned, started_at(orphaned)) == "none")


def test_ending_a_process_that_has_ended_does_nothing():
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()

    end_with_all_it_started(child.pid)
