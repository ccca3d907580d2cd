"""An evaluation as text, CSV or JSON; what stands in a row depends on the kind of the task."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from napari_medkd.cli import box_tables, class_tables, mask_tables
from napari_medkd.cli.evaluating import Evaluation
from napari_medkd.cli.evaluation_groups import Row, SomeAnswer, by_who


def as_csv(found: Evaluation) -> str:
    """Return one line for every case and class, under a line of names; a cell is empty where a kind has no such."""
    rows = _score_rows(found)
    text = io.StringIO()
    names = dict.fromkeys(name for row in rows for name in row)
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def as_document(found: Evaluation) -> dict[str, Any]:
    """Return everything for a machine: by class, by domain and (of masks) by case, every score, and the notes."""
    of_kinds = [mask_tables.tables(found.masks), class_tables.tables(found.classes), box_tables.tables(found.boxes)]
    merged = {
        name: [row for kind in of_kinds for row in kind.get(name, [])] for name in ("classes", "domains", "cases")
    }
    return {**merged, "scores": _score_rows(found), "notes": found.notes}


def as_text(found: Evaluation) -> str:
    """Return the tables of every folder of predictions, network and task, for a person."""
    blocks = [
        *_blocks("segmentation", found.masks, mask_tables.as_text),
        *_blocks("classification", found.classes, class_tables.as_text),
        *_blocks("detection", found.boxes, box_tables.as_text),
    ]
    return "\n\n".join(blocks)


def _score_rows(found: Evaluation) -> list[Row]:
    return [
        *mask_tables.score_rows(found.masks),
        *class_tables.score_rows(found.classes),
        *box_tables.score_rows(found.boxes),
    ]


def _blocks(kind: str, answers: Sequence[SomeAnswer], text: Callable[[Sequence[SomeAnswer]], str]) -> list[str]:
    return [f"{_title(kind, members[0])}\n\n{text(members)}" for members in by_who(answers)]


def _title(kind: str, answer: SomeAnswer) -> str:
    origin = answer.origin
    return f"{origin.predictions}: {origin.network}\nTask {origin.task}, {kind}"
