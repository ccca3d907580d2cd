"""A folder that is no dataset but one image, or several: it is put into the viewer as napari's menu would do it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer

from napari_medkd.core.errors import InputProblem
from napari_medkd.gui.preferences import PLUGIN
from napari_medkd.gui.state import DataState


def open_images(viewer: Any, state: DataState, failed: Callable[[Exception, str], Any]) -> None:
    """Put every such folder into the viewer from now on; of several images, the person picks one.

    Parameters
    ----------
    failed
        Gets what is wrong with an image, and where.
    """

    def show(paths: tuple[Path, ...]) -> None:
        for path in paths if paths == state.images else ():
            try:
                viewer.open(str(path), plugin=PLUGIN)
            except InputProblem as error:
                failed(error, str(path))

    state.events.images.connect(lambda paths: QTimer.singleShot(0, lambda: show(paths)))
