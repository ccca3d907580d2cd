"""All that the canvas shows of the networks' answers: layers, panels side by side, the words about the image. No Qt."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from napari.layers import Vectors

from napari_medkd.gui.answers import Answer
from napari_medkd.gui.answers_on_canvas import AnswersOnCanvas
from napari_medkd.gui.attention_layers import attention_layer
from napari_medkd.gui.boxes_on_canvas import BoxesOnCanvas
from napari_medkd.gui.canvas import jump_to, layer_of, placed_like
from napari_medkd.gui.comparison import Comparison
from napari_medkd.gui.panels import Panel
from napari_medkd.gui.state import ResultsState
from napari_medkd.gui.subject import Picture
from napari_medkd.gui.text_on_canvas import TextOnCanvas
from napari_medkd.gui.verdicts import verdict_text
from napari_medkd.gui.viewpoint import centre_on


class ShownAnswers:
    """Draws what the state says about a picture.

    Attributes
    ----------
    comparison
        The panels side by side.
    writes_scores
        Whether class scores are written on the canvas.
    """

    def __init__(self, viewer: Any, state: ResultsState) -> None:
        self._viewer = viewer
        self._state = state
        self._boxes = BoxesOnCanvas(viewer, state.box_threshold)
        self._answers = AnswersOnCanvas(viewer, self._boxes)
        self._text = TextOnCanvas(viewer)
        self.writes_scores = True
        self.comparison = Comparison(viewer, self._extras)
        state.events.box_threshold.connect(self._boxes.filter)
        state.events.class_threshold.connect(self.write)
        state.events.preview.connect(self.write)

    def keep_only(self, pictures: Sequence[Picture]) -> None:
        """Take away what is drawn on pictures that are gone."""
        self._answers.keep_only(pictures)

    def hide_other_runs(self, run: str) -> None:
        """Hide what is drawn of other runs than the one that is chosen."""
        self._answers.hide_other_runs(run)

    def let_go(self) -> None:
        """Leave the layers of answers to the person, as they are: nothing hides or redraws them any more."""
        self._answers = AnswersOnCanvas(self._viewer, self._boxes)

    def draw(self, picture: Picture | None, *, hidden: bool) -> None:
        """Draw the answers over their picture, unless panels stand there."""
        if picture is not None and not self.comparison.is_shown:
            self._answers.draw(self._state.answers, picture, hidden=hidden)
        self.write()

    def show_panels(self, picture: Picture | None) -> None:
        """Put the panels side by side, or take them away where there are none."""
        image = layer_of(self._viewer, picture.layer) if picture else None
        if self._state.panels and image is not None:
            self.comparison.show(image, list(self._state.panels))
            self.write()
        else:
            self.comparison.leave()
            self.draw(picture, hidden=True)

    def switch_scores(self, on: bool) -> None:
        """Write class scores on the canvas from now on, or not."""
        self.writes_scores = on
        self.write()

    def write(self) -> None:
        """Write the class scores, also a preview's; in panels they stand beneath the titles instead."""
        is_wanted = self.writes_scores and not self.comparison.is_shown
        parts = (verdict_text(self._state.answers, self._state.class_threshold), self._state.preview)
        self._text.show("\n\n".join(filter(None, parts)) if is_wanted else "")

    def jump_to_class(self, picture: Picture | None, answer: Answer, label: int) -> None:
        """Go to the middle of a class of a mask."""
        layer = self._layer(picture, answer)
        if layer is not None:
            jump_to(self._viewer, layer, answer, label)

    def jump_to_box(self, picture: Picture | None, middle: tuple[float, float, float]) -> None:
        """Go to a box; the zoom stays."""
        image = layer_of(self._viewer, picture.layer) if picture else None
        if image is not None:
            centre_on(self._viewer, image, middle)

    def _layer(self, picture: Picture | None, answer: Answer) -> Any:
        if picture is None:
            return None
        return self.comparison.overlay(answer.title) or self._answers.layer(picture, answer)

    def _extras(self, panels: list[Panel], image: Any) -> list[tuple[Any, ...]]:
        """Return attention and boxes for every panel, as many layers for each; what one lacks is an empty layer."""
        made = [self._drawn_on(panel, image) for panel in panels]
        kinds = list(dict.fromkeys(kind for one in made for kind in one))
        return [
            tuple(one[kind] if kind in one else _nothing(image, f"{panel.title} · no {kind}") for kind in kinds)
            for panel, one in zip(panels, made, strict=True)
        ]

    def _drawn_on(self, panel: Panel, image: Any) -> dict[str, Any]:
        layers: dict[str, Any] = {}
        for answer in panel.answers:
            task = answer.task.name
            if answer.attention is not None and not panel.is_truth:
                shown = answer.attention.map_ZYX
                shown = shown if panel.labels.ndim == 3 else shown[0]
                looks = attention_layer(answer.attention, panel.title, shown, placed_like(image))
                looks.visible = panel.task is not None and panel.task.kind != "segmentation"  # else it hides the mask
                layers[f"attention of {task}"] = looks
            if answer.true_boxes is not None:
                name = f"{panel.title} · true {task}"
                [layers[f"true {task}"]] = self._boxes.true(answer.true_boxes, name, image)
            if answer.boxes is not None and not panel.is_truth:
                lines, labels = self._boxes.found(answer.boxes, f"{panel.title} · {task}", image, is_brief=True)
                layers |= {task: lines, f"labels of {task}": labels}
        return layers


def _nothing(image: Any, name: str) -> Vectors:
    ndim = len(image.scale)
    return Vectors(np.zeros((0, 2, ndim)), name=name, **placed_like(image))
