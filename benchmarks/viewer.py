"""How much of the viewer's time the plugin takes: import, a dock's first picture, lag while a run trains or files load.

    xvfb-run -a -s "-screen 0 1600x1000x24 +extension GLX" python benchmarks/viewer.py [--pairs 6] [--seconds 15]
        [--only loading]

The lag is that of a 10 ms timer in the real window, with an image and the docks that a run needs open (all but Sheet),
the live curves in front. Blocks in which a run trains alternate with blocks in which it is paused; the figure that
counts is the difference. The run has one thread and is niced as every run started from the viewer is; it writes a
preview at each epoch's end, which is drawn.

While files load: blocks in which a CT series of 400 slices and a volume of 256 MiB, plain and as .nii.gz, are read
again and again by napari's reader, dialog included, alternate with blocks in which nothing is done.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from loading import write_series, write_volumes
from record import Record, Row

DOCKS = ("Data", "Train", "Runs", "Results")
REPEATS = 5
TICK_MILLISECONDS = 10

IMPORT = """
import time, napari
viewer = napari.Viewer(show=False)
from npe2 import PluginManifest
from importlib import import_module
manifest = PluginManifest.from_distribution("napari-medkd")
modules = sorted({str(command.python_name).split(":")[0] for command in manifest.contributions.commands})
start = time.perf_counter()
for module in modules:
    import_module(module)
print("SAID", 1e3 * (time.perf_counter() - start))
viewer.close()
"""

FIRST_PICTURE = """
import sys, time, napari
from qtpy.QtWidgets import QApplication

viewer = napari.Viewer(show=True)
for _ in range(50):
    QApplication.processEvents()
    time.sleep(0.01)
start = time.perf_counter()
_, widget = viewer.window.add_plugin_dock_widget("napari-medkd", sys.argv[1])
while widget.visibleRegion().isEmpty():
    QApplication.processEvents()
widget.repaint()
print("SAID", 1e3 * (time.perf_counter() - start))
viewer.close()
from superqt.utils import WorkerBase
from napari_medkd.gui.command import end_questions
end_questions()
WorkerBase.await_workers(20000)
"""


def said_by_child(program: str, *arguments: str) -> float:
    """Return the number a fresh Python says; it finds bytecode, as an installed program does."""
    keeping = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, env=keeping, capture_output=True, text=True, check=True)
    line = next(line for line in done.stdout.splitlines() if line.startswith("SAID"))
    return round(float(line.split()[1]), 1)


def row_of(name: str, metric: str, values: list[float], **more: Any) -> Row:
    """Return the row of a figure in milliseconds, and print it."""
    row = Row(
        row=name,
        metric=metric,
        unit="ms",
        n=len(values),
        mean=round(float(np.mean(values)), 2),
        values=tuple(round(value, 2) for value in values),
        **more,
    )
    print(f"{name}: {metric} {row.mean:.1f} ms (n = {row.n}, {min(values):.1f} to {max(values):.1f})", flush=True)
    return row


def wait(seconds: float) -> None:
    """Let the window live for a while."""
    from qtpy.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(round(1e3 * seconds), loop.quit)
    loop.exec()


def lag_during(act: Callable[[], object]) -> tuple[float, float]:
    """Return the 95th and 99th percentile of how late a 10 ms timer is, in ms."""
    from qtpy.QtCore import Qt, QTimer

    times: list[float] = []
    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(lambda: times.append(time.perf_counter()))
    timer.start(TICK_MILLISECONDS)
    act()
    timer.stop()
    late = np.maximum(0.0, 1e3 * np.diff(times) - TICK_MILLISECONDS)
    p95, p99 = np.percentile(late, (95, 99))
    return float(p95), float(p99)


class LagWindow:
    """A napari window with an image and the docks of `DOCKS`, and a run that trains or pauses."""

    def __init__(self, folder: Path) -> None:
        import napari
        from qtpy.QtWidgets import QApplication

        from napari_medkd.files.sample import write_sample
        from napari_medkd.gui.state import session_of

        self.app = QApplication.instance() or QApplication(sys.argv)
        sample = write_sample(folder / "sample", cases_per_domain=8).parent
        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(1600, 1000)
        self.session = session_of(self.viewer)
        self.session.asks_at_closing = False
        self.docks = {}
        for name in DOCKS:
            _, self.docks[name] = self.viewer.window.add_plugin_dock_widget("napari-medkd", name)
            wait(0.3)
        self.session.runs_folder = folder / "runs"
        self.docks["Data"].open_path(sample)
        self.until(lambda: self.session.dataset is not None)
        self.docks["Data"].show_case("t1-like_05")
        self.until(lambda: self.session.opened is not None)

    def until(self, condition: Callable[[], bool], seconds: float = 180) -> None:
        """Let the window live until something is so."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise TimeoutError("Nothing came of it; see the run's log.")
            wait(0.05)

    def start_run(self) -> None:
        """Start a long run with one thread, and show its curves."""
        from napari_medkd.core.spec import Hardware, Schedule, Target, TrainSpec
        from napari_medkd.gui.followers import followers_of
        from napari_medkd.gui.widgets.dock import bring_up
        from napari_medkd.runs.folder import RunFolder

        spec = TrainSpec(
            datasets=(self.session.dataset_path,),
            targets=(Target(task="organs"),),
            schedule=Schedule(epochs=1000, steps_per_epoch=20, batch_size=2),
            hardware=Hardware(device="cpu", precision="fp32", threads=1),
            preview_case="t1-like_05",
        )
        run = RunFolder.create(self.session.runs_folder, spec).path
        followers_of(self.session).start(run)
        self.session.run = run
        bring_up(self.viewer, "Runs")
        self.until(lambda: self.session.run_status.step > 20)

    def pause(self, is_on: bool) -> None:
        """Let the run pause, or train."""
        self.docks["Runs"].presenter.order(self.session.run, "pause" if is_on else "go")
        self.until(lambda: self.session.run_status.phase == ("paused" if is_on else "training"))
        wait(1.0)

    def close(self) -> None:
        """Stop the run and close the window."""
        self.docks["Runs"].presenter.order(self.session.run, "stop")
        self.until(lambda: self.session.run_status.phase == "ended")
        self.viewer.close()
        wait(0.5)


