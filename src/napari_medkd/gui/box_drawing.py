"""Boxes on the canvas: lines of one width at any zoom, and a label on each box of the slice.

Lines are napari vectors, which are seen in space as well, and which dashes can be made of.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from napari.layers import Points, Vectors
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes
from napari_medkd.gui.box_outlines import dashed, in_space, on_slice, shown_on
from napari_medkd.gui.colours import colour_of_class, rgba_of
from napari_medkd.gui.layers import KEY, origin_of
from napari_medkd.gui.viewpoint import Viewpoint

_LINE_PIXELS = 2.0
_DASH_SHARE = 0.012
_TEXT_POINTS = 9
#: More labels than these only hide each other; the surest boxes have them.
_MOST_LABELS = 40
_HALO_PIXELS = 1.0
#: How far a label's colour is taken towards white, to stand out from its dark rim.
_LIGHTER = 0.45
_BLACK = (0.0, 0.0, 0.0, 1.0)
_LOOK = {"size": _TEXT_POINTS, "anchor": "upper_left", "blending": "translucent_no_depth"}
_HALO = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1), (0, 0)], dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class BoxSet:
    """Boxes to be drawn.

    Parameters
    ----------
    scores
        Falling; None for true boxes, which are dashed and have no labels.
    is_brief
        Whether a label is the score alone, where there is little room; the colour tells the class.
    """

    boxes: Boxes
    scores: NDArray[np.float64] | None = None
    is_brief: bool = False


class BoxDrawing:
    """The layers of one set of boxes on an image; `follow` and `keep` bring them up to date.

    A hidden layer is left as it is (napari slices none, and would look for lines that are gone) until `follow` is
    called once it is seen again.

    Parameters
    ----------
    name
        Of the layers.
    placed
        Where the image's layer stands; see `canvas.placed_like`.
    ndim
        Axes of the image's layer: 2 where it is a picture.

    Attributes
    ----------
    lines, labels
        The layers; there are no labels of true boxes.
    """

    def __init__(self, drawn: BoxSet, name: str, placed: dict[str, Any], ndim: int) -> None:
        self._drawn = drawn
        self._ndim = ndim
        self._num_kept = len(drawn.boxes.classes)
        self._outlined: tuple[int, int | None, int] | None = None
        self._viewpoint: Viewpoint | None = None
        task = drawn.boxes.task
        colours = [rgba_of(colour_of_class(task, one)) for one in drawn.boxes.classes]
        self._colours = np.array(colours).reshape(-1, 4)
        origin = origin_of(drawn.boxes.grid, "drawn boxes")
        common = placed | {"metadata": {KEY: origin}, "blending": "translucent_no_depth"}
        self.lines = Vectors(np.zeros((0, 2, ndim)), name=name, vector_style="line", **common)
        self.labels = None if drawn.scores is None else _labels_layer(f"{name} · labels", ndim, common)

    @property
    def layers(self) -> tuple[Any, ...]:
        """Lines first."""
        return (self.lines,) if self.labels is None else (self.lines, self.labels)

    def keep(self, num_kept: int) -> None:
        """Show only so many of the boxes, the surest ones."""
        if num_kept != self._num_kept:
            self._num_kept = num_kept
            self._outline()
            self._label()

    def follow(self, viewpoint: Viewpoint) -> None:
        """Draw for what the viewer shows now: another plane, another slice, another zoom."""
        self._viewpoint = viewpoint
        self._outline()
        width = _LINE_PIXELS * viewpoint.pixel / self._spacing_in(viewpoint)
        if self.lines.visible and not np.isclose(self.lines.edge_width, width, rtol=1e-3):
            self.lines.edge_width = width
        self._label()

    def _spacing_in(self, viewpoint: Viewpoint) -> float:
        spacing = np.array(self.lines.scale)
        seen = [spacing[axis] for axis in range(self._ndim) if axis != viewpoint.axis or self._ndim == 2]
        return float(np.exp(np.mean(np.log(seen))))

    def _outline(self) -> None:
        """Draw the lines of the boxes that are seen: few, so that neither slices nor threshold are slow."""
        viewpoint = self._viewpoint
        if viewpoint is None or not self.lines.visible:
            return
        wanted = (self._num_kept, viewpoint.axis, viewpoint.plane)
        if wanted == self._outlined:
            return
        self._outlined = wanted
        grid, corners = self._drawn.boxes.grid, self._drawn.boxes.corners[: self._num_kept]
        axis, plane = viewpoint.axis, viewpoint.plane
        outlines = in_space(corners) if axis is None else on_slice(corners, axis, plane)
        if self._drawn.scores is None:
            outlines = dashed(outlines, grid.spacing, _DASH_SHARE * max(grid.extent))
        segments, owners = outlines
        self.lines.data = segments[..., 3 - self._ndim :]
        if len(owners):
            self.lines.edge_color = self._colours[owners]

    def _label(self) -> None:
        viewpoint, layer = self._viewpoint, self.labels
        if layer is None or viewpoint is None or not layer.visible:
            return
        shown = self._labelled(viewpoint)
        anchors = self._anchors(shown, viewpoint)
        halo = _HALO_PIXELS * viewpoint.pixel * (_HALO @ viewpoint.across[:, 3 - self._ndim :])
        points = (anchors[:, None] + halo[None] / np.array(layer.scale)).reshape(-1, self._ndim)
        texts = [self._text(index) for index in shown for _ in _HALO]
        light = self._colours + _LIGHTER * (1 - self._colours)
        inks = [one for index in shown for one in (*[_BLACK] * (len(_HALO) - 1), light[index].tolist())]
        layer.data = points
        layer.text = _LOOK | {
            "string": {"array": texts, "default": ""},
            "color": {"array": inks or np.zeros((0, 4)), "default": "white"},
        }

    def _text(self, index: int) -> str:
        scores = self._drawn.scores
        score = "" if scores is None else f"{scores[index]:.2f}"
        return score if self._drawn.is_brief else f"{self._drawn.boxes.classes[index]} {score}"

    def _labelled(self, viewpoint: Viewpoint) -> list[int]:
        """Return the boxes that get a label: the surest of those on the slice."""
        corners = self._drawn.boxes.corners[: self._num_kept]
        axis = viewpoint.axis
        seen = np.arange(len(corners)) if axis is None else shown_on(corners, axis, viewpoint.plane)
        return [int(index) for index in seen[:_MOST_LABELS]]

    def _anchors(self, shown: list[int], viewpoint: Viewpoint) -> NDArray[np.float64]:
        """Return the upper left corners on the slice, or the first corners in space."""
        anchors = self._drawn.boxes.corners[shown, :3].reshape(-1, 3) - 0.5
        if viewpoint.axis is not None:
            anchors[:, viewpoint.axis] = viewpoint.plane
        return anchors[:, 3 - self._ndim :]


def _labels_layer(name: str, ndim: int, common: dict[str, Any]) -> Points:
    return Points(
        np.zeros((0, ndim)),
        name=name,
        face_color="transparent",
        border_color="transparent",
        border_width=0,
        size=0.01,
        **common,
    )
