"""Boxes as napari layers: rectangles on every slice they cross, and their edges as lines for the 3-D view. No Qt."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import ScoredBoxes
from napari_medkd.gui.box_outlines import in_space
from napari_medkd.gui.colours import colour_of_class
from napari_medkd.gui.layers import KEY, LayerData, origin_of, placement


def boxes_layers(
    found: Boxes | ScoredBoxes, name: str, *, on: Grid | None = None, is_truth: bool = False
) -> list[LayerData]:
    """Return the boxes as rectangles and, for a volume, as wire frames.

    Parameters
    ----------
    on
        The grid of the image they shall lie on; boxes of another grid are moved to it (their tight box there).
    is_truth
        Whether an expert drew them; a layer of a network's answer is not the truth.
    """
    boxes, scores = (found.boxes, found.scores) if isinstance(found, ScoredBoxes) else (found, None)
    if on is not None and not on.matches(boxes.grid):
        boxes, kept = moved_boxes(boxes, on)
        scores = None if scores is None else scores[kept]
    origin = origin_of(boxes.grid, "boxes") | ({"is_truth": True} if is_truth else {})
    rectangles, owners = _rectangles(boxes)
    features: dict[str, Any] = {"box": owners.tolist(), "class": [boxes.classes[i] for i in owners]}
    if scores is not None:
        features["score"] = [float(scores[i]) for i in owners]
    colours = np.array([colour_of_class(boxes.task, name_of_class) for name_of_class in boxes.classes], dtype="U7")
    common = placement(boxes.grid) | {"metadata": {KEY: origin}}
    shapes = common | {
        "name": name,
        "ndim": 2 if boxes.grid.is_flat else 3,
        "shape_type": "rectangle",
        "features": features,
        "edge_color": colours[owners].tolist() if len(owners) else "#ffffff",
        "face_color": "transparent",
        "edge_width": 0.6,
    }
    layers: list[LayerData] = [(rectangles, shapes, "shapes")]
    if not boxes.grid.is_flat and len(boxes.corners):
        segments, edges = in_space(boxes.corners)
        wires = common | {
            "name": f"{name} (edges)",
            "edge_color": colours[edges].tolist(),
            "edge_width": 0.6,
            "vector_style": "line",
            "features": {"class": np.array(boxes.classes)[edges]},
        }
        layers.append((segments, wires, "vectors"))
    return layers


def moved_boxes(boxes: Boxes, on: Grid) -> tuple[Boxes, NDArray[np.bool_]]:
    """Return the boxes on another grid, and which there were (N,): those that lie outside are left out.

    A box there is the tight one around the eight corners, cut to the grid.
    """
    corners = on.to_voxel(boxes.to_world().reshape(-1, 3)).reshape(-1, 8, 3) + 0.5
    moved = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    size = np.array(on.shape, dtype=np.float64)
    kept: NDArray[np.bool_] = np.all((moved[:, 3:] > 0) & (moved[:, :3] < size), axis=1)
    return Boxes(moved.reshape(-1, 6), boxes.classes, on, boxes.task).clipped(), kept


def _rectangles(boxes: Boxes) -> tuple[list[NDArray[np.float64]], NDArray[np.intp]]:
    """Return a rectangle (4, 2 or 3) for every box and slice whose centre it holds, and each one's box."""
    rectangles, owners = [], []
    for index, (z0, y0, x0, z1, y1, x1) in enumerate(boxes.corners):
        outline = np.array([(y0, x0), (y0, x1), (y1, x1), (y1, x0)]) - 0.5
        if boxes.grid.is_flat:
            rectangles.append(outline)
            owners.append(index)
            continue
        for plane in range(int(np.ceil(z0 - 0.5)), int(np.ceil(z1 - 0.5))):
            rectangles.append(np.column_stack([np.full(4, float(plane)), outline]))
            owners.append(index)
    return rectangles, np.array(owners, dtype=np.intp)
