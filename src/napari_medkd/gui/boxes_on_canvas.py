"""All drawn boxes of one viewer: they follow its slices and zoom, and one threshold filters them. No Qt."""

from typing import Any

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.box_matching import MatchedBoxes
from napari_medkd.gui.box_drawing import BoxDrawing, BoxSet
from napari_medkd.gui.canvas import placed_like
from napari_medkd.gui.planes import camera_of
from napari_medkd.gui.viewpoint import viewpoint_of


class BoxesOnCanvas:
    """Makes drawings and keeps them up to date for as long as their layers are in the viewer."""

    def __init__(self, viewer: Any, threshold: float) -> None:
        self._viewer = viewer
        self._threshold = threshold
        self._drawings: dict[BoxDrawing, MatchedBoxes | None] = {}
        dims, camera = viewer.dims.events, camera_of(viewer).events
        for signal in (dims.ndisplay, dims.order, dims.current_step, camera.zoom, camera.angles):
            signal.connect(self._follow)
        viewer.layers.events.removed.connect(self._forget)

    def found(self, boxes: MatchedBoxes, name: str, image: Any, *, is_brief: bool = False) -> tuple[Any, ...]:
        """Return the layers of found boxes on an image's layer, to be added to the viewer.

        Parameters
        ----------
        is_brief
            Whether their labels are the scores alone.
        """
        drawn = BoxSet(boxes.found.boxes, boxes.found.scores, is_brief)
        drawing = BoxDrawing(drawn, name, placed_like(image), len(image.scale))
        drawing.keep(boxes.num_kept(self._threshold))
        return self._keep(drawing, boxes)

    def true(self, boxes: Boxes, name: str, image: Any) -> tuple[Any, ...]:
        """Return the layer of true boxes, dashed."""
        return self._keep(BoxDrawing(BoxSet(boxes), name, placed_like(image), len(image.scale)), None)

    def filter(self, threshold: float) -> None:
        """Show the boxes of at least that score."""
        self._threshold = threshold
        for drawing, boxes in self._drawings.items():
            if boxes is not None:
                drawing.keep(boxes.num_kept(threshold))

    def _keep(self, drawing: BoxDrawing, boxes: MatchedBoxes | None) -> tuple[Any, ...]:
        self._drawings[drawing] = boxes
        drawing.follow(viewpoint_of(self._viewer, drawing.lines))
        for layer in drawing.layers:
            layer.events.visible.connect(lambda _event: drawing.follow(viewpoint_of(self._viewer, drawing.lines)))
        return drawing.layers

    def _follow(self, event: Any = None) -> None:
        del event
        for drawing in self._drawings:
            if drawing.lines in self._viewer.layers:
                drawing.follow(viewpoint_of(self._viewer, drawing.lines))

    def _forget(self, event: Any) -> None:
        self._drawings = {one: boxes for one, boxes in self._drawings.items() if one.lines is not event.value}
