"""An evaluation as text, CSV or JSON.

A class's figure is the mean over cases. A domain's, and that of all classes, is the mean over cases of each case's
mean over its classes. What is not applicable counts in neither.
"""

import csv
import io
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from napari_medkd.cli.evaluating import Evaluation, Score
from napari_medkd.core.measures import mean_of_applicable

_FIGURES = ("dice", "hd95", "assd", "volume", "truth_volume")
_WHO = ("predictions", "network")
_UNITS = ("distance_unit", "volume_unit")

Row = dict[str, Any]


def _row(score: Score) -> Row:
    who = {"predictions": score.predictions, "network": score.network, "case": score.case, "domain": score.domain}
    figures = {name: getattr(score.measures, name) for name in (*_FIGURES, *_UNITS)}
    return {**who, "class": score.measures.name, **figures}


def as_csv(scores: Iterable[Score]) -> str:
    """Return one line for every case and class, under a line of names."""
    rows = [_row(score) for score in scores]
    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_document(found: Evaluation) -> dict[str, Any]:
    """Return everything for a machine: means by class, by domain and by case, every score, and the notes."""
    rows = [_row(score) for score in found.scores]
    return {**_tables(rows), "scores": rows, "notes": found.notes}


def as_text(found: Evaluation) -> str:
    """Return the three tables of every folder of predictions, for a person."""
    rows = [_row(score) for score in found.scores]
    whose = dict.fromkeys((row["predictions"], row["network"]) for row in rows)
    return "\n\n".join(
        _block(*who, [row for row in rows if (row["predictions"], row["network"]) == who]) for who in whose
    )


def _block(predictions: str, network: str, rows: Sequence[Row]) -> str:
    tables = (_text(name, table, rows[0]) for name, table in _tables(rows).items())
    return "\n\n".join([f"{predictions}: {network}", *tables])


def _tables(rows: Sequence[Row]) -> dict[str, list[Row]]:
    cases = _means(rows, (*_WHO, "domain", "case"))
    everything = [{**row, "class": "all"} for row in _means(cases, _WHO)]
    return {
        "classes": [*_means(rows, (*_WHO, "class")), *everything],
        "domains": _means(cases, (*_WHO, "domain")),
        "cases": cases,
    }


def _means(rows: Iterable[Row], keys: Sequence[str]) -> list[Row]:
    """Return a row for each combination of the keys: how many rows of it apply, and the mean of every figure."""
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return [
        {
            **dict(zip(keys, values, strict=True)),
            "n": sum(not math.isnan(member["dice"]) for member in members),
            **{name: mean_of_applicable(member[name] for member in members) for name in _FIGURES},
        }
        for values, members in groups.items()
    ]


def _text(title: str, table: Sequence[Row], units: Row) -> str:
    names = [key for key in table[0] if key not in (*_FIGURES, *_WHO)]
    distance, volume = units["distance_unit"], units["volume_unit"]
    heads = ["Dice", f"HD95 {distance}", f"ASSD {distance}", f"volume {volume}", f"true {volume}"]
    formats: tuple[Callable[[float], str], ...] = ("{:.3f}".format, *["{:.2f}".format] * 4)
    lines = [[*names, *heads]]
    for row in table:
        figures = [show(row[name]) for show, name in zip(formats, _FIGURES, strict=True)]
        lines.append([*(str(row[name]) for name in names), *figures])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    padded = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([title.capitalize(), *padded])
