"""The scores of masks as rows and as text.

A class's figure is the mean over cases. A domain's, and that of all classes, is the mean over cases of each case's
mean over its classes. A class that is neither in the prediction nor in the truth counts in neither, with its volumes.
"""

import math
from collections.abc import Callable, Iterable, Sequence

from napari_medkd.cli.aligned_text import aligned
from napari_medkd.cli.evaluation_answers import MaskAnswer
from napari_medkd.cli.evaluation_groups import Row
from napari_medkd.core.measures import mean_of_applicable

_FIGURES = ("dice", "hd95", "assd", "volume", "truth_volume")
_WHO = ("predictions", "network", "task")
_UNITS = ("distance_unit", "volume_unit")


def score_rows(answers: Iterable[MaskAnswer]) -> list[Row]:
    """Return a row for every case and class."""
    return [_row(answer) for answer in answers]


def tables(answers: Iterable[MaskAnswer]) -> dict[str, list[Row]]:
    """Return the means by class, by domain and by case."""
    return _tables(score_rows(answers))


def as_text(answers: Sequence[MaskAnswer]) -> str:
    """Return the three tables of answers to one task."""
    rows = score_rows(answers)
    return "\n\n".join(_text(name, table, rows[0]) for name, table in _tables(rows).items())


def _row(answer: MaskAnswer) -> Row:
    origin, measures = answer.origin, answer.measures
    figures = {name: getattr(measures, name) for name in (*_FIGURES, *_UNITS)}
    return {**origin.who, "case": origin.case, "domain": origin.domain, "class": measures.name, **figures}


def _tables(rows: Sequence[Row]) -> dict[str, list[Row]]:
    cases = _means(rows, (*_WHO, "domain", "case"))
    everything = [{**row, "class": "all"} for row in _means(cases, _WHO)]
    return {
        "classes": [*_means(rows, (*_WHO, "class")), *everything],
        "domains": _means(cases, (*_WHO, "domain")),
        "cases": cases,
    }


def _means(rows: Iterable[Row], keys: Sequence[str]) -> list[Row]:
    """Return a row for each combination of the keys: how many rows of it apply, and the mean of their every figure."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        applicable = groups.setdefault(tuple(row[key] for key in keys), [])
        applicable += [] if math.isnan(row["dice"]) else [row]
    return [
        {
            **dict(zip(keys, values, strict=True)),
            "n": len(members),
            **{name: mean_of_applicable(member[name] for member in members) for name in _FIGURES},
        }
        for values, members in groups.items()
    ]


def _text(title: str, table: Sequence[Row], units: Row) -> str:
    names = [key for key in table[0] if key not in (*_FIGURES, *_WHO)]
    distance, volume = units["distance_unit"], units["volume_unit"]
    heads = ["Dice", f"HD95 {distance}", f"ASSD {distance}", f"volume {volume}", f"true {volume}"]
    formats: tuple[Callable[[float], str], ...] = ("{:.3f}".format, *["{:.2f}".format] * 4)
    lines = []
    for row in table:
        figures = [show(row[name]) for show, name in zip(formats, _FIGURES, strict=True)]
        lines.append([*(str(row[name]) for name in names), *figures])
    return aligned(title.capitalize(), [*names, *heads], lines)
