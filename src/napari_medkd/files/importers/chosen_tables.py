"""Which tables of a folder are read: the first that gives something, together with those of its other sides.

Tables of one heading whose names speak of different sides, as ``train.csv`` and ``valid.csv``, are one table. Of all
others that list images it is told that they are not read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from napari_medkd.core.errors import Problem
from napari_medkd.files.importers.beside import side_in
from napari_medkd.files.importers.image_index import ImageIndex
from napari_medkd.files.importers.listed_images import Listing, image_column, listing_of, names_sides
from napari_medkd.files.importers.source import ColumnWishes, Source, folder_of
from napari_medkd.files.importers.table import SYNONYMS, Table, readable_tables
from napari_medkd.files.importers.tally import Tally

_SIDE = "split"
#: Makes a source of the images that a table lists, or None where the table gives nothing of what is looked for.
Reading = Callable[[Listing, Tally], Source | None]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the tables of a source gave.

    Parameters
    ----------
    source
        None where no table gives anything.
    rejected
        What is to be remarked of tables that cannot be read, and of those of images that give nothing.
    absent
        Tables that list images, none of which is here.
    """

    source: Source | None
    rejected: tuple[Problem, ...]
    absent: tuple[Problem, ...]


def first_that_gives(
    what: str,
    source: Path,
    wishes: ColumnWishes,
    reading: Reading,
    is_meant: Callable[[Table], bool] = lambda table: True,
) -> Chosen:
    """Return what the first table that gives something says; its remarks tell of the others, too.

    Parameters
    ----------
    what
        Is looked for, in words.
    is_meant
        Tables that are not are not looked at.

    Raises
    ------
    DatasetProblem
        As `listing_of`, or where the source itself is a table that cannot be read.
    """
    readable, rejected = readable_tables(source)
    tables = _joined_by_side(readable)
    meant = [table for table in tables if is_meant(table) and table.rows]
    if not meant:
        return Chosen(None, tuple(rejected), ())
    index = ImageIndex(folder_of(source))
    absent: list[Problem] = []
    unread = list(tables)
    for table in meant:
        unread.remove(table)
        remarks = Tally(str(table.path))
        listing = listing_of(table, index, wishes, remarks)
        if listing is None:
            continue
        if not listing.cases:
            absent.append(_none_here(listing))
            continue
        found = reading(listing, remarks)
        if found is not None:
            told = (*rejected, *absent, *found.remarks, *_of_others(unread, index))
            return Chosen(replace(found, remarks=told), (), ())
        hint = "Nothing need be done, unless a column holds some: then name it with --column."
        remarks.add(table.path.name, f"A table of images gives no {what}, and is left out", hint)
        rejected += remarks
    return Chosen(None, tuple(rejected), tuple(absent))


def _joined_by_side(tables: list[Table]) -> list[Table]:
    """Return the tables, those of one heading and of different sides as one at the first one's place."""
    found: list[Table] = []
    for table in tables:
        alike = [other for other in tables if other.columns == table.columns and side_in(other.path.stem)]
        if table not in alike or len({side_in(other.path.stem) for other in alike}) < 2:
            found.append(table)
        elif table is alike[0]:
            found.append(_joined(alike))
    return found


def _joined(tables: list[Table]) -> Table:
    """Return the rows of tables with the side that the tables' names speak of, unless a column names one."""
    path, columns = tables[0].path, tables[0].columns
    names = " and ".join(table.path.name for table in tables)
    rows = [(row, side_in(table.path.stem)) for table in tables for row in table.rows]
    known = tables[0].named(SYNONYMS[_SIDE])
    if known and any(names_sides(table, known) for table in tables):
        return Table(path.with_name(names), columns, tuple(row for row, _ in rows))
    told = tuple(dict.fromkeys((*columns, _SIDE)))
    return Table(path.with_name(names), told, tuple({**row, _SIDE: side} for row, side in rows))


def _none_here(listing: Listing) -> Problem:
    named = next(row[listing.used[0]] for row in listing.table.rows)
    return Problem(
        str(listing.table.path),
        f"None of the images that it lists is here, such as {named}.",
        "Choose the folder in which the names begin, or give it the name that stands there.",
    )


def _of_others(tables: list[Table], index: ImageIndex) -> Tally:
    """Return the remarks of the tables that are not looked at any more, and list images."""
    remarks = Tally(str(index.folder))
    for table in tables:
        if image_column(table, index):
            hint = "Import one of them by itself, or put what they say into one table."
            remarks.add(table.path.name, "Other tables of images are not read", hint)
    return remarks
