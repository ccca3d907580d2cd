"""A person's hand that paints on a slice with the mouse."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from window import Window

#: napari's other key for its eraser, 1, picks our first class.
_ERASER = "e"


def lines_of(mask_YX: NDArray[Any]) -> list[tuple[int, int, int]]:
    """Return the runs of a mask as (row, first, last)."""
    found = []
    for row in np.flatnonzero(mask_YX.any(axis=1)):
        columns = np.flatnonzero(mask_YX[row])
        for part in np.split(columns, np.flatnonzero(np.diff(columns) > 1) + 1):
            found.append((int(row), int(part[0]), int(part[-1])))
    return found


class Painter:
    """A person's hand: paints what the eye sees on the slice that is shown, line by line."""

    def __init__(self, window: Window, layer: Any) -> None:
        self._window = window
        self._layer = layer
        self._canvas = window.viewer.window._qt_viewer.canvas.native  # noqa: SLF001 - there is no public way to it
        layer.brush_size = 1

    def paint(self, z: int, seen_YX: NDArray[Any], *, besides_YX: NDArray[Any] | None = None) -> int:
        """Paint a slice so that it is what is seen; return the number of strokes.

        Parameters
        ----------
        besides_YX
            What stands there already.
        """
        viewer, strokes = self._window.viewer, 0
        viewer.dims.set_current_step(0, z)
        self._window.settle(0.05)
        there_YX = np.zeros_like(seen_YX) if besides_YX is None else besides_YX
        for label in np.unique(np.concatenate((seen_YX.ravel(), there_YX.ravel()))):
            wrong_YX = (seen_YX == label) & (there_YX != label)
            for line in lines_of(wrong_YX):
                self._choose(int(label))
                self._stroke(z, *line)
                strokes += 1
        return strokes

    def _choose(self, label: int) -> None:
        """Pick a class by its key; background is painted with the eraser, by napari's key for it."""
        from qtpy.QtTest import QTest

        mode = "paint" if label else "erase"
        if str(self._layer.mode) != mode or (label and int(self._layer.selected_label) != label):
            self._canvas.setFocus()
            QTest.keyClick(self._canvas, str(label) if label else _ERASER)
            self._window.wait(lambda: str(self._layer.mode) == mode, f"the tool that is to {mode}")

    def _stroke(self, z: int, row: int, first: int, last: int) -> None:
        from qtpy.QtCore import Qt
        from qtpy.QtTest import QTest

        begin, end = (self._on_canvas(z, row, column) for column in (first, last))
        QTest.mousePress(self._canvas, Qt.MouseButton.LeftButton, pos=begin)
        QTest.mouseMove(self._canvas, end)  # napari paints the line between two places of the mouse
        self._window.settle(0.005)
        QTest.mouseRelease(self._canvas, Qt.MouseButton.LeftButton, pos=end)

    def _on_canvas(self, z: int, row: int, column: int) -> Any:
        """Return where a voxel stands on the canvas."""
        from qtpy.QtCore import QPoint

        from napari_medkd.gui.planes import camera_of

        camera = camera_of(self._window.viewer)
        world = np.array(self._layer.data_to_world((z, row, column)))[-2:]
        size = np.array((self._canvas.height(), self._canvas.width()))
        y, x = size / 2 + (world - np.array(camera.center)[-2:]) * camera.zoom
        return QPoint(round(float(x)), round(float(y)))
