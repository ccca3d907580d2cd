"""Panels side by side: napari's grid with one camera and one set of sliders, and the way back to the person's layers.

The comparison's layers are put at the bottom of the list, one image, one overlay and what else is drawn for each panel,
and everything else is hidden; leaving takes them out again, so the person's layers keep order, names and settings.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from textwrap import wrap
from typing import Any, ClassVar

import numpy as np
from napari.layers import Image, Labels, Layer, Vectors
from napari.utils.colormaps import DirectLabelColormap
from psygnal import Signal

from napari_medkd.gui.canvas import placed_like
from napari_medkd.gui.colours import ONLY_FIRST, ONLY_SECOND, OTHER_CLASS, TRANSPARENT, Rgba, rgba_of
from napari_medkd.gui.in_one_go import in_one_go
from napari_medkd.gui.kept_selection import no_choice
from napari_medkd.gui.layers import KEY, labels_look, task_of
from napari_medkd.gui.panels import KIND, Panel
from napari_medkd.gui.planes import camera_of

#: Further layers of every panel, equally many of each: from the panels and the image's layer.
Extras = Callable[[list[Panel], Any], list[tuple[Any, ...]]]

_TITLE_POINTS = 8
_TITLE = "medkd panel"
_TITLE_WIDTH, _WIDE = 24, 36
_NOTES = "medkd notes"
_MOST_IN_A_ROW = 3


@dataclass(frozen=True, slots=True)
class _Before:
    """What leaving restores."""

    visible: dict[Any, bool]
    selected: tuple[Any, ...]
    active: Any
    grid: dict[str, Any]
    camera: tuple[int, tuple[float, ...], float]


def grid_of_viewer(viewer: Any) -> Any:
    """Return the viewer's grid model, which moved to its canvas in napari 0.9."""
    return getattr(viewer, "canvas", viewer).grid


