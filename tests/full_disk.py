"""A full disk, as a process sees it: no file may grow beyond a limit. POSIX only."""

import subprocess
import sys

_FULL = """
import atexit, resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
before = resource.getrlimit(resource.RLIMIT_FSIZE)
atexit.register(resource.setrlimit, resource.RLIMIT_FSIZE, before)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), before[1]))
"""


def complaints_on_a_full_disk(script: str, path: object, limit_bytes: int) -> str:
    """Return what a script, which has ``path``, writes to stderr where no file may be larger than the limit."""
    command = [sys.executable, "-c", f"{_FULL}path = Path(sys.argv[1])\n{script}", str(path), str(limit_bytes)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr
