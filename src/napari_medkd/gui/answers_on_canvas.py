"""The networks' answers as layers over the image they are about, through napari's public API; no Qt."""

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any

from napari.layers import Labels

from napari_medkd.gui.answers import Answer
from napari_medkd.gui.attention_layers import attention_layer
from napari_medkd.gui.boxes_on_canvas import BoxesOnCanvas
from napari_medkd.gui.canvas import hide_true_boxes, is_painted_on, layer_of, outline_truth, placed_like
from napari_medkd.gui.in_one_go import in_one_go
from napari_medkd.gui.kept_selection import kept_selection
from napari_medkd.gui.layers import labels_look, origin_of, placement
from napari_medkd.gui.subject import Picture

#: A picture's key, a stage, and a task's name.
_Place = tuple[Any, str, str]
_TRUTH = "truth"


class AnswersOnCanvas:
    """The layers of each network's answer to each task: a mask, boxes, where it looked.

    Parameters
    ----------
    boxes
        Draws boxes, and filters them.
    """

    def __init__(self, viewer: Any, boxes: BoxesOnCanvas) -> None:
        self._viewer = viewer
        self._boxes = boxes
        self._layers: dict[_Place, tuple[Any, ...]] = {}
        self._drawn: dict[_Place, Answer] = {}
        self._touched: set[Any] = set()

    def layer(self, picture: Picture, answer: Answer) -> Any:
        """Return the first layer of an answer, or None where there is none (any more)."""
        return self._first((picture.key, answer.stage, answer.task.name))

    def _first(self, place: _Place) -> Any:
        layers = self._layers.get(place, ())
        return layers[0] if layers and layers[0] in self._viewer.layers else None

    def keep_only(self, pictures: Iterable[Picture]) -> None:
        """Take away the answers to pictures that are gone; a mask that a person painted on stays, hidden."""
        keys = {picture.key for picture in pictures}
        self._take_away([place for place in self._layers if place[0] not in keys])

    def hide_other_runs(self, run: str) -> None:
        """Hide what networks of other runs said: their classes and titles may be others."""
        for place, drawn in self._drawn.items():
            if drawn.prediction.made_by != run:
                for layer in self._layers[place]:
                    layer.visible = False

    def draw(self, answers: tuple[Answer, ...], picture: Picture, *, hidden: bool = False) -> None:
        """Draw the answers to a picture.

        A mask that answers the same question again only gets the new voxels, unless a person painted on it: then it
        stays, hidden, beside the new one.

        Parameters
        ----------
        hidden
            Add layers without showing them, and leave the person's layers as they are.
        """
        for answer in answers:
            place = (picture.key, answer.stage, answer.task.name)
            layer, drawn = self.layer(picture, answer), self._drawn.get(place)
            if layer is not None and drawn is answer:
                continue
            if not hidden:
                self._make_room(picture, answer.stage)
            is_free = layer is not None and layer not in self._touched
            if is_free and drawn is not None and _is_same_question(drawn, answer):
                layer.data = picture.on_layer(answer.labels).copy()  # painting shall not change the answer
                layer.visible = layer.visible or not hidden
            else:
                self._take_away([place])
                made = self._made(answer, picture, drawn_masks=[one.stage for one in answers if one.is_mask])
                self._layers[place] = tuple(self._add(one, hidden) for one in made)
            self._drawn[place] = answer
        self._draw_truth(answers, picture, hidden)

    def _made(self, answer: Answer, picture: Picture, drawn_masks: list[str]) -> list[Any]:
        """Return the layers of an answer, still to be added; a network's mask is not hidden by where it looks."""
        image = layer_of(self._viewer, picture.layer)
        placed = placement(picture.grid) if image is None else placed_like(image)
        layers: list[Any] = []
        if answer.is_mask:
            origin = origin_of(answer.grid, "labels") | {"task": asdict(answer.task)}
            look = labels_look(answer.task, f"{answer.title} · {picture.name}", origin)
            mask = Labels(picture.on_layer(answer.labels).copy(), **look, **placed)
            mask.events.paint.connect(lambda _event: self._touched.add(mask))
            layers.append(mask)
        if answer.attention is not None:
            shown = picture.on_layer(answer.attention.map_ZYX)
            layers.append(attention_layer(answer.attention, answer.title, shown, placed))
            layers[-1].visible = answer.stage not in drawn_masks
        if answer.boxes is not None and image is not None:
            layers += self._boxes.found(answer.boxes, f"{answer.title} · {answer.task.name} · {picture.name}", image)
        return layers

    def _draw_truth(self, answers: tuple[Answer, ...], picture: Picture, hidden: bool) -> None:
        image = layer_of(self._viewer, picture.layer)
        for answer in answers:
            place = (picture.key, _TRUTH, answer.task.name)
            if answer.true_boxes is None or image is None or self._first(place) is not None:
                continue
            if not hidden:
                hide_true_boxes(self._viewer)
            name = f"true {answer.task.name} · {picture.name}"
            made = self._boxes.true(answer.true_boxes, name, image)
            self._layers[place] = tuple(self._add(one, hidden) for one in made)

    def _make_room(self, picture: Picture, stage: str) -> None:
        """Hide the other networks' answers and outline the truth, so that this one is seen and not a mixture."""
        for (of_picture, other, _), layers in self._layers.items():
            if of_picture == picture.key and other not in (stage, _TRUTH):
                for layer in layers:
                    layer.visible = False
        outline_truth(self._viewer)

    def _add(self, layer: Any, hidden: bool) -> Any:
        layer.visible = layer.visible and not hidden
        is_selected = isinstance(layer, Labels) and not hidden and not is_painted_on(self._viewer)
        with nullcontext() if is_selected else kept_selection(self._viewer):
            self._viewer.add_layer(layer)
        return layer

    def _take_away(self, places: list[_Place]) -> None:
        # Forgotten before they are removed: every removal is announced, and leads back here.
        gone = [layer for place in places for layer in self._layers.pop(place, ())]
        for place in places:
            self._drawn.pop(place, None)
        if not gone:
            return
        with in_one_go(self._viewer):
            for layer in gone:
                if layer in self._touched:
                    layer.visible = False
                elif layer in self._viewer.layers:
                    self._viewer.layers.remove(layer)


def _is_same_question(earlier: Answer, answer: Answer) -> bool:
    """Whether two masks differ in nothing but their voxels: same network, shown the same, asked about one task."""
    about = [(one.task, one.title, one.prediction.made_by) for one in (earlier, answer)]
    return answer.is_mask and about[0] == about[1]
