"""Which pictures the Results dock offers, and which one is chosen, in step with the viewer's layers; no Qt."""

from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_medkd.gui.canvas import picture_of, pictures_on
from napari_medkd.gui.kept_selection import is_choice

if TYPE_CHECKING:
    from napari_medkd.gui.presenters.selection import Selection
    from napari_medkd.gui.state import ResultsState, Session


class OfferedPictures:
    """Offers the viewer's images, and chooses the one that is selected in the list of layers.

    While a network is asked about a picture, that one stays chosen, so that nothing is stopped without a word; what was
    selected meanwhile is chosen afterwards, unless answers would be thrown away for it.

    Attributes
    ----------
    changed
        ``(list of Picture)``: the viewer's images may be others now.
    """

    changed = Signal(list)

    def __init__(self, viewer: Any, session: "Session", state: "ResultsState", selection: "Selection") -> None:
        self._viewer = viewer
        self._session = session
        self._state = state
        self._selection = selection
        self._is_behind = False
        for signal in self._signals():
            signal.connect(self.look)
        viewer.layers.selection.events.active.connect(self.follow)
        state.events.busy.connect(self._catch_up)
        state.events.picture.connect(self._forget)

    def look(self, event: Any = None) -> None:
        """Offer the images that stand in the viewer now."""
        del event
        pictures = pictures_on(self._viewer)
        self._selection.set_pictures(pictures)
        self.changed.emit(pictures)

    def follow(self, event: Any = None) -> None:
        """Choose the image that the person selects in the list of layers, as soon as none is asked about."""
        del event
        if not is_choice(self._viewer):
            return
        self._is_behind = bool(self._state.busy)
        if self._is_behind:
            return
        active = self._viewer.layers.selection.active
        picture = None if active is None else picture_of(active)
        if picture is not None and picture.key in [one.key for one in self._state.pictures]:
            self._selection.choose_picture(picture.key)

    def end(self) -> None:
        """Look at the viewer no more."""
        for signal in self._signals():
            signal.disconnect(self.look)
        self._viewer.layers.selection.events.active.disconnect(self.follow)

    def _signals(self) -> tuple[Any, ...]:
        layers = self._viewer.layers.events
        return layers.inserted, layers.removed, layers.reordered, self._session.events.opened

    def _catch_up(self, busy: str) -> None:
        if self._is_behind and not busy and not self._state.answers:
            self.follow()

    def _forget(self) -> None:
        """Let what was selected be overtaken by another choice."""
        self._is_behind = False
