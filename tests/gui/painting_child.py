"""Paints in a napari of its own, says after each stroke how much is painted, and goes on until it is killed.

python -m tests.gui.painting_child FOLDER STROKES
"""

import sys
import time
from pathlib import Path

import napari
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_medkd.gui.widgets.data_dock import DataDock


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        QTest.qWait(20)


def main(folder: Path, strokes: int) -> None:
    """Open the folder, annotate its first case, and paint lines with the mouse, each beside the one before."""
    viewer = napari.Viewer(show=True)
    dock = DataDock(viewer)
    viewer.window.add_dock_widget(dock, name="Data")
    dock.settle()
    dock.open_path(folder)
    wait_until(lambda: bool(dock.state.rows) and not dock.state.is_checking)
    dock.cases.table.select("case_0")
    QTest.mouseClick(dock.cases.annotate, Qt.MouseButton.LeftButton)
    wait_until(lambda: dock.annotating.presenter.annotation is not None)
    layer, canvas = dock.annotating.presenter.annotation.layer, viewer.window._qt_viewer.canvas.native
    layer.brush_size = 1
    for number in range(strokes):
        viewer.dims.set_current_step(0, number % 20)
        y = canvas.height() // 2 + 40 * (number // 20 - 1)
        points = [QPoint(canvas.width() // 2 + step, y) for step in range(-60, 61, 12)]
        QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=points[0])
        for point in points:
            QTest.mouseMove(canvas, point)
            QTest.qWait(5)
        QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=points[-1])
        QTest.qWait(100)
        sys.stdout.write(f"{time.time()} {int((layer.data > 0).sum())}\n")
        sys.stdout.flush()
    QTest.qWait(600_000)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
