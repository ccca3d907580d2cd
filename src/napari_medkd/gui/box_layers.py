"""Boxes as napari layers: rectangles on every slice they cross, and their edges as lines for the 3-D view. No Qt."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import ScoredBoxes
from napari_medkd.core.task import Task
from napari_medkd.gui.colours import hex_of
from napari_medkd.gui.layers import KEY, LayerData, origin_of, placement

#: The corners of a unit box, and the pairs of them that differ along one axis: its edges.
_CORNERS = np.array(np.meshgrid((0, 1), (0, 1), (0, 1), indexing="ij")).reshape(3, -1).T
_EDGES = np.array([(a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1])


def boxes_layers(found: Boxes | ScoredBoxes, name: str, *, on: Grid | None = None) -> list[LayerData]:
    """Return the boxes as rectangles and, for a volume, as wire frames.

    Parameters
    ----------
    on
        The grid of the image they shall lie on; boxes of another grid are moved to it (their tight box there).
    """
    boxes, scores = (found.boxes, found.scores) if isinstance(found, ScoredBoxes) else (found, None)
    boxes = boxes if on is None or on.matches(boxes.grid) else moved_boxes(boxes, on)
    origin = origin_of(boxes.grid, "boxes")
    rectangles, owners = _rectangles(boxes)
    features: dict[str, Any] = {"box": owners.tolist(), "class": [boxes.classes[i] for i in owners]}
    if scores is not None:
        features["score"] = [float(scores[i]) for i in owners]
    colours = np.array([_colour(boxes.task, name_of_class) for name_of_class in boxes.classes], dtype="U7")
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
        wires = common | {
            "name": f"{name} (edges)",
            "edge_color": np.repeat(colours, len(_EDGES)).tolist(),
            "edge_width": 0.6,
            "vector_style": "line",
            "features": {"class": np.repeat(np.array(boxes.classes), len(_EDGES))},
        }
        layers.append((_wires(boxes.corners), wires, "vectors"))
    return layers


def moved_boxes(boxes: Boxes, on: Grid) -> Boxes:
    """Return the boxes on another grid: the tight box there around each one's eight corners, cut to the grid."""
    corners = on.to_voxel(boxes.to_world().reshape(-1, 3)).reshape(-1, 8, 3) + 0.5
    moved = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)
    return Boxes(moved.reshape(-1, 6), boxes.classes, on, boxes.task).clipped()


def _colour(task: Task, name: str) -> str:
    return hex_of(task.classes.index(name) + (0 if task.kind == "segmentation" else 1))


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


def _wires(corners_N6: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the twelve edges of every box as (12 N, 2, 3): a start and the way to the end."""
    low, high = corners_N6[:, None, :3] - 0.5, corners_N6[:, None, 3:] - 0.5
    points = low + _CORNERS * (high - low)
    starts, ends = points[:, _EDGES[:, 0]], points[:, _EDGES[:, 1]]
    return np.stack([starts, ends - starts], axis=2).reshape(-1, 2, 3)
