"""Class names in napari's status bar: what the pointer is on, for every mask of ours."""

from typing import Any
from weakref import WeakSet

from napari.layers import Labels

from napari_medkd.gui.layers import task_of

_COLUMN = "class"
_KEPT: WeakSet[Any] = WeakSet()


def keep_class_names(viewer: Any) -> None:
    """Give every mask its class names, now and when masks come; a second call for the same viewer changes nothing.

    In 3-D they are taken away: napari (to 0.9 at least) fails on a mask with names that becomes the active layer
    before the pointer has moved over the canvas.
    """
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer in _KEPT:
        return
    _KEPT.add(viewer)

    def name(_event: Any = None) -> None:
        for layer in viewer.layers:
            if isinstance(layer, Labels):
                _name(layer, are_named=viewer.dims.ndisplay == 2)

    viewer.layers.events.inserted.connect(name)
    viewer.dims.events.ndisplay.connect(name)
    name()


def _name(layer: Any, *, are_named: bool) -> None:
    task = task_of(layer.metadata)
    if task is None or (_COLUMN in layer.features) == are_named:
        return
    names = {"index": list(range(len(task.classes))), _COLUMN: list(task.classes)}
    layer.features = names if are_named else {}
