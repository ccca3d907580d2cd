"""Boxes of a flat image as COCO JSON: what annotation and evaluation programs read. Written, not read."""

from pathlib import Path
from typing import Any

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.prediction import ScoredBoxes
from napari_medkd.files.atomic import write_json


def write(path: Path, found: ScoredBoxes, image: str, said_by: str) -> None:
    """Write the boxes with their scores, as annotations of one image.

    A box is x, y, width, height in pixels of the image as it is shown: x grows to the right, y down, and the first
    pixel spans 0 to 1.

    Parameters
    ----------
    image
        Name of the image's file.
    said_by
        Whose boxes they are.

    Raises
    ------
    VolumeProblem
        Where the boxes are those of a volume, which COCO has no place for.
    """
    write_json(path, document_of(found, image, said_by))


def document_of(found: ScoredBoxes, image: str, said_by: str) -> dict[str, Any]:
    """Return what `write` writes."""
    boxes, grid = found.boxes, found.boxes.grid
    if not grid.is_flat:
        raise VolumeProblem(
            f"boxes of {image}",
            f"They lie in a volume of {grid.describe()}; COCO JSON holds boxes of flat images alone.",
            "Export the tables as CSV: they have the corners along z, too.",
        )
    annotations = []
    for number, (corners, name, score) in enumerate(
        zip(boxes.corners.tolist(), boxes.classes, found.scores.tolist(), strict=True), start=1
    ):
        _, y0, x0, _, y1, x1 = corners
        annotations.append(
            {
                "id": number,
                "image_id": 1,
                "category_id": boxes.task.classes.index(name) + 1,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "area": (x1 - x0) * (y1 - y0),
                "iscrowd": 0,
                "score": score,
            }
        )
    return {
        "info": {"description": f"{boxes.task.name} of {image}, found by {said_by}"},
        "images": [{"id": 1, "file_name": image, "width": grid.shape[2], "height": grid.shape[1]}],
        "categories": [{"id": number, "name": name} for number, name in enumerate(boxes.task.classes, start=1)],
        "annotations": annotations,
    }
