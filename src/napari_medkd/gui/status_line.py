"""Layer names on one line in napari's status bar: those of side-by-side panels are their titles, which have two."""

from typing import Any
from weakref import WeakSet

_LAYER = "layer_base"
_KEPT: WeakSet[Any] = WeakSet()


def keep_on_one_line(viewer: Any) -> None:
    """Join the lines of the name that is told; a second call for the same viewer changes nothing."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    if viewer in _KEPT:
        return
    _KEPT.add(viewer)

    def join(event: Any) -> None:
        status = event.value
        if isinstance(status, dict) and "\n" in status.get(_LAYER, ""):
            event.source.status = status | {_LAYER: " · ".join(status[_LAYER].splitlines())}

    viewer.events.status.connect(join, position="last")  # after the bar has taken the two lines
