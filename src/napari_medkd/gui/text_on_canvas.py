"""A few lines in a corner of the canvas, in napari's own text, which stands on a box in the canvas's colour. No Qt."""

import warnings
from typing import Any

_POINTS = 9


class TextOnCanvas:
    """Borrows the viewer's text, and gives it back as it was."""

    def __init__(self, viewer: Any) -> None:
        self._overlay = _text_of(viewer)
        self._before: dict[str, Any] | None = None
        self._written = ""

    def show(self, text: str) -> None:
        """Show these lines, or what stood there before where there are none."""
        if text and self._before is None:
            names = ("text", "visible", "position", "font_size")
            self._before = {name: getattr(self._overlay, name) for name in names}
            self._overlay.position, self._overlay.font_size = "top_left", _POINTS
        if text:
            self._overlay.text, self._overlay.visible = text, True
            self._written = text
        elif self._before is not None:
            before, self._before = self._before, None
            if self._overlay.text == self._written:  # else somebody else has written there meanwhile
                for name, value in before.items():
                    setattr(self._overlay, name, value)


def _text_of(viewer: Any) -> Any:
    """Return the viewer's text, which moved to its canvas in napari 0.9."""
    overlays = getattr(getattr(viewer, "canvas", None), "overlays", None)
    if overlays is not None:
        return overlays.text
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return viewer.text_overlay
