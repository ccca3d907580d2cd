"""How many cores a process may use, told by files as Linux keeps them."""

import os

import pytest

from napari_medkd.engine.cpu_share import usable_cores

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)


@pytest.fixture
def system(tmp_path):
    """Write files below a root, and return it."""

    def write(files):
        for name, text in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "max 100000\n"}, 8),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "250000 100000\n"}, 3),
        ({"proc/self/cgroup": "0::/job/step\n", "sys/fs/cgroup/job/cpu.max": "200000 100000\n"}, 2),
        ({"proc/self/cgroup": "0::/../up\n", "sys/fs/cgroup/cpu.max": "50000 100000\n"}, 1),
        (
            {
                "proc/self/cgroup": "5:memory:/pod\n4:cpu,cpuacct:/pod\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu/pod/cpu.cfs_quota_us": "400000\n",
                "sys/fs/cgroup/cpu/pod/cpu.cfs_period_us": "100000\n",
            },
            4,
        ),
        ({"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/cpu.max": "9000000 100000\n"}, 8),
    ],
    ids=[
        "no limits",
        "unlimited",
        "version 2",
        "of a group above",
        "in a container",
        "version 1",
        "more than there are",
    ],
)
def test_no_more_cores_are_used_than_the_control_group_has_time_for(system, files, expected):
    assert usable_cores(system(files)) == expected


@pytest.mark.parametrize(("wish", "expected"), [("3", 3), ("2,4", 2), ("64", 8), ("many", 8), ("0", 8), ("", 8)])
def test_the_number_that_openmp_was_told_is_kept_to(system, monkeypatch, wish, expected):
    monkeypatch.setenv("OMP_NUM_THREADS", wish)

    assert usable_cores(system({})) == expected