@dataclass(eq=False)
class Comparison:
    """The side-by-side view of one viewer; uses its public API alone.

    Parameters
    ----------
    extras
        Makes what is drawn over the masks, such as boxes.

    Attributes
    ----------
    ended
        The person left it by napari's own grid button.
    """

    ended: ClassVar[Signal] = Signal()

    viewer: Any
    extras: Extras = lambda panels, _image: [() for _ in panels]
    layers: list[Any] = field(default_factory=list)
    _shown: list[Panel] = field(default_factory=list)
    _before: _Before | None = None
    _image: Any = None

    @property
    def image(self) -> Any:
        """The image layer that was compared last, None before."""
        return self._image

    @property
    def is_shown(self) -> bool:
        """Whether the panels are on the canvas."""
        return self._before is not None

    def overlay(self, title: str) -> Any:
        """Return the mask layer of the panel with that title, or None where none is shown."""
        return next((layer for layer in self.layers[1 :: self._stride] if layer.metadata[_TITLE] == title), None)

    @property
    def _stride(self) -> int:
        """How many layers a panel has."""
        return max(1, len(self.layers) // max(1, len(self._shown)))

    def show(self, image: Any, panels: list[Panel]) -> None:
        """Put the panels side by side on the image of a layer; those that are shown already are exchanged in place.

        Parameters
        ----------
        image
            An image layer, of the viewer or not; its array is used in every panel that brings no image, not copied.
        panels
            From left to right; four make two rows.
        """
        if self.is_shown and image == self._image and self._fit(panels):
            self._exchange(panels)
            return
        self.leave()
        self._before, self._image = self._remember(), image
        grid = grid_of_viewer(self.viewer)
        with in_one_go(self.viewer):
            for layer in self.viewer.layers:
                layer.visible = False
            for panel, further in zip(panels, self.extras(panels, image), strict=True):
                beneath = _beneath(image, panel)
                self._insert(len(self.layers), _same_image(beneath, f"{panel.title.splitlines()[-1]} · image"))
                self._insert(len(self.layers), _overlay(beneath, panel))
                if any(one.notes for one in panels):
                    self._insert(len(self.layers), _notes(image, panel, len(panels)))
                for layer in further:
                    self._insert(len(self.layers), layer)
            self._shown = list(panels)
            grid.stride, grid.shape, grid.spacing = self._stride, _rows_and_columns(len(panels)), 4
            grid.enabled = True
            self._select()
        self.viewer.reset_view()
        grid.events.enabled.connect(self._on_grid_switched)

    def _insert(self, index: int, layer: Any) -> None:
        self.layers.insert(index, layer)  # first, so that whoever hears of the insertion knows it is ours
        self.viewer.layers.insert(index, layer)

    def _fit(self, panels: list[Panel]) -> bool:
        """Return whether as many panels stand there, whole, with the same boxes on images of the same voxels."""
        images = self.layers[:: self._stride] if self.layers else []
        is_whole = len(images) == len(panels) and all(layer in self.viewer.layers for layer in self.layers)
        same = [(panel.answers, bool(panel.notes)) for panel in panels] == [
            (panel.answers, bool(panel.notes)) for panel in self._shown
        ]
        return (
            is_whole
            and same
            and all(
                panel.image is None or np.shape(panel.image[0]) == np.shape(layer.data)
                for panel, layer in zip(panels, images, strict=True)
            )
        )

    def _exchange(self, panels: list[Panel]) -> None:
        """Write new panels into the old ones' places; camera, sliders and what the person set of a layer stay."""
        is_other, stride = False, self._stride
        for index, (panel, shown) in enumerate(zip(panels, self._shown, strict=True)):
            place = stride * index + 1
            image, overlay = self.layers[place - 1], self.layers[place]
            for layer in self.layers[place + 1 : place + stride - 1]:
                if _NOTES in layer.metadata:
                    _write(layer, panel, len(panels))
            if panel.image is not None and image.data is not panel.image[0]:
                image.data = panel.image[0]
            if panel.labels is shown.labels and panel.title == shown.title:
                continue
            if task_of(overlay.metadata) == panel.task:
                overlay.data = panel.labels.copy()
                overlay.editable = False  # napari allows it with any other array
                _entitle(overlay, panel.title)
                continue
            self.viewer.layers.remove(overlay)
            del self.layers[place]
            self._insert(place, _overlay(_beneath(self._image, panel), panel))
            is_other = True
        self._shown = list(panels)
        if is_other:
            self._select()

    def _select(self) -> None:
        """Make the last mask but the difference the active one: the pointer then tells its classes."""
        masks = [layer for layer in self.layers[1 :: self._stride] if task_of(layer.metadata)]
        self.viewer.layers.selection = {masks[-1]}

    def leave(self) -> None:
        """Take the panels away and restore the person's layers, selection, grid and camera."""
        before = self._before
        if before is None:
            return
        self._before = None
        grid = grid_of_viewer(self.viewer)
        grid.events.enabled.disconnect(self._on_grid_switched)
        with no_choice(self.viewer), in_one_go(self.viewer):
            grid.enabled = before.grid["enabled"]
            for layer in self.layers:
                if layer in self.viewer.layers:
                    self.viewer.layers.remove(layer)
            self.layers, self._shown = [], []
            for name in ("stride", "shape", "spacing"):
                setattr(grid, name, before.grid[name])
            self._restore_layers(before)
        self._restore_camera(before)

    def _remember(self) -> _Before:
        grid, camera, layers = grid_of_viewer(self.viewer), camera_of(self.viewer), self.viewer.layers
        return _Before(
            visible={layer: layer.visible for layer in layers},
            selected=tuple(layers.selection),
            active=layers.selection.active,
            grid={name: getattr(grid, name) for name in ("enabled", "stride", "shape", "spacing")},
            camera=(self.viewer.dims.ndisplay, tuple(camera.center), camera.zoom),
        )

    def _restore_layers(self, before: _Before) -> None:
        layers = self.viewer.layers
        for layer, visible in before.visible.items():
            if layer in layers:
                layer.visible = visible
        layers.selection = {layer for layer in before.selected if layer in layers}
        layers.selection.active = before.active if before.active in layers else None

    def _restore_camera(self, before: _Before) -> None:
        ndisplay, center, zoom = before.camera
        if self.viewer.dims.ndisplay == ndisplay:
            camera = camera_of(self.viewer)
            camera.center, camera.zoom = center, zoom
        else:
            self.viewer.reset_view()

    def _on_grid_switched(self) -> None:
        """Leave when the person turns the grid off by napari's own button: the panels make no sense on one another."""
        if not grid_of_viewer(self.viewer).enabled:
            self.leave()
            self.ended.emit()


def _rows_and_columns(number: int) -> tuple[int, int]:
    """Return how many panels stand on one another and beside one another."""
    return (1, number) if number <= _MOST_IN_A_ROW else ((number + 1) // 2, 2)


def _beneath(image: Any, panel: Panel) -> Any:
    """Return the image layer that a panel's labels lie on."""
    return image if panel.image is None else Layer.create(*panel.image)


def _same_image(image: Any, name: str) -> Image:
    look = {name: getattr(image, name) for name in ("rgb", "opacity", "gamma", "rendering", "attenuation", "blending")}
    if not image.rgb:
        look |= {"colormap": image.colormap, "contrast_limits": image.contrast_limits}
    return Image(image.data, name=name, metadata={KEY: {"kind": KIND}}, **look, **placed_like(image))


def _overlay(image: Any, panel: Panel) -> Labels:
    origin = image.metadata.get(KEY, {}) | {"kind": "labels"}
    if panel.task is not None:
        look = labels_look(panel.task, panel.title, origin | {"task": asdict(panel.task)})
    else:
        colours: dict[int | None, Rgba] = {
            None: TRANSPARENT,
            0: TRANSPARENT,
            1: rgba_of(ONLY_FIRST),
            2: rgba_of(ONLY_SECOND),
            3: rgba_of(OTHER_CLASS),
        }
        colormap = DirectLabelColormap(color_dict=colours)
        look = {"name": panel.title, "opacity": 1.0, "colormap": colormap, "metadata": {KEY: origin}}
    layer = Labels(panel.labels.copy(), **look, **placed_like(image))
    _entitle(layer, panel.title)
    layer.editable = False  # it is for looking: what was painted would be gone with the panel
    layer.name_overlay.visible = True
    layer.name_overlay.font_size = _TITLE_POINTS
    return layer


def _entitle(layer: Labels, title: str) -> None:
    layer.metadata[_TITLE] = title
    layer.name = "\n".join(line for part in title.splitlines() for line in wrap(part, _TITLE_WIDTH))


def _notes(image: Any, panel: Panel, of_panels: int) -> Vectors:
    """Return a layer of nothing but its name, which stands in the lower corner of the panel."""
    layer = Vectors(np.zeros((0, 2, len(image.scale))), metadata={_NOTES: True}, **placed_like(image))
    layer.name_overlay.position = "bottom_left"
    layer.name_overlay.font_size = _TITLE_POINTS
    _write(layer, panel, of_panels)
    return layer


def _write(layer: Vectors, panel: Panel, of_panels: int) -> None:
    width = _TITLE_WIDTH if of_panels > 2 else _WIDE
    lines = [line for note in panel.notes for line in wrap(note, width)]
    layer.name = "\n".join(lines) or f"{panel.title.splitlines()[0]} · nothing to say"
    layer.name_overlay.visible = bool(lines)
