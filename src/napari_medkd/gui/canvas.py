"""What the Results dock reads from and puts on the canvas, through napari's public API; no Qt."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from napari.layers import Image, Labels

from napari_medkd.gui.answers import Answer, place_of
from napari_medkd.gui.layers import (
    KEY,
    grid_of,
    grid_of_placement,
    labels_look,
    origin_of,
    placement,
    source_of,
)
from napari_medkd.gui.subject import Picture


def pictures_on(viewer: Any, *, besides: tuple[Any, ...] = ()) -> list[Picture]:
    """Return every image layer that a network could be asked about: planes and volumes, one of each file."""
    pictures: dict[Any, Picture] = {}
    for layer in viewer.layers:
        if isinstance(layer, Image) and layer not in besides and not layer.multiscale:
            shape = layer.data.shape[:-1] if layer.rgb else layer.data.shape
            if len(shape) in (2, 3):
                picture = _picture(layer, shape)
                pictures.setdefault(picture.source or layer.unique_id, picture)
    return list(pictures.values())


def _picture(layer: Any, shape: tuple[int, ...]) -> Picture:
    ours = grid_of(layer.metadata, shape)
    grid = ours or grid_of_placement(shape, layer.scale, layer.translate, layer.units)
    source = source_of(layer.metadata) or _file_behind(layer)
    return Picture(layer.unique_id, layer.name, grid, source, layer.data, is_ours=ours is not None)


def _file_behind(layer: Any) -> Path | None:
    """Return the file another reader opened, if it is one that a network can be asked about."""
    from napari_medkd.files.opening import suffix_of

    path = getattr(layer.source, "path", None)
    return Path(path) if path and suffix_of(Path(path)) and Path(path).is_file() else None


def layer_of(viewer: Any, unique_id: Any) -> Any:
    """Return the layer of that id, or None where it is gone."""
    return next((layer for layer in viewer.layers if layer.unique_id == unique_id), None)


class AnswersOnCanvas:
    """One labels layer for each network's answer, drawn on the picture and exchanged in place."""

    def __init__(self, viewer: Any) -> None:
        self._viewer = viewer
        self._layers: dict[tuple[Any, str], Any] = {}
        self._touched: set[Any] = set()

    def layer(self, picture: Picture, stage: str) -> Any:
        """Return the layer of a network's answer, or None where there is none (any more)."""
        layer = self._layers.get((picture.key, stage))
        return layer if layer is not None and layer in self._viewer.layers else None

    def keep_only(self, pictures: Iterable[Picture]) -> None:
        """Take away the answers to pictures that are gone; one that a person painted on stays, hidden."""
        keys = {picture.key for picture in pictures}
        gone = [layer for (key, _), layer in self._layers.items() if key not in keys]
        # Forgotten before they are removed: every removal is announced, and leads back here.
        self._layers = {place: layer for place, layer in self._layers.items() if place[0] in keys}
        for layer in gone:
            if layer in self._touched:
                layer.visible = False
            elif layer in self._viewer.layers:
                self._viewer.layers.remove(layer)

    def draw(self, answers: tuple[Answer, ...], picture: Picture, *, hidden: bool = False) -> None:
        """Draw the answers to a picture; a layer that stands already gets the new voxels.

        Parameters
        ----------
        hidden
            Add layers without showing them, and leave the person's layers as they are.
        """
        for answer in answers:
            labels = picture.on_layer(answer.labels)
            known = self.layer(picture, answer.stage)
            if known is None:
                if not hidden:
                    self._make_room(picture)
                self._layers[picture.key, answer.stage] = self._add(answer, picture, labels, hidden)
            elif known.data is not labels:
                known.data = labels

    def _make_room(self, picture: Picture) -> None:
        """Hide the other answers and outline the truth, so that the new answer is seen and not a mixture."""
        for (of_picture, _), layer in self._layers.items():
            if of_picture == picture.key:
                layer.visible = False
        outline_truth(self._viewer)

    def _add(self, answer: Answer, picture: Picture, labels: Any, hidden: bool) -> Any:
        origin = origin_of(answer.grid, "labels") | {"task": asdict(answer.prediction.task)}
        look = labels_look(answer.prediction.task, f"{answer.title} · {picture.name}", origin)
        image = layer_of(self._viewer, picture.layer)
        placed = placement(picture.grid) if image is None else placed_like(image)
        layer = Labels(labels, visible=not hidden, **look, **placed)
        layer.events.paint.connect(lambda _event: self._touched.add(layer))
        chosen = self._viewer.layers.selection
        selected, active = set(chosen), chosen.active
        self._viewer.add_layer(layer)
        if hidden:
            self._viewer.layers.selection = selected
            self._viewer.layers.selection.active = active
        return layer


def outline_truth(viewer: Any) -> None:
    """Draw true masks as outlines, so that a network's answer is seen beneath and not a mixture."""
    for layer in viewer.layers:
        if isinstance(layer, Labels) and layer.metadata.get(KEY, {}).get("is_truth"):
            layer.contour = layer.contour or 1
            layer.opacity = 1.0


def placed_like(image: Any) -> dict[str, Any]:
    """Return where an image layer stands, for a mask that lies on it."""
    transforms = ("scale", "translate", "rotate", "shear", "affine")
    return {name: getattr(image, name) for name in (*transforms, "units", "axis_labels")}


def show_slice(viewer: Any, layer: Any, z: int) -> None:
    """Move the first slider to a slice of a volume's layer; a plane has only one."""
    if layer.ndim < 3:
        return
    world = layer.data_to_world((z, *(0,) * (layer.ndim - 1)))
    viewer.dims.set_point(viewer.dims.ndim - len(world), float(world[0]))


def jump_to(viewer: Any, layer: Any, answer: Answer, label: int) -> bool:
    """Move the sliders to a class's middle and make its label the selected one; False where the class is not there."""
    voxel = place_of(answer.labels, label)
    if voxel is None:
        return False
    world = layer.data_to_world(voxel[3 - layer.ndim :])
    first = viewer.dims.ndim - len(world)
    for axis, point in enumerate(world):
        viewer.dims.set_point(first + axis, float(point))
    viewer.layers.selection.active = layer
    layer.selected_label = label
    return True
