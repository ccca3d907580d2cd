"""How much memory this process has held at most."""

import sys
from pathlib import Path

import psutil


def peak_memory_bytes() -> int:
    """Return the most main memory that this process has held so far, in bytes.

    On Linux not what `getrusage` says: that counts what the parent held when it started this process, too.
    """
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    status = Path("/proc/self/status")
    told = status.read_text(encoding="utf-8").splitlines() if status.exists() else []
    for line in told:
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
