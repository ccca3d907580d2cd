"""The layers of a live preview on the image of its case: a mask whose voxels change, and boxes. No Qt."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from napari.layers import Labels

from napari_medkd.core.prediction import Prediction
from napari_medkd.gui.answers import answer_of
from napari_medkd.gui.boxes_on_canvas import BoxesOnCanvas
from napari_medkd.gui.canvas import placed_like
from napari_medkd.gui.kept_selection import kept_selection
from napari_medkd.gui.layers import grid_of, labels_look, origin_of, resampled_labels, shown_array
from napari_medkd.gui.networks import name_of
from napari_medkd.gui.state import Preview
from napari_medkd.gui.verdicts import THRESHOLD, score_lines


class PreviewLayers:
    """Draws what a training network says of one case; layers of another stage or image make room.

    Parameters
    ----------
    shown_again
        Called when a layer becomes visible or hidden.
    """

    def __init__(self, viewer: Any, box_threshold: float, shown_again: Callable[[], None]) -> None:
        self._viewer = viewer
        self._shown_again = shown_again
        self._boxes = BoxesOnCanvas(viewer, box_threshold)
        self._layers: dict[str, tuple[Any, ...]] = {}
        self._about: tuple[Any, ...] = ()

    @property
    def all(self) -> tuple[Any, ...]:
        """Those that are in the viewer; a person may have deleted some."""
        return tuple(one for layers in self._layers.values() for one in layers if one in self._viewer.layers)

    @property
    def are_hidden(self) -> bool:
        """Whether there are layers, and the person sees none of them."""
        return bool(self.all) and not any(layer.visible for layer in self.all)

    def filter_boxes(self, threshold: float) -> None:
        """Show the boxes of at least that score."""
        self._boxes.filter(threshold)

    def clear(self) -> None:
        """Take all of them away."""
        self._take_away(list(self._layers))

    def draw(self, image: Any, preview: Preview, predictions: Sequence[Prediction]) -> None:
        """Draw the predictions on the image's layer; those of the stage's other tasks stay."""
        about = (preview.run, preview.event.stage, preview.event.case, image.unique_id)
        if about != self._about:
            kept = [one.task.name for one in predictions if one.mask is not None]  # their voxels are put in place
            self._take_away([task for task in self._layers if task not in kept])
            self._about = about
        for prediction in predictions:
            if prediction.mask is not None:
                self._draw_mask(image, preview, prediction)
            elif prediction.boxes is not None:
                self._draw_boxes(image, preview, prediction)

    def _draw_mask(self, image: Any, preview: Preview, prediction: Prediction) -> None:
        assert prediction.mask is not None
        grid = grid_of(image.metadata, image.data.shape) or prediction.grid
        labels = prediction.mask.labels
        if not grid.matches(prediction.grid):
            labels = resampled_labels(labels, prediction.grid, grid)
        shown = shown_array(labels, grid).astype(np.uint8, copy=False)
        layer = next((one for one in self._layers.get(prediction.task.name, ()) if one in self._viewer.layers), None)
        if layer is None or layer.data.shape != shown.shape or not np.allclose(layer.translate, image.translate):
            self._take_away([prediction.task.name])
            origin = origin_of(prediction.grid, "labels") | {"task": asdict(prediction.task)}
            look = labels_look(prediction.task, _name(preview, prediction), origin)
            self._add(prediction, (Labels(shown.copy(), **look, **placed_like(image)),))
            return
        np.copyto(layer.data, shown)
        layer.refresh(extent=False, thumbnail=False, highlight=False)
        layer.name = _name(preview, prediction)

    def _draw_boxes(self, image: Any, preview: Preview, prediction: Prediction) -> None:
        grid = grid_of(image.metadata, image.data.shape) or prediction.grid
        found = answer_of(prediction, grid, None).boxes
        was_hidden = any(not layer.visible for layer in self._layers.get(prediction.task.name, ()))
        self._take_away([prediction.task.name])
        if found is None:
            return
        self._add(prediction, self._boxes.found(found, _name(preview, prediction), image))
        for layer in self._layers[prediction.task.name] if was_hidden else ():
            layer.visible = False

    def _add(self, prediction: Prediction, layers: tuple[Any, ...]) -> None:
        """Add layers without taking the selection from those the person works on."""
        with kept_selection(self._viewer):
            for layer in layers:
                self._viewer.add_layer(layer)
                layer.events.visible.connect(self._shown_again)
        self._layers[prediction.task.name] = layers

    def _take_away(self, tasks: Sequence[str]) -> None:
        # Forgotten before they are removed: every removal is announced.
        for layer in [one for task in tasks for one in self._layers.pop(task, ())]:
            if layer in self._viewer.layers:
                self._viewer.layers.remove(layer)


def _name(preview: Preview, prediction: Prediction) -> str:
    stage, path = preview.event.stage, preview.event.path
    # A network of several tasks keeps each one's previews in a folder called by it.
    task = f" · {prediction.task.name}" if f"/{prediction.task.name}/" in path or len(preview.events) > 1 else ""
    return f"preview · {name_of(stage)}{task}, epoch {preview.event.epoch}"


def scores_in_words(preview: Preview, predictions: Sequence[Prediction]) -> str:
    """Return what a preview says about the classes of the image; empty where it says nothing of any."""
    lines = []
    for prediction in predictions:
        if prediction.scores is not None:
            answer = answer_of(prediction, prediction.grid, None)
            lines += [prediction.task.name, *score_lines(answer, THRESHOLD)]
    stage, epoch = name_of(preview.event.stage), preview.event.epoch
    return "\n".join([f"preview · {stage}, epoch {epoch}", *lines]) if lines else ""
