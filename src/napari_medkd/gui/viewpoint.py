"""How the viewer looks at a layer: the slice or the volume, and how large a pixel of the screen is there. No Qt."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.gui.planes import camera_of


@dataclass(frozen=True, slots=True, eq=False)
class Viewpoint:
    """What is seen of a layer.

    Parameters
    ----------
    axis
        The layer's axis (0 z, 1 y, 2 x) that the slices lie across; None where the volume is seen.
    plane
        Index of the slice along it; 0 where the volume is seen.
    pixel
        How long a pixel of the screen is in the world.
    across
        (2, 3): the directions down and to the right on the screen, along (z, y, x).
    """

    axis: int | None
    plane: int
    pixel: float
    across: NDArray[np.float64]


def viewpoint_of(viewer: Any, layer: Any) -> Viewpoint:
    """Return how the viewer looks at a layer of two or three axes."""
    dims, camera = viewer.dims, camera_of(viewer)
    lead = dims.ndim - layer.ndim
    pixel = 1.0 / max(float(camera.zoom), 1e-9)
    if dims.ndisplay == 3:
        up, forth = np.array(camera.up_direction), np.array(camera.view_direction)
        right = np.cross(forth, up)
        return Viewpoint(None, 0, pixel, np.stack([-up, right]))
    displayed = [axis - lead for axis in dims.displayed]
    across = np.zeros((2, 3))
    for row, axis in enumerate(displayed):
        across[row, axis + 3 - layer.ndim] = 1.0
    if layer.ndim < 3:
        return Viewpoint(0, 0, pixel, across)
    axis = next(one for one in range(3) if one not in displayed)
    at = layer.world_to_data(dims.point[lead:])
    return Viewpoint(axis, round(float(at[axis])), pixel, across)


def centre_on(viewer: Any, layer: Any, voxel_ZYX: tuple[float, float, float]) -> None:
    """Move the sliders and the camera to a voxel of a layer; the zoom stays."""
    dims, camera = viewer.dims, camera_of(viewer)
    world = layer.data_to_world(voxel_ZYX[3 - layer.ndim :])
    lead = dims.ndim - len(world)
    for axis, point in enumerate(world):
        dims.set_point(lead + axis, float(point))
    seen = [float(world[axis - lead]) for axis in dims.displayed]
    camera.center = (*(0.0,) * (3 - len(seen)), *seen)
