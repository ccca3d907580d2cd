"""What the label values of a mask in a BIDS dataset mean: a table (``.tsv``) beside it or in a folder above it."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers.bids_names import BidsName
from napari_medkd.files.importers.documents import text_of
from napari_medkd.files.opening import stem_of


def class_names_for(mask: BidsName, folder: Path) -> dict[int, str]:
    """Return the classes' names by value, as far as a table says; a mask of one thing is called after it.

    Raises
    ------
    DatasetProblem
        Where the table that applies has no column ``index`` and ``name``, or an index that is no whole number.
    """
    table = next(_tables(mask, folder), None)
    if table is None:
        return {1: mask.meaning} if mask.word in ("mask", "roi") and mask.meaning else {}
    rows = csv.DictReader(io.StringIO(text_of(table)), delimiter="\t")
    if not {"index", "name"} <= set(rows.fieldnames or ()):
        found = f"The heading is {', '.join(rows.fieldnames or ()) or 'empty'}."
        raise DatasetProblem(str(table), found, "Begin with a line of index and name, parted by a tab.")
    try:
        return {int(row["index"]): str(row["name"]).strip() for row in rows}
    except (TypeError, ValueError) as error:
        raise DatasetProblem(str(table), f"An index is no whole number ({error}).", "Correct it.") from error


def _tables(mask: BidsName, folder: Path) -> Iterator[Path]:
    """Yield the tables that apply to a mask, the nearest first: one whose parts are all in the mask's name."""
    parts = set(stem_of(mask.path).split("_"))
    for above in (mask.path.parent, *mask.path.parent.parents):
        fitting = [path for path in sorted(above.glob(f"*{mask.word}.tsv")) if set(path.stem.split("_")) <= parts]
        yield from sorted(fitting, key=lambda path: -len(path.stem.split("_")))
        if above == folder:
            return
