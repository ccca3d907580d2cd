"""A table (CSV, TSV): its rows, and what the columns of the image, the patient, the domain and the side are called."""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from napari_medkd.core.errors import DatasetProblem, Problem, did_you_mean
from napari_medkd.files.importers.documents import text_of

TABLE_SUFFIXES = (".csv", ".tsv")
#: What people leave in a cell that says nothing.
EMPTY = {"", "na", "n/a", "nan", "null"}
#: Headings by what their columns hold, in the words of `word_of`; of several columns the first in this order is meant.
#: ``group`` alone is not among those of the patient: in tables of studies it is the arm.
SYNONYMS = {
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
        "pid",
        "case",
        "caseid",
        "lesionid",
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
    """Return a heading as the name of a task, which is also a folder's: ``Finding Labels`` is ``finding-labels``.

    Letters and digits of any script stay.
    """
    return re.sub(r"[\W_]+", "-", heading.lower()).strip("-") or "class"


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
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        columns = tuple(column for column in reader.fieldnames if column)
        rows = tuple({column: (row[column] or "").strip() for column in columns} for row in reader)
    except csv.Error as error:
        raise DatasetProblem(str(path), f"This is no table: {error}.", "Save it as CSV.") from error
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if not columns or twice:
        found = f"Two columns are called {twice[0]!r}." if twice else "The file is empty."
        raise DatasetProblem(str(path), found, "Give each column a name of its own in the first line.")
    return Table(path, columns, rows)


def readable_tables(source: Path) -> tuple[list[Table], list[Problem]]:
    """Return the tables of a source, and what is to be remarked of those in a folder that cannot be read.

    Raises
    ------
    DatasetProblem
        Where the source itself is a table that cannot be read.
    """
    tables: list[Table] = []
    remarks: list[Problem] = []
    for path in _tables_at(source):
        try:
            tables.append(read_table(path))
        except DatasetProblem as error:
            if path == source:
                raise
            remarks += [Problem(of.where, f"{of.problem} The table is left out.", of.hint) for of in error.problems]
    return tables, remarks


def _tables_at(source: Path) -> list[Path]:
    """Return the table itself, or the tables that lie directly in a folder, apart from our own ``cases.csv``."""
    if source.is_file():
        return [source] if source.suffix.lower() in TABLE_SUFFIXES else []
    found = [path for path in source.iterdir() if path.suffix.lower() in TABLE_SUFFIXES and path.name != "cases.csv"]
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))
