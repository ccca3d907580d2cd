"""The row of the Data dock that says how images are shown: the window of the selected one, and left and right."""

from typing import Any

from qtpy.compat import isalive
from qtpy.QtWidgets import QHBoxLayout, QLabel, QWidget

from napari_medkd.gui.own_viewer import own_viewer
from napari_medkd.gui.sides import SIDES, body_axes
from napari_medkd.gui.state import Session
from napari_medkd.gui.widgets.elided_choice import ElidedChoice
from napari_medkd.gui.windows import show_window, widen_slider, window_of, windowed_layer, windows_for

_BY_HAND = "Set by hand"
_WINDOW_TIP = (
    "What is black and white in the selected image: a window in Hounsfield units for CT, a share of the intensities "
    "for other images. The contrast limits among the layer controls set any other."
)
_SIDES_TIP = (
    "Radiological: the patient's right is on the left of axial and coronal slices, as if you faced the patient. "
    "Neurological: it is on the right. Kept for the next time; nothing but the view is turned."
)


class ViewRow(QWidget):
    """Seen while an image of ours is on the canvas; after its dock is closed it hears nothing any more."""

    def __init__(self, viewer: Any, session: Session) -> None:
        super().__init__()
        viewer = own_viewer(viewer)
        self._viewer = viewer
        self._session = session
        self._layer: Any = None
        self.window_choice = ElidedChoice("Window", _WINDOW_TIP)
        self.window_choice.setPlaceholderText(_BY_HAND)
        self.sides = ElidedChoice("Left and right", _SIDES_TIP)
        self.sides.offer([(side, side.capitalize()) for side in SIDES])
        self._title = QLabel("Window")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._title)
        layout.addWidget(self.window_choice, 1)
        layout.addWidget(self.sides, 1)
        self.window_choice.activated.connect(lambda _: self._show_chosen())
        self.sides.activated.connect(lambda _: setattr(session, "sides", self.sides.currentData()))
        session.events.sides.connect(self._show_sides)
        viewer.layers.events.inserted.connect(self._take_in)
        viewer.layers.events.removed.connect(self._look)
        viewer.layers.selection.events.active.connect(self._look)
        for layer in viewer.layers:
            self._take_in_layer(layer)
        self._show_sides()
        self._look()

    def _take_in(self, event: Any) -> None:
        if isalive(self):  # type: ignore[no-untyped-call]
            self._take_in_layer(event.value)
            self._look()

    def _take_in_layer(self, layer: Any) -> None:
        if windows_for(layer):
            widen_slider(layer)
            layer.events.visible.connect(self._look)

    def _look(self, _event: Any = None) -> None:
        """Be about the layer that a choice would change."""
        if not isalive(self):  # type: ignore[no-untyped-call]
            return
        layer = windowed_layer(self._viewer)
        if layer is not self._layer:
            if self._layer is not None:
                self._layer.events.contrast_limits.disconnect(self._show_window)
            if layer is not None:
                layer.events.contrast_limits.connect(self._show_window)
            self._layer = layer
        for widget in (self._title, self.window_choice):
            widget.setVisible(layer is not None)
        has_sides = bool(body_axes(self._viewer))
        self.sides.setVisible(has_sides)
        self.setVisible(has_sides or layer is not None)
        self._show_window()

    def _show_window(self, _event: Any = None) -> None:
        if self._layer is None or not isalive(self):  # type: ignore[no-untyped-call]
            return
        self.window_choice.offer([(name, name) for name in windows_for(self._layer)])
        self.window_choice.setCurrentIndex(self.window_choice.findData(window_of(self._layer)))

    def _show_chosen(self) -> None:
        if self._layer is not None:
            show_window(self._layer, self.window_choice.currentData(), alike=self._viewer.layers)

    def _show_sides(self, _sides: str = "") -> None:
        if isalive(self):  # type: ignore[no-untyped-call]
            self.sides.setCurrentIndex(self.sides.findData(self._session.sides))
