"""Class names in napari's status bar: what the pointer is on, for every mask of ours."""

from typing import Any

from napari.layers import Labels

from napari_medkd.core.task import Task
from napari_medkd.gui.layers import task_of
from napari_medkd.gui.own_viewer import once_per_viewer

_COLUMNS = ("index", "class")


@once_per_viewer
def keep_class_names(viewer: Any) -> None:
    """Give every mask its class names, now and when masks come.

    A mask on which another plugin has stored something of its own keeps that instead.

    In 3-D they are taken away: napari (to 0.9 at least) fails on a mask with names that becomes the active layer
    before the pointer has moved over the canvas.
    """

    def name(_event: Any = None) -> None:
        for layer in viewer.layers:
            if isinstance(layer, Labels):
                _name(layer, are_named=viewer.dims.ndisplay == 2)

    viewer.layers.events.inserted.connect(name)
    viewer.dims.events.ndisplay.connect(name)
    name()


def are_class_names(features: Any) -> bool:
    """Whether a mask's features are the class names that were put there, and nothing that another plugin stored."""
    return list(features.columns) == list(_COLUMNS)


def class_names_of(task: Task) -> dict[str, list[Any]]:
    """Return the features that tell napari the names of a mask's labels."""
    return dict(zip(_COLUMNS, (list(range(len(task.classes))), list(task.classes)), strict=True))


def _name(layer: Any, *, are_named: bool) -> None:
    task, features = task_of(layer.metadata), layer.features
    if task is None:
        return
    if are_named and not len(features.columns):
        layer.features = class_names_of(task)
    elif not are_named and are_class_names(features):
        layer.features = {}
