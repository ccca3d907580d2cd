"""A table of images (CSV, TSV): its rows, and which column is the image, the patient, the domain and the side."""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_medkd.core.dataset import Case, Split
from napari_medkd.core.errors import DatasetProblem, did_you_mean
from napari_medkd.files.importers.beside import SIDES
from napari_medkd.files.importers.documents import text_of
from napari_medkd.files.importers.image_index import ImageIndex, case_ids
from napari_medkd.files.importers.source import ColumnWishes
from napari_medkd.files.importers.tally import Tally
from napari_medkd.files.splitting import split_with_sides

TABLE_SUFFIXES = (".csv", ".tsv")
#: What people leave in a cell that says nothing.
EMPTY = {"", "na", "n/a", "nan", "null"}
CONFLICT = "Rows of one image give different classes"

_SYNONYMS = {
    "image": (
        "image",
        "images",
        "imageid",
        "imagefile",
        "imagename",
        "imagepath",
        "imageindex",
        "file",
        "filename",
        "filepath",
        "path",
        "img",
        "id",
    ),
    "group": (
        "patient",
        "patientid",
        "subject",
        "subjectid",
        "participant",
        "participantid",
        "person",
        "personid",
        "group",
        "pid",
        "case",
        "caseid",
    ),
    "domain": (
        "domain",
        "site",
        "scanner",
        "device",
        "center",
        "centre",
        "hospital",
        "institution",
        "vendor",
        "manufacturer",
    ),
    "split": ("split", "subset", "partition", "set", "phase"),
}
_ROWS_TRIED = 200


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a file, each by column name, all of them text."""

    path: Path
    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]

    def named(self, words: Iterable[str]) -> str:
        """Return the first column that is called like one of the words, whatever its case and signs, or ""."""
        by_word = {word_of(column): column for column in reversed(self.columns)}
        return next((by_word[word] for word in words if word in by_word), "")

    def asked(self, column: str) -> str:
        """Return the column a person asked for; one that does not exist is refused."""
        if column not in self.columns:
            raise DatasetProblem(str(self.path), f"There is no column {column!r}.", did_you_mean(column, self.columns))
        return column


def word_of(heading: str) -> str:
    """Return a heading in lower case without anything but letters and digits."""
    return re.sub(r"[^a-z0-9]+", "", heading.lower())


def name_of(heading: str) -> str:
    """Return a heading as the name of a task, which is also a folder's: ``Finding Labels`` is ``finding-labels``."""
    return re.sub(r"[^a-z0-9]+", "-", heading.lower()).strip("-") or "class"


def read_table(path: Path) -> Table:
    """Return the rows of a file whose columns are parted by commas, semicolons or tabs.

    Raises
    ------
    DatasetProblem
        Where it cannot be read, has no heading, or has two columns of one name.
    """
    text = text_of(path)
    heading = text.split("\n", 1)[0]
    parted_by = max(",;\t", key=heading.count)
    try:
        reader = csv.DictReader(io.StringIO(text), delimiter=parted_by, restkey="")
        columns = tuple(column for column in reader.fieldnames or () if column)
        rows = tuple({column: (row[column] or "").strip() for column in columns} for row in reader)
    except csv.Error as error:
        raise DatasetProblem(str(path), f"This is no table: {error}.", "Save it as CSV.") from error
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if not columns or twice:
        found = f"Two columns are called {twice[0]!r}." if twice else "The file is empty."
        raise DatasetProblem(str(path), found, "Give each column a name of its own in the first line.")
    return Table(path, columns, rows)


def tables_at(source: Path) -> list[Path]:
    """Return the table itself, or the tables that lie directly in a folder, apart from our own ``cases.csv``."""
    if source.is_file():
        return [source] if source.suffix.lower() in TABLE_SUFFIXES else []
    found = [path for path in source.iterdir() if path.suffix.lower() in TABLE_SUFFIXES and path.name != "cases.csv"]
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


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
        With every name that leaves the folder or may mean several images, every side that is none, and every image
        whose rows contradict each other.
    """
    image = table.asked(wishes.image) if wishes.image else _image_column(table, index)
    if not image:
        return None
    column = {
        kind: table.asked(wish) if wish else table.named(word for word in _SYNONYMS[kind] if word != word_of(image))
        for kind, wish in (("group", wishes.group), ("domain", wishes.domain), ("split", wishes.split))
    }
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
    split = split_with_sides(table.path.stem, cases, sides) if sides else None
    return Listing(
        table, tuple(cases), {ids[path]: rows for path, rows in rows_of.items()}, split, (image, *column.values())
    )


@dataclass
class _Known:
    """What the rows of an image say about it, which must be one thing."""

    column: dict[str, str]
    faults: Tally

    def of(self, kind: str, rows: list[dict[str, str]]) -> str:
        column = self.column[kind]
        values = {row[column] for row in rows} if column else set()
        if len(values) > 1:
            found = f"Rows of one image differ in {column!r}"
            self.faults.add(" and ".join(sorted(values)), found, "Correct them, or name another column.")
        return next(iter(values), "")


def _image_column(table: Table, index: ImageIndex) -> str:
    """Return the column most of whose first values are images', one that is called so before any other."""
    listed = [word for kind in ("image", "group") for word in _SYNONYMS[kind]]
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
    side_of_word = {word: side for side, words in SIDES.items() for word in words}
    sides = {}
    for name, word in side_of.items():
        if word.lower() in side_of_word:
            sides[name] = side_of_word[word.lower()]
        elif word.lower() not in EMPTY:
            faults.add(
                f"{name}: {word}", "A side of the split is not known", f"Write one of {', '.join(side_of_word)}."
            )
    return sides
