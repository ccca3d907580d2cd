"""The scores of found boxes as rows and as text: each class, and the mean over classes, by domain as well.

What counts as found is stricter in images of one plane than in volumes; a task with both is measured as volumes.
"""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction

from napari_medkd.cli.aligned_text import aligned
from napari_medkd.cli.evaluation_answers import BoxAnswer
from napari_medkd.cli.evaluation_groups import Row, by_who, tables_by_class
from napari_medkd.core.box_measures import (
    FLAT_OVERLAP,
    FROC_RATES,
    VOLUME_OVERLAP,
    BoxMeasures,
    DetectionMeasures,
    measure_boxes,
    sensitivities,
)

_RATES = tuple(str(Fraction(rate)) for rate in FROC_RATES)
#: The average precisions a person is shown, of images of one plane and of volumes, and their heads.
_FLAT_FIGURES = {"ap50": "AP50", "ap50_95": "mAP@[.5:.95]"}
_VOLUME_FIGURES = {"ap10": "AP@0.1"}


def score_rows(answers: Sequence[BoxAnswer]) -> list[Row]:
    """Return a row for every case and class: how many boxes, and the share of true ones found at any score."""
    return [
        row for members in by_who(answers) for answer in members for row in _rows_of_case(answer, _overlap(members))
    ]


def tables(answers: Sequence[BoxAnswer]) -> dict[str, list[Row]]:
    """Return the measures by class, and by domain and class where there are domains."""
    return tables_by_class(answers, lambda some, of_all: _rows(_measured(some, _overlap(of_all))))


def as_text(answers: Sequence[BoxAnswer]) -> str:
    """Return the tables of answers to one task."""
    overlap = _overlap(answers)
    rule = f"FROC: share found at a mean of {', '.join(_RATES)} false positives an image, overlap {overlap} or more"
    texts = (_text(name, table, overlap) for name, table in tables(answers).items() if table)
    return "\n\n".join([rule, *texts])


def _overlap(answers: Sequence[BoxAnswer]) -> float:
    return FLAT_OVERLAP if all(answer.is_flat for answer in answers) else VOLUME_OVERLAP


def _rows_of_case(answer: BoxAnswer, overlap: float) -> Iterator[Row]:
    origin, boxes, names = answer.origin, answer.boxes, answer.task.classes
    found_K = sensitivities([boxes], len(names), overlap, [math.inf])[:, 0]
    for number, name in enumerate(names):
        counts = {
            "boxes": int((boxes.classes == number).sum()),
            "true_boxes": int((boxes.true_classes == number).sum()),
        }
        said = {"class": name, **counts, "sensitivity": float(found_K[number])}
        yield {**origin.who, "case": origin.case, "domain": origin.domain, **said}


def _measured(answers: Sequence[BoxAnswer], overlap: float) -> DetectionMeasures:
    return measure_boxes([answer.boxes for answer in answers], answers[0].task.classes, froc_overlap=overlap)


def _rows(measured: DetectionMeasures) -> list[Row]:
    return [_row(one, measured.froc_overlap) for one in (*measured.classes, measured.overall)]


def _row(one: BoxMeasures, overlap: float) -> Row:
    return {
        "class": one.name,
        "n": one.num_images,
        "boxes": one.num_found,
        "true_boxes": one.num_true,
        "ap10": one.ap10,
        "ap50": one.ap50,
        "ap50_95": one.ap50_95,
        "froc": one.froc,
        "froc_overlap": overlap,
        "sensitivities": dict(zip(_RATES, one.sensitivities, strict=True)),
    }


def _text(title: str, table: Sequence[Row], overlap: float) -> str:
    names = [name for name in ("domain", "class", "n", "boxes", "true_boxes") if name in table[0]]
    figures = _FLAT_FIGURES if overlap == FLAT_OVERLAP else _VOLUME_FIGURES
    heads = [*(name.replace("_", " ") for name in names), *figures.values(), "FROC", *(f"@{rate}" for rate in _RATES)]
    lines = []
    for row in table:
        values = [*(row[figure] for figure in figures), row["froc"], *row["sensitivities"].values()]
        lines.append([*(str(row[name]) for name in names), *(f"{value:.3f}" for value in values)])
    return aligned(title.capitalize(), heads, lines)
