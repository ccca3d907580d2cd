"""Layer names on one line in napari's status bar: those of side-by-side panels are their titles, which have two."""

from typing import Any

from napari_medkd.gui.own_viewer import once_per_viewer

_LAYER = "layer_base"


@once_per_viewer
def keep_on_one_line(viewer: Any) -> None:
    """Join the lines of the name that is told."""

    def join(event: Any) -> None:
        status = event.value
        if isinstance(status, dict) and "\n" in status.get(_LAYER, ""):
            event.source.status = status | {_LAYER: " · ".join(status[_LAYER].splitlines())}

    viewer.events.status.connect(join, position="last")  # after the bar has taken the two lines
