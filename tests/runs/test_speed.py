import time
from collections.abc import Callable

import pytest

from napari_medkd.core.events import StepDone, from_line, to_line
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.orders import FolderControl
from napari_medkd.runs.watch import Watcher

STEP = StepDone(stage="student", step=1, losses={"dice": 0.5, "ce": 0.25, "features": 0.125}, seconds_per_step=0.1)


def microseconds(task: Callable[[], object], times: int = 2000) -> float:
    """Return the median of several timings, in µs."""
    timings = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(times):
            task()
        timings.append((time.perf_counter() - began) / times * 1e6)
    return sorted(timings)[2]


def test_what_a_loop_pays_for_being_watched_is_small(run_folder: RunFolder, capsys: pytest.CaptureFixture[str]):
    control, line = FolderControl(run_folder.path), to_line(STEP)
    run_folder.order("go")
    with Heartbeat(run_folder.path, 2):
        watcher = Watcher(run_folder.path)
        measured = {
            "append an event": microseconds(lambda: run_folder.append(STEP)),
            "read an event": microseconds(lambda: from_line(line)),
            "look for an order": microseconds(control.wish),
        }
        began = time.perf_counter()
        num_events = len(watcher.poll(None))
        measured["take in an event, with curves"] = (time.perf_counter() - began) / num_events * 1e6
        measured["poll, nothing new"] = microseconds(watcher.poll)

    with capsys.disabled():
        print("", *(f"  {name}: {value:.1f} µs" for name, value in measured.items()), sep="\n")  # noqa: T201
    # Ten times what a quiet machine of 2026 needs: only a change of kind breaks this.
    assert measured["append an event"] < 500
    assert measured["read an event"] < 200
    assert measured["look for an order"] < 200
    assert measured["poll, nothing new"] < 200
