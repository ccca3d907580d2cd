"""The case that stands in the viewer: its layers make room for the next case's, unless a person worked on them."""

from typing import Any
from weakref import WeakKeyDictionary

from napari_medkd.gui.in_one_go import in_one_go
from napari_medkd.gui.layers import LayerData
from napari_medkd.gui.own_viewer import own_viewer


class _Standing:
    """Ids of the layers of the case that stands in a viewer, and of all that a person worked on."""

    def __init__(self) -> None:
        self.layers: tuple[Any, ...] = ()
        self.touched: set[Any] = set()

    def note(self, event: Any) -> None:
        self.touched.add(event.source.unique_id)


#: By viewer: it outlives the dock that showed the case.
_STANDING: WeakKeyDictionary[Any, _Standing] = WeakKeyDictionary()


class ShownCase:
    """Adds a case's layers and takes them away again; a mask or boxes that a person drew on stay, hidden."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._standing = _STANDING.setdefault(own_viewer(viewer), _Standing())

    def show(self, layer_data: list[LayerData]) -> tuple[Any, ...]:
        """Show these layers in place of the earlier case's, and return their ids, in order."""
        from napari.layers import Layer

        had_layers = bool(len(self._viewer.layers))
        with in_one_go(self._viewer):
            self._clear()
            for data, meta, kind in layer_data:
                layer = Layer.create(data, meta, kind)
                self._viewer.add_layer(layer)
                self._take(layer)
        if had_layers:
            self._viewer.reset_view()
        return self._standing.layers

    def adopt(self, layer: Any) -> None:
        """Take a layer in among those of the case: it makes room for the next case's as they do."""
        if layer in self._viewer.layers and layer.unique_id not in self._standing.layers:
            self._take(layer)

    def _take(self, layer: Any) -> None:
        from napari.layers import Labels, Shapes

        if isinstance(layer, Labels):
            layer.events.paint.connect(self._standing.note)
        elif isinstance(layer, Shapes):
            layer.events.data.connect(self._standing.note)
        self._standing.layers = (*self._standing.layers, layer.unique_id)

    def _clear(self) -> None:
        for layer in [layer for layer in self._viewer.layers if layer.unique_id in self._standing.layers]:
            if layer.unique_id in self._standing.touched:
                layer.visible = False
            else:
                self._viewer.layers.remove(layer)
        self._standing.layers = ()
