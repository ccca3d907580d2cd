"""The button that puts reference, warped reference and student side by side on the canvas."""

from typing import Any

from napari.layers import Layer
from qtpy.QtWidgets import QPushButton

from napari_medkd.gui.background import Background
from napari_medkd.gui.comparison import Comparison
from napari_medkd.gui.presenters.transferring import Transferring
from napari_medkd.gui.state import ResultsState, Session
from napari_medkd.gui.transfer import Scene, Transfer

_TIP = (
    "<p>How the run carries a labelled reference over to an unlabelled case: the reference; the reference in the shape "
    "of the case; the case with the student's newest mask. The reference is moved as a whole, so that a slice cuts the "
    "same place in all three.</p>"
)


class TransferButton(QPushButton):
    """Switches the panels of the selected run's transfer, and keeps them as new as its previews.

    Parameters
    ----------
    comparison
        Puts panels on the canvas; shared with the comparison of networks.
    """

    def __init__(self, viewer: Any, session: Session, state: ResultsState, comparison: Comparison) -> None:
        super().__init__("Reference → warped → student")
        self.setCheckable(True)
        self.setToolTip(_TIP)
        self.presenter = Transferring(session, state, Background(self))
        self._viewer = viewer
        self._session = session
        self._state = state
        self._comparison = comparison
        self._scene: Scene | None = None
        self._image: Any = None
        self.clicked.connect(self.presenter.switch)
        comparison.ended.connect(self.presenter.leave)
        state.events.transfer.connect(self._show)
        state.events.transfer_is_on.connect(self._press)

    def _press(self, on: bool) -> None:
        self.setChecked(on)

    def _show(self, transfer: Transfer | None) -> None:
        if transfer is None:
            if self._comparison.is_shown and self._comparison.image is self._image:
                self._comparison.leave()
            self._scene, self._image = None, None
            return
        is_new = transfer.scene is not self._scene
        if is_new:
            self._scene, self._image = transfer.scene, Layer.create(*transfer.scene.image)
        self._comparison.show(self._image, list(transfer.panels))
        if is_new:
            self._go_there(transfer)

    def _go_there(self, transfer: Transfer) -> None:
        """Move the sliders to the middle of the warped label, unless the person looks at the case already."""
        opened, dims = self._session.opened, self._viewer.dims
        if transfer.middle is None or (opened is not None and opened.case.id == transfer.scene.case):
            return
        world = self._image.data_to_world(transfer.middle)
        for axis, point in enumerate(world, start=dims.ndim - len(world)):
            dims.set_point(axis, float(point))
