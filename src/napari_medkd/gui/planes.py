"""Axial, coronal and sagittal slices upright, and a volume that is never mirrored; through napari's public API."""

from typing import Any

from napari_medkd.gui.own_viewer import once_per_viewer
from napari_medkd.gui.sides import NEUROLOGICAL, is_left_across
from napari_medkd.gui.state import session_of

#: The order of the sliders that shows each plane upright, in (inferior, posterior, left).
PLANES = {"Axial": (0, 1, 2), "Coronal": (1, 0, 2), "Sagittal": (2, 0, 1)}
_TO_THE_BACK, _UP = (0.0, 1.0, 0.0), (-1.0, 0.0, 0.0)


def show_plane(viewer: Any, plane: str) -> None:
    """Show a plane upright, or the volume from the front for ``"3D"``; earlier axes stay."""
    if not has_planes(viewer):
        return
    dims = viewer.dims
    lead = dims.ndim - 3
    dims.order = (*range(lead), *(lead + axis for axis in PLANES.get(plane, (0, 1, 2))))
    dims.ndisplay = 3 if plane == "3D" else 2
    viewer.reset_view()
    if plane == "3D":
        camera_of(viewer).set_view_direction(_TO_THE_BACK, _UP)


def has_planes(viewer: Any) -> bool:
    """Return whether there is a volume on the canvas; a flat picture has no other planes."""
    return int(viewer.dims.ndim) >= 3


def camera_of(viewer: Any) -> Any:
    """Return the viewer's camera model, which moved to its scene in napari 0.9."""
    return getattr(viewer, "scene", viewer).camera


@once_per_viewer
def keep_unmirrored(viewer: Any) -> None:
    """Turn the camera so that slices stand as the session's `sides` say, and left is never right in 3-D.

    In 3-D the depth axis is turned whenever two axes are swapped.
    """
    session, camera = session_of(viewer), camera_of(viewer)
    usual = str(camera.orientation[2])

    def turn(_event: Any = None) -> None:
        depth, down, _ = camera.orientation
        order = viewer.dims.order[-3:]
        if len(order) == 3:
            swaps = sum(one > other for at, one in enumerate(order) for other in order[at + 1 :])
            depth = "towards" if swaps % 2 == 0 else "away"
        across = usual
        if is_left_across(viewer):
            across = "left" if session.sides == NEUROLOGICAL else "right"
        wanted = (str(depth), str(down), across)
        if tuple(str(one) for one in camera.orientation) != wanted:
            camera.orientation = wanted

    for signal in (viewer.dims.events.order, viewer.dims.events.ndisplay, viewer.dims.events.ndim):
        signal.connect(turn)
    viewer.layers.events.inserted.connect(turn)
    viewer.layers.events.removed.connect(turn)
    session.events.sides.connect(turn)
    turn()
