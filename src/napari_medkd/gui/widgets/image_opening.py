"""What is no dataset but an image, or several, is put into the viewer as napari's menu would do it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer

from napari_medkd.core.errors import InputProblem
from napari_medkd.files.opening import suffix_of
from napari_medkd.gui.image_files import layers_of_images
from napari_medkd.gui.preferences import PLUGIN
from napari_medkd.gui.state import DataState
from napari_medkd.gui.waiting import waited_for

#: What napari's own reader opens: ours does only where a person asks this dock to.
_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")

Failed = Callable[[Exception, str], Any]


def open_images(viewer: Any, state: DataState, failed: Failed) -> None:
    """Show every folder that turns out to be an image from now on; of several images in it, the person picks one.

    Parameters
    ----------
    failed
        Gets what is wrong with an image, and where.
    """

    def show(paths: tuple[Path, ...]) -> None:
        if paths == state.images:
            show_images(viewer, paths, failed)

    state.events.images.connect(lambda paths: QTimer.singleShot(0, lambda: show(paths)))


def show_images(viewer: Any, paths: Iterable[Path], failed: Failed) -> None:
    """Show image files and folders; pictures too, which napari would leave to other readers."""
    for path in paths:
        try:
            if suffix_of(path) in _PICTURES:
                _add(viewer, path)
            else:
                viewer.open(str(path), plugin=PLUGIN)
        except InputProblem as error:
            failed(error, str(path))


def _add(viewer: Any, path: Path) -> None:
    from napari.layers import Layer

    for data in waited_for(lambda: layers_of_images([path]), path.name) or ():
        viewer.add_layer(Layer.create(*data))
