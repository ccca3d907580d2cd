"""The networks' answers as tables in CSV: measures of masks, scores of classes, boxes. Units stand in columns."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from napari_medkd.gui.answers import Answer
from napari_medkd.gui.box_rows import rows_of
from napari_medkd.gui.verdicts import scores_of

_WHO = ("case", "network", "shown", "run", "checkpoint")
_FIGURES = ("dice", "hd95", "assd", "volume", "truth_volume", "distance_unit", "volume_unit")
_CORNERS = ("z0", "y0", "x0", "z1", "y1", "x1")
_CENTRE = ("centre_right", "centre_anterior", "centre_superior")
_SIZE = ("size_z", "size_y", "size_x")


def tables_of(answers: Iterable[Answer], box_threshold: float, class_threshold: float) -> dict[str, str]:
    """Return the tables there is something to say in, by name: ``"measures"``, ``"scores"``, ``"boxes"``.

    Parameters
    ----------
    box_threshold
        Boxes of a lower score are left out.
    class_threshold
        From which score a class is called present, where several can be.
    """
    listed = tuple(answers)
    masks = [answer for answer in listed if answer.is_mask]
    scored = [answer for answer in listed if answer.prediction.scores]
    boxed = [answer for answer in listed if answer.boxes is not None]
    tables = {}
    if masks:
        tables["measures"] = measures_table(masks)
    if scored:
        tables["scores"] = scores_table(scored, class_threshold)
    if boxed:
        tables["boxes"] = boxes_table(boxed, box_threshold)
    return tables


def measures_table(answers: Iterable[Answer]) -> str:
    """Return a line for each network and class of a mask, under a line of names."""
    rows = []
    for answer in answers:
        for measures in answer.measures:
            figures = {name: getattr(measures, name) for name in _FIGURES}
            if answer.true_mask is None:
                figures |= dict.fromkeys(("dice", "hd95", "assd", "truth_volume"), "")
            rows.append(_who(answer) | {"class": measures.name} | figures)
    return _text((*_WHO, "class", *_FIGURES), rows)


def scores_table(answers: Iterable[Answer], threshold: float) -> str:
    """Return a line for each network and class with its score, whether it is decided for, and whether it is true."""
    rows = []
    for answer in answers:
        for one in scores_of(answer, threshold):
            said = {"class": one.name, "score": one.score, "chosen": int(one.is_chosen)}
            truth = "" if one.is_true is None else int(one.is_true)
            rows.append(_who(answer) | {"task": answer.task.name} | said | {"true": truth})
    return _text((*_WHO, "task", "class", "score", "chosen", "true"), rows)


def boxes_table(answers: Iterable[Answer], threshold: float) -> str:
    """Return a line for each box that is shown and each true box that was missed.

    Corners are voxel edges (z, y, x) of the image as shown, half-open; centres are world points (right, anterior,
    superior) and sizes run along (z, y, x), both in ``unit``.
    """
    rows = []
    for answer in answers:
        assert answer.boxes is not None
        for row in rows_of(answer.boxes, threshold):
            grid = answer.grid
            middle = (row.corners[:3] + row.corners[3:]) / 2 - 0.5
            figures: dict[str, Any] = {
                "class": row.class_name,
                "score": "" if row.score is None else row.score,
                "iou": "" if row.iou is None else row.iou,
                "state": row.state,
                "unit": grid.unit,
            }
            figures |= dict(zip(_CORNERS, row.corners.tolist(), strict=True))
            figures |= dict(zip(_CENTRE, np.round(grid.to_world(middle[None])[0], 4).tolist(), strict=True))
            figures |= dict(zip(_SIZE, np.round(row.size, 4).tolist(), strict=True))
            rows.append(_who(answer) | {"task": answer.task.name} | figures)
    return _text((*_WHO, "task", "class", "score", "iou", "state", *_CORNERS, *_CENTRE, *_SIZE, "unit"), rows)


def _who(answer: Answer) -> dict[str, Any]:
    said = answer.prediction
    return dict(zip(_WHO, (said.case, answer.stage, said.shown, said.made_by, said.checkpoint), strict=True))


def _text(names: tuple[str, ...], rows: Iterable[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
