"""Where the pointer is, in napari's status bar: world coordinates in mm, and Hounsfield units as such. No Qt."""

from typing import Any

import numpy as np

from napari_medkd.gui.layers import grid_of
from napari_medkd.gui.own_viewer import once_per_viewer
from napari_medkd.gui.windows import is_in_hounsfield_units

_TEXT = "coordinates"


@once_per_viewer
def keep_world_coordinates(viewer: Any) -> None:
    """Tell the place in the world over slices of the active layer, where it is one of ours in mm.

    What is told of other layers, and over the volume, stays napari's.
    """

    def tell(event: Any) -> None:
        status, layer = event.value, viewer.layers.selection.active
        if not isinstance(status, dict) or layer is None or viewer.dims.ndisplay != 2:
            return
        place, told = _place_of(layer, viewer.cursor.position), status.get(_TEXT, "")
        if place and told.startswith("["):  # napari's own; what is ours already stays
            _, _, value = told.partition(": ")
            unit = " HU" if value and is_in_hounsfield_units(layer) else ""
            event.source.status = status | {_TEXT: f"{place}: {value}{unit}" if value else place}

    viewer.events.status.connect(tell, position="last")  # after the bar has taken napari's own words


def place_in_words(right: float, anterior: float, superior: float) -> str:
    """Return a world point (mm) in words; towards left, posterior and inferior the numbers are negative."""
    right, anterior, superior = (round(one, 1) + 0.0 for one in (right, anterior, superior))  # -0.0 becomes 0.0
    return f"R {right:.1f}  A {anterior:.1f}  S {superior:.1f} mm"


def _place_of(layer: Any, position: tuple[float, ...]) -> str:
    shape = getattr(layer.data, "shape", ())
    grid = grid_of(layer.metadata, shape[:-1] if getattr(layer, "rgb", False) else shape)
    if grid is None or grid.unit != "mm":
        return ""
    voxel = layer.world_to_data(position[-layer.ndim :])
    point = grid.to_world([(*np.zeros(3 - layer.ndim), *voxel)])[0]
    return place_in_words(*point.tolist())
