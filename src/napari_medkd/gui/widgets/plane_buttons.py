"""The buttons that show a volume in axial, coronal or sagittal slices, or as a whole."""

from typing import Any

from qtpy.compat import isalive
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_medkd.gui.own_viewer import own_viewer
from napari_medkd.gui.planes import PLANES, has_planes, show_plane


class PlaneButtons(QWidget):
    """A button for each plane and one for the volume; of a flat picture none can be pressed."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._viewer = own_viewer(viewer)
        self.buttons = {name: QPushButton(name) for name in (*PLANES, "3D")}
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for name, button in self.buttons.items():
            button.setToolTip("Show the volume" if name == "3D" else f"Show {name.lower()} slices, upright")
            button.clicked.connect(lambda _=False, plane=name: show_plane(self._viewer, plane))
            layout.addWidget(button, 1)
        self._viewer.dims.events.ndim.connect(self._look)
        self._look()

    def _look(self, _event: Any = None) -> None:
        if isalive(self):  # type: ignore[no-untyped-call]
            self.setEnabled(has_planes(self._viewer))
