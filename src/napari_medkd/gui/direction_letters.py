"""R and L, A and P, S and I at the edges of the canvas: who is where on the slice that is shown. No Qt.

They stand on every panel of napari's grid, there clear of the titles and notes in its corners. napari before 0.9 has no
place for them, and shows none.
"""

from typing import Any

from napari_medkd.gui.own_viewer import once_per_viewer
from napari_medkd.gui.planes import camera_of
from napari_medkd.gui.sides import PLACES, letters_of

_POINTS = 11
#: In a panel: lines of nothing keep a letter clear of two or three smaller ones in the corners beside it.
_IN_PANEL = {"top_center": "\n\n{}", "bottom_center": "{}\n \n "}


@once_per_viewer
def keep_letters(viewer: Any) -> None:
    """Show the letters from now on, as the slices are turned."""
    overlays = getattr(getattr(viewer, "canvas", None), "overlays", None)
    if overlays is None:
        return
    camera, texts = camera_of(viewer), _texts_on(overlays)

    def write(_event: Any = None) -> None:
        letters = letters_of(viewer, camera.orientation)
        kept_clear = _IN_PANEL if viewer.canvas.grid.enabled else {}
        for place, text in texts.items():
            letter = letters.get(place, "")
            if letter:
                text.text = kept_clear.get(place, "{}").format(letter)
            text.visible = bool(letter)

    viewer.canvas.grid.events.enabled.connect(write)
    for signal in (viewer.dims.events.order, viewer.dims.events.ndisplay, viewer.dims.events.ndim):
        signal.connect(write)
    viewer.layers.events.inserted.connect(write)
    viewer.layers.events.removed.connect(write)
    camera.events.orientation.connect(write)
    write()


def _texts_on(overlays: Any) -> dict[str, Any]:
    """Return a text of ours in the middle of each edge of the canvas."""
    from napari.components.overlays import TextOverlay

    texts = {}
    for place in (place for ends in PLACES for place in ends):
        texts[place] = overlays[f"medkd_{place}"] = TextOverlay(position=place, font_size=_POINTS, gridded=True)
    return texts
