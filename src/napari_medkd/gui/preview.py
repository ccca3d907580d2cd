"""The live preview: when what a training network says about one case is shown, and on which image."""

import time
from collections.abc import Callable
from contextlib import suppress
from math import ceil
from pathlib import Path
from typing import Any

from napari.layers import Image
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_medkd.core.errors import InputProblem
from napari_medkd.core.prediction import Prediction
from napari_medkd.core.run_layout import stage_name
from napari_medkd.gui.layers import KEY, source_of
from napari_medkd.gui.members import folder_of, found_in
from napari_medkd.gui.presenters.ports import InBackground
from napari_medkd.gui.preview_layers import PreviewLayers, scores_in_words
from napari_medkd.gui.state import Preview, Session
from napari_medkd.gui.study import study_of

LEAST_SECONDS = 0.2
_BOX_THRESHOLD = 0.5


class LivePreview:
    """Shows the session's newest preview on the canvas, at most five times a second, while its layers are visible.

    What cannot be shown yet, as its case is not open or the last one was drawn just now, is shown as soon as it can.

    Parameters
    ----------
    in_background
        Reads a preview's files in a thread.
    clock
        Seconds; for tests.
    may_draw
        Whether the canvas is free, and not divided into panels.

    Attributes
    ----------
    said
        ``(str)``: what the preview says about the classes of the image, empty where it says nothing of any.
    """

    said = Signal(str)

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
        self.layers = PreviewLayers(viewer, _BOX_THRESHOLD, self.catch_up)
        self._image_shown: Any = None
        self._said_about: tuple[Any, ...] = ()
        self._is_reading = False
        self._drawn_at = -LEAST_SECONDS
        self._newest: Preview | None = None
        self._learned_from: dict[Path, frozenset[Path]] = {}
        self._is_on = True
        self._soon = QTimer()
        self._soon.setSingleShot(True)
        self._soon.timeout.connect(self.catch_up)
        session.events.preview.connect(self._on_preview)
        session.events.opened.connect(self._on_opened)
        viewer.layers.events.inserted.connect(self.catch_up)
        viewer.layers.events.removed.connect(self._on_removed)

    @property
    def layer(self) -> Any:
        """The first layer, or None while there is nothing to show or the person has deleted it."""
        return next(iter(self.layers.all), None)

    def switch(self, on: bool) -> None:
        """Show previews, or hide the layers and take in no more."""
        self._is_on = on
        for layer in self.layers.all:
            layer.visible = on
        if not on:
            self.said.emit("")
        self.catch_up()

    def catch_up(self) -> None:
        """Show the newest preview if it has not been shown; for whenever that may have become possible."""
        if self._newest is not None:
            self._on_preview(self._newest)

    def _on_preview(self, preview: Preview | None) -> None:
        self._newest = preview
        if preview is None or not self._may_show():
            return
        seconds = self._drawn_at + LEAST_SECONDS - self._clock()
        if seconds > 0:
            self._soon.start(ceil(1000 * seconds))
            return
        self._is_reading = True
        folders = [preview.run / event.path for event in preview.events]

        def read() -> list[Prediction]:
            from napari_medkd.files.results import read_prediction

            if preview.run not in self._learned_from:
                self._learned_from[preview.run] = _learned_by(preview.run)
            return [read_prediction(folder) for folder in folders]

        self._in_background(read, lambda predictions: self._draw(preview, predictions), lambda _: self._skip(preview))

    def _may_show(self) -> bool:
        return self._is_on and not self._is_reading and self._may_draw() and not self.layers.are_hidden

    def _skip(self, preview: Preview) -> None:
        """Leave out a preview that was replaced while it was read; the next one comes, or has come."""
        self._is_reading = False
        self._let_go(preview)
        self.catch_up()

    def _draw(self, preview: Preview, predictions: list[Prediction]) -> None:
        self._is_reading = False
        if not self._may_draw():  # it is drawn when the panels are gone
            return
        image = self._image(preview)
        if image is not None:
            self._let_go(preview)
            self._drawn_at = self._clock()
            self._image_shown = image
            self.layers.draw(image, preview, predictions)
            self._say(preview, scores_in_words(preview, predictions))
        if self._newest is not preview:
            self.catch_up()

    def _let_go(self, preview: Preview) -> None:
        if self._newest is preview:
            self._newest = None

    def _say(self, preview: Preview, words: str) -> None:
        """Tell the words; where a task follows later than another of its epoch, what was said of that one stays."""
        about = (preview.run, preview.event.stage, preview.event.epoch)
        if words or about != self._said_about:
            self._said_about = about
            self.said.emit(words)

    def _on_removed(self, event: Any) -> None:
        """Say nothing any more about an image that is gone."""
        if event.value is self._image_shown:
            self._image_shown = None
            self.said.emit("")

    def _on_opened(self) -> None:
        """Take the layers away once another case stands in place of the one they lay on, and draw on that one."""
        if self._image_shown is None:
            self.layers.clear()
        self.catch_up()

    def _image(self, preview: Preview) -> Any:
        """Return the image layer of the case, or None where another case is shown."""
        for layer in self._viewer.layers:
            if isinstance(layer, Image) and self._is_of_case(layer, preview):
                return layer
        return None

    def _is_of_case(self, layer: Any, preview: Preview) -> bool:
        """Whether an image is the preview's case: in a study, two datasets may have cases of one id.

        Where a run does not say what it learns from, it may be any open dataset.
        """
        source, members = source_of(layer.metadata), study_of(self._session)
        learned = self._learned_from.get(preview.run)
        taught = [member for member in members if not learned or member.folder in learned]
        known = None if source is None else found_in(taught, source)
        if known is None:
            is_of_another = source is not None and found_in(members, source) is not None
            return not is_of_another and bool(layer.metadata.get(KEY, {}).get("case") == preview.event.case)
        member, case = known
        role, dash, _ = preview.event.stage.partition("-")
        is_of_stage = not dash or stage_name(role, member.dataset.name) == preview.event.stage
        return case.id == preview.event.case and is_of_stage


def _learned_by(run: Path) -> frozenset[Path]:
    """Return the folders of the datasets that a run learns from; none where it does not say."""
    from napari_medkd.runs.folder import RunFolder

    with suppress(InputProblem):
        return frozenset(folder_of(path) for path in RunFolder(run).spec().datasets)
    return frozenset()
