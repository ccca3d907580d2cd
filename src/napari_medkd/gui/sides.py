"""Radiological or neurological: on which side of the screen the patient's right is; where that can be asked. No Qt."""

from typing import Any

from napari_medkd.gui.layers import KEY

RADIOLOGICAL, NEUROLOGICAL = "radiological", "neurological"
SIDES = (RADIOLOGICAL, NEUROLOGICAL)

#: Who is at the low and at the high end of a canonical axis.
_ENDS = {"inferior": ("S", "I"), "posterior": ("A", "P"), "left": ("R", "L")}
#: Places on the canvas by their axis on the screen (down, across) and the end of it.
PLACES = (("top_center", "bottom_center"), ("middle_left", "middle_right"))


def body_axes(viewer: Any) -> dict[int, str]:
    """Return which of the viewer's axes are the body's, by the layers of ours in mm; none where there is no such layer.

    An oblique image counts as lying along the axes that are nearest to its own.
    """
    for layer in viewer.layers:
        names = tuple(layer.axis_labels)
        if KEY in layer.metadata and names[-1:] == ("left",):
            first = viewer.dims.ndim - len(names)
            return {first + at: name for at, name in enumerate(names) if name in _ENDS}
    return {}


def is_left_across(viewer: Any) -> bool:
    """Return whether the patient's right and left lie beside one another on the screen, as slices and not as 3-D."""
    dims = viewer.dims
    return dims.ndisplay == 2 and body_axes(viewer).get(dims.displayed[-1]) == "left"


def letters_of(viewer: Any, orientation: tuple[Any, ...]) -> dict[str, str]:
    """Return who is at each edge of the canvas, by `PLACES`; nothing in 3-D, where the camera goes round.

    Parameters
    ----------
    orientation
        napari's, of the camera: where depth, rows and columns grow.
    """
    dims, axes = viewer.dims, body_axes(viewer)
    if dims.ndisplay != 2 or not axes:
        return {}
    found: dict[str, str] = {}
    grows = (str(orientation[1]) == "down", str(orientation[2]) == "right")
    for axis, places, is_along in zip(dims.displayed[-2:], PLACES, grows, strict=True):
        ends = _ENDS.get(axes.get(axis, ""), ("", ""))
        found |= dict(zip(places, ends if is_along else ends[::-1], strict=True))
    return found
