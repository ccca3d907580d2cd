"""Reads the files that its input names, one a line, within limits of memory, and says as JSON what came of each.

A process of its own, so that a crash or a hang takes no test with it: what it said last tells where it was.
"""

import hashlib
import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

from napari_medkd.core.errors import InputProblem
from napari_medkd.engine.peak_memory import peak_memory_bytes
from napari_medkd.files.opening import doubts_about, read_volume

_BYTES_TO_READ_IN = 2**30


def told(path: Path) -> dict[str, object]:
    """What a person is told of the file, or a hash of what is shown."""
    began, held = time.process_time(), peak_memory_bytes()
    try:
        volume = read_volume(path)
        doubts_about(path)
        shown = hashlib.sha256(volume.data.tobytes() + str(volume.data.shape).encode()).hexdigest()
        outcome: dict[str, object] = {"shown": shown}
    except InputProblem as error:
        outcome = {"refused": [[found.where, found.problem, found.hint] for found in error.problems]}
    except BaseException as error:  # noqa: BLE001 - that there is none other is what is tested
        outcome = {"broken": f"{type(error).__name__}: {error}"}
    return outcome | {"seconds": time.process_time() - began, "mebibytes": (peak_memory_bytes() - held) / 2**20}


def main() -> None:
    """Tell of each file."""
    warnings.simplefilter("error")
    held = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (held + _BYTES_TO_READ_IN, resource.RLIM_INFINITY))
    for line in sys.stdin:
        sys.stdout.write(json.dumps(told(Path(line.rstrip("\n")))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