class LoadingWindow:
    """A napari window with the Data dock, in which files are read."""

    def __init__(self, folder: Path) -> None:
        import napari

        from napari_medkd.gui.widgets.dock import bring_up

        plain, packed, _ = write_volumes(folder, 0.25)
        self.files = (write_series(folder / "series", 400), plain, packed)
        self.viewer = napari.Viewer(show=True)
        self.viewer.window.resize(1600, 1000)
        bring_up(self.viewer, "Data").session.asks_at_closing = False
        wait(1.0)
        self.read(1.0)  # imports and caches

    def read(self, seconds: float) -> None:
        """Read the files in turn until the time is over, as a drop on the canvas does."""
        from napari_medkd.gui.reader import get_reader

        end = time.monotonic() + seconds
        for file in itertools.cycle(map(str, self.files)):
            reader = get_reader(file)
            assert reader is not None
            assert len(reader(file)[0]) == 3
            if time.monotonic() > end:
                return


def loading_rows(pairs: int, seconds: float) -> list[Row]:
    """Return idle, loading and their difference, for the 95th and the 99th percentile."""
    with tempfile.TemporaryDirectory() as folder:
        window = LoadingWindow(Path(folder))
        idle, loading = [], []
        for _ in range(pairs):
            idle.append(lag_during(lambda: wait(seconds)))
            loading.append(lag_during(lambda: window.read(seconds)))
        window.viewer.close()
    return rows_above_idle("loading", idle, loading)


def lag_rows(pairs: int, seconds: float) -> list[Row]:
    """Return idle, training and their difference, for the 95th and the 99th percentile."""
    with tempfile.TemporaryDirectory() as folder:
        window = LagWindow(Path(folder))
        window.start_run()
        idle, training = [], []
        for _ in range(pairs):
            window.pause(True)
            idle.append(lag_during(lambda: wait(seconds)))
            window.pause(False)
            training.append(lag_during(lambda: wait(seconds)))
        window.close()
    return rows_above_idle("training", idle, training)


def rows_above_idle(name: str, idle: list[tuple[float, float]], at_work: list[tuple[float, float]]) -> list[Row]:
    """Return a row for idle and one for work beside it, for each percentile; the blocks were taken in turns."""
    rows = []
    for at, metric in enumerate(("lag p95", "lag p99")):
        calm, busy = [pair[at] for pair in idle], [pair[at] for pair in at_work]
        above = [b - c for b, c in zip(busy, calm, strict=True)]
        low, high = bootstrap_of_mean(above)
        rows.append(row_of(f"idle beside {name}", metric, calm))
        mean = round(float(np.mean(above)), 2)
        rows.append(row_of(name, metric, busy, versus=f"idle beside {name}", difference=mean, ci95=(low, high)))
        print(f"  above idle: {mean:.1f} ms [{low}, {high}]", flush=True)
    return rows


def bootstrap_of_mean(values: list[float]) -> tuple[float, float]:
    """Return the 95 % interval of the mean over the pairs of blocks."""
    random = np.random.default_rng(0)
    means = [float(np.mean(random.choice(values, len(values)))) for _ in range(2000)]
    low, high = np.percentile(means, (2.5, 97.5))
    return round(float(low), 2), round(float(high), 2)


def of_repeats(program: str, *arguments: str) -> list[float]:
    """Return what several fresh Pythons say, after one that compiles what is not compiled yet."""
    said_by_child(program, *arguments)
    return [said_by_child(program, *arguments) for _ in range(REPEATS)]


def main() -> None:
    """Measure and write ``results/viewer.json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=6, help="pairs of an idle and a training block")
    parser.add_argument("--seconds", type=float, default=15.0, help="length of a block")
    parser.add_argument("--only", choices=("loading",), help="measure and print this alone; the results file stays")
    arguments = parser.parse_args()
    if arguments.only:
        loading_rows(arguments.pairs, arguments.seconds)
        return
    record = Record("viewer", notes={"threads of the run": 1, "niceness of the run": 10, "window": "1600 x 1000"})
    record.rows.append(row_of("manifest's modules", "import", of_repeats(IMPORT)))
    for dock in DOCKS:
        record.rows.append(row_of(f"{dock} dock", "first picture", of_repeats(FIRST_PICTURE, dock)))
    record.rows += lag_rows(arguments.pairs, arguments.seconds)
    record.rows += loading_rows(arguments.pairs, arguments.seconds)
    print(record.write())


if __name__ == "__main__":
    main()
