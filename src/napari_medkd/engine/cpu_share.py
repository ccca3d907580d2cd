"""How many CPU cores this process has for itself: a cluster or a container often gives it fewer than there are."""

import contextlib
import math
import os
from pathlib import Path


def usable_cores(root: Path = Path("/")) -> int:
    """Return the number of cores that the system, ``OMP_NUM_THREADS`` and the process's control group leave to it.

    Parameters
    ----------
    root
        Where ``proc`` and ``sys`` lie; there are none but on Linux.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wished = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    limits = [cores, int(wished) if wished.isdecimal() and int(wished) else cores, *map(math.ceil, _quotas(root))]
    return max(1, min(limits))


def _quotas(root: Path) -> list[float]:
    """Return how many cores' time the process's control groups may use; empty where nobody limits it."""
    quotas: list[float] = []
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        mounted = root / "sys/fs/cgroup" / ("cpu" if controllers else "")
        group = mounted / path.lstrip("/")
        for folder in (group, *group.parents):  # in a container the path may be the computer's: its end is not there
            files = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if controllers else ("cpu.max",)
            told = " ".join(_text(folder / name) for name in files).split()
            if len(told) == 2 and all(word.isdecimal() for word in told):  # "max" and -1 are no limit
                quotas.append(int(told[0]) / int(told[1]))
            if folder == mounted:
                break
    return quotas


def _text(path: Path) -> str:
    """Return what stands in a file; nothing where it cannot be read."""
    with contextlib.suppress(OSError):
        return path.read_text(encoding="utf-8", errors="replace")
    return ""
