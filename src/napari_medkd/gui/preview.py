"""The live preview: what a training network says about one case, on that case's image, in one layer that stays."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
from napari.layers import Image, Labels

from napari_medkd.core.annotation import Mask
from napari_medkd.core.prediction import Prediction
from napari_medkd.gui.canvas import placed_like
from napari_medkd.gui.layers import KEY, grid_of, labels_look, origin_of, resampled_labels, shown_array, source_of
from napari_medkd.gui.presenters.ports import InBackground
from napari_medkd.gui.state import Preview, Session

LEAST_SECONDS = 0.2


class LivePreview:
    """Shows the session's newest preview on the canvas, at most five times a second, while its layer is visible.

    Parameters
    ----------
    in_background
        Reads a preview's file in a thread.
    clock
        Seconds; for tests.
    may_draw
        Whether the canvas is free, and not divided into panels.
    """

    def __init__(
        self,
        viewer: Any,
        session: Session,
        in_background: InBackground,
        clock: Any = time.monotonic,
        may_draw: Callable[[], bool] = lambda: True,
    ) -> None:
        self._viewer = viewer
        self._session = session
        self._in_background = in_background
        self._clock = clock
        self._may_draw = may_draw
        self._layer: Any = None
        self._is_reading = False
        self._drawn_at = -LEAST_SECONDS
        self._newest: Preview | None = None
        self._is_on = True
        session.events.preview.connect(self._on_preview)

    @property
    def layer(self) -> Any:
        """The layer, or None while there is nothing to show or the person has deleted it."""
        return self._layer if self._layer is not None and self._layer in self._viewer.layers else None

    def switch(self, on: bool) -> None:
        """Show previews, or hide the layer and take in no more."""
        self._is_on = on
        if self.layer is not None:
            self.layer.visible = on
        self.catch_up()

    def catch_up(self) -> None:
        """Show the newest preview if it has not been shown; for when the layer becomes visible again."""
        if self._newest is not None:
            self._on_preview(self._newest)

    def _on_preview(self, preview: Preview | None) -> None:
        self._newest = preview
        if preview is None or not self._is_due():
            return
        self._is_reading = True
        folder = preview.run / preview.event.path

        def read() -> Prediction:
            from napari_medkd.files.results import read_prediction

            return read_prediction(folder)

        self._in_background(read, lambda prediction: self._draw(preview, prediction), self._skip)

    def _is_due(self) -> bool:
        if not self._is_on or self._is_reading or not self._may_draw():
            return False
        hidden = self.layer is not None and not self.layer.visible
        return not hidden and self._clock() - self._drawn_at >= LEAST_SECONDS

    def _skip(self, error: Exception) -> None:
        """Leave out a preview that was replaced while it was read; the next one comes."""
        del error
        self._is_reading = False

    def _draw(self, preview: Preview, prediction: Prediction) -> None:
        self._is_reading = False
        if not self._may_draw():  # it is drawn when the panels are gone
            return
        if self._newest is preview:
            self._newest = None
        image = self._image(prediction)
        if image is not None and prediction.mask is not None:
            self._drawn_at = self._clock()
            self._draw_on(image, preview, prediction, prediction.mask)
        self.catch_up()

    def _draw_on(self, image: Any, preview: Preview, prediction: Prediction, mask: Mask) -> None:
        grid = grid_of(image.metadata, image.data.shape) or prediction.grid
        labels = mask.labels
        if not grid.matches(prediction.grid):
            labels = resampled_labels(labels, prediction.grid, grid)
        shown = shown_array(labels, grid).astype(np.uint8, copy=False)
        name = f"preview · {preview.event.stage}, epoch {preview.event.epoch}"
        layer = self.layer
        if layer is None or layer.data.shape != shown.shape or not np.allclose(layer.translate, image.translate):
            self._replace(image, prediction, shown, name)
            return
        np.copyto(layer.data, shown)
        layer.refresh(extent=False, thumbnail=False, highlight=False)
        layer.name = name

    def _replace(self, image: Any, prediction: Prediction, shown: Any, name: str) -> None:
        """Put a new layer on the image, in place of one that lay on another image."""
        if self.layer is not None:
            self._viewer.layers.remove(self._layer)
        origin = origin_of(prediction.grid, "labels") | {"task": asdict(prediction.task)}
        look = labels_look(prediction.task, name, origin)
        selected = set(self._viewer.layers.selection)
        self._layer = Labels(shown.copy(), **look, **placed_like(image))
        self._viewer.add_layer(self._layer)
        self._viewer.layers.selection = selected
        self._layer.events.visible.connect(self.catch_up)

    def _image(self, prediction: Prediction) -> Any:
        """Return the image layer of the case, or None while another case is shown."""
        for layer in self._viewer.layers:
            if isinstance(layer, Image) and not layer.rgb and self._is_of_case(layer, prediction.case):
                return layer
        return None

    def _is_of_case(self, layer: Any, case: str) -> bool:
        if layer.metadata.get(KEY, {}).get("case") == case:
            return True
        source, dataset = source_of(layer.metadata), self._session.dataset
        known = () if dataset is None else [one.images for one in dataset.cases if one.id == case]
        return source is not None and any(source in images for images in known)
