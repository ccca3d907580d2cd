"""The images that the rows of a table are of, and what its columns say of each: patient, domain and side."""

from dataclasses import dataclass
from pathlib import Path

from napari_medkd.core.dataset import Case, Split
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers.beside import SIDES
from napari_medkd.files.importers.image_index import ImageIndex, case_ids
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.table import EMPTY, SYNONYMS, Table, word_of
from napari_medkd.files.importers.tally import Tally
from napari_medkd.files.splitting import split_of_sides

CONFLICT = "Rows of one image give different classes"

_ROWS_TRIED = 200
_WORDS_SHOWN = 3
_SIDE_OF = {word: side for side, words in SIDES.items() for word in words}


@dataclass(frozen=True, slots=True)
class Listing:
    """A table whose rows are of images: the rows of each image, and what is known about it.

    Parameters
    ----------
    cases
        Without annotations, in the order of the table.
    rows
        By case id.
    split
        None where the table does not say.
    used
        The columns that say all this.
    """

    table: Table
    cases: tuple[Case, ...]
    rows: dict[str, list[dict[str, str]]]
    split: Split | None
    used: tuple[str, ...]


def listing_of(table: Table, index: ImageIndex, wishes: ColumnWishes, remarks: Tally) -> Listing | None:
    """Return the images a table lists, or None where no column names images; rows without one are left out.

    Raises
    ------
    DatasetProblem
        With every name that leaves the folder or may mean several images, every side that is none beside others or in
        a column that was asked for, and every image whose rows contradict each other.
    """
    image = table.asked(wishes.image) if wishes.image else image_column(table, index)
    if not image:
        return None
    column = {
        kind: table.asked(wish) if wish else table.named(word for word in SYNONYMS[kind] if word != word_of(image))
        for kind, wish in (("group", wishes.group), ("domain", wishes.domain), ("split", wishes.split))
    }
    used = (image, *column.values())
    if column["split"] and not wishes.split and not names_sides(table, column["split"]):
        _tell_no_sides(table, column["split"], remarks)
        column["split"] = ""
    faults = Tally(str(table.path))
    rows_of = _rows_by_image(table, image, index, faults, remarks)
    ids = case_ids(rows_of, index.folder)
    known = _Known(column, faults)
    cases, side_of = [], {}
    for path, rows in rows_of.items():
        name = ids[path]
        cases.append(Case(name, (path,), known.of("group", rows) or name, known.of("domain", rows)))
        side_of[name] = known.of("split", rows)
    sides = _sides(side_of, faults)
    if faults:
        raise DatasetProblem.of(faults)
    split = split_of_sides(cases, sides) if sides else None
    return Listing(table, tuple(cases), {ids[path]: rows for path, rows in rows_of.items()}, split, used)


def names_sides(table: Table, column: str) -> bool:
    """Return whether a cell of the column is a word for a side of a split."""
    return any(row[column].lower() in _SIDE_OF for row in table.rows)


def _tell_no_sides(table: Table, column: str, remarks: Tally) -> None:
    words = sorted({row[column] for row in table.rows if row[column].lower() not in EMPTY})
    if words:
        hint = f"If it is meant as a split, write one of {', '.join(_SIDE_OF)}."
        found = "A column names no side of a split, and is not read"
        remarks.add(f"{column}: {', '.join(words[:_WORDS_SHOWN])}", found, hint)


@dataclass
class _Known:
    """What the rows of an image say about it, which must be one thing; a cell like NA says nothing."""

    column: dict[str, str]
    faults: Tally

    def of(self, kind: str, rows: list[dict[str, str]]) -> str:
        column = self.column[kind]
        values = {row[column] for row in rows if row[column].lower() not in EMPTY} if column else set()
        if len(values) > 1:
            found = f"Rows of one image differ in {column!r}"
            self.faults.add(" and ".join(sorted(values)), found, "Correct them, or name another column.")
        return next(iter(values), "")


def image_column(table: Table, index: ImageIndex) -> str:
    """Return the column most of whose first values are images', one that is called so before any other."""
    listed = [word for kind in ("image", "group") for word in SYNONYMS[kind]]
    named = [column for word in listed for column in table.columns if word_of(column) == word]
    tried = table.rows[:: max(1, len(table.rows) // _ROWS_TRIED)][:_ROWS_TRIED]
    best, most = "", 0
    for column in (*named, *(column for column in table.columns if column not in named)):
        count = sum(index.has(row[column]) for row in tried)
        if count > most:
            best, most = column, count
    return best


def _rows_by_image(
    table: Table, image: str, index: ImageIndex, faults: Tally, remarks: Tally
) -> dict[Path, list[dict[str, str]]]:
    rows_of: dict[Path, list[dict[str, str]]] = {}
    index.tell_links(remarks)
    path_of: dict[str, Path | None] = {}
    for row in table.rows:
        text = row[image]
        if text not in path_of:
            path_of[text] = None
            try:
                path_of[text] = index.find(text, table.path.parent)
            except DatasetProblem as error:
                for problem in error.problems:
                    faults.add(problem.where, problem.problem.rstrip("."), problem.hint)
                continue
            if path_of[text] is None:
                remarks.add(text or "an empty cell", "An image is not here, and is left out", "Add it, if you have it.")
        path = path_of[text]
        if path is not None:
            rows_of.setdefault(path, []).append(row)
    return rows_of


def _sides(side_of: dict[str, str], faults: Tally) -> dict[str, str]:
    """Return the sides by case id in our words; cases of no side are left out."""
    sides = {}
    for name, word in side_of.items():
        if word.lower() in _SIDE_OF:
            sides[name] = _SIDE_OF[word.lower()]
        elif word:
            faults.add(f"{name}: {word}", "A side of the split is not known", f"Write one of {', '.join(_SIDE_OF)}.")
    return sides
