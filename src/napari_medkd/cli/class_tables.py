"""The scores of classified images as rows and as text: each class against the rest, and all, by domain as well."""

from collections.abc import Iterator, Sequence

import numpy as np

from napari_medkd.cli.aligned_text import aligned
from napari_medkd.cli.evaluation_answers import ClassAnswer
from napari_medkd.cli.evaluation_groups import Row, tables_by_class
from napari_medkd.core.class_measures import ClassificationMeasures, measure_classes
from napari_medkd.core.task import UNKNOWN

_FIGURES = ("auc", "accuracy", "balanced_accuracy", "f1", "calibration_error")
_HEADS = ("AUC", "accuracy", "balanced accuracy", "F1", "ECE")


def score_rows(answers: Sequence[ClassAnswer]) -> list[Row]:
    """Return a row for every case and class: its probability, and 1 where it is there, 0 where not, None if unknown."""
    return [row for answer in answers for row in _rows_of_case(answer)]


def tables(answers: Sequence[ClassAnswer]) -> dict[str, list[Row]]:
    """Return the measures by class, and by domain and class where there are domains."""
    return tables_by_class(answers, lambda some, _all: _rows(_measured(some)))


def as_text(answers: Sequence[ClassAnswer]) -> str:
    """Return the tables of answers to one task."""
    return "\n\n".join(_text(name, table) for name, table in tables(answers).items() if table)


def _rows_of_case(answer: ClassAnswer) -> Iterator[Row]:
    origin = answer.origin
    each = zip(answer.task.classes, answer.probabilities, answer.truth.presences, strict=True)
    for name, probability, presence in each:
        said = {"class": name, "probability": probability, "present": None if presence == UNKNOWN else presence}
        yield {**origin.who, "case": origin.case, "domain": origin.domain, **said}


def _measured(answers: Sequence[ClassAnswer]) -> ClassificationMeasures:
    task = answers[0].task
    probabilities_NK = np.array([answer.probabilities for answer in answers])
    present_NK = np.array([answer.truth.presences for answer in answers])
    return measure_classes(probabilities_NK, present_NK if task.multilabel else present_NK.argmax(1), task.classes)


def _rows(measured: ClassificationMeasures) -> list[Row]:
    return [
        {"class": one.name, "n": one.num_images, "present": one.num_present}
        | {figure: getattr(one, figure) for figure in _FIGURES}
        for one in (*measured.classes, measured.overall)
    ]


def _text(title: str, table: Sequence[Row]) -> str:
    names = [name for name in ("domain", "class", "n", "present") if name in table[0]]
    lines = [[*(str(row[name]) for name in names), *(f"{row[figure]:.3f}" for figure in _FIGURES)] for row in table]
    return aligned(title.capitalize(), [*names, *_HEADS], lines)
