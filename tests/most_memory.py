"""How much memory a process has held at most."""

from pathlib import Path

import psutil


def most_memory_bytes() -> int:
    """Return the most that this process has held, in bytes.

    On Linux not what `getrusage` says: that counts what the parent held when it started this process, too.
    """
    status = Path("/proc/self/status")
    if status.exists():
        told = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(told.split()[1]) * 1024
    peak = getattr(psutil.Process().memory_info(), "peak_wset", None)
    if peak is not None:
        return int(peak)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
