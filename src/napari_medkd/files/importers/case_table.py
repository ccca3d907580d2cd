"""``cases.csv``: a line for each case, whose columns name its patient and its domain; further columns are not read.

The headings are ``id``, ``group`` (the patient) and ``domain``, or what such columns are called in any table.
"""

from dataclasses import replace
from pathlib import Path

from napari_medkd.core.dataset import Case
from napari_medkd.core.errors import DatasetProblem, Problem, did_you_mean
from napari_medkd.files.importers.table import EMPTY, SYNONYMS, Table, read_table
from napari_medkd.files.importers.tally import Tally

_HEADING = "Begin with the line id,group,domain, in which group is the patient; one of the two may be left out."


def with_columns(cases: tuple[Case, ...], path: Path) -> tuple[Case, ...]:
    """Return the cases with what the table says of them; a blank cell, or one like NA, leaves a case as it is.

    Raises
    ------
    DatasetProblem
        Where the table has no column of ids or none of what is known of them, with every id that is no case's, and
        with every id whose lines differ.
    """
    table = read_table(path)
    ids, groups, domains = _columns(table)
    rows_of: dict[str, list[dict[str, str]]] = {}
    for row in table.rows:
        if any(row.values()):
            rows_of.setdefault(row[ids], []).append(row)
    _refuse_strangers(set(rows_of), cases, path)
    faults = Tally(str(path))
    group_of, domain_of = (
        {name: _said(name, rows, column, faults) for name, rows in rows_of.items()} for column in (groups, domains)
    )
    if faults:
        raise DatasetProblem.of(faults)
    return tuple(
        replace(case, group=group_of.get(case.id) or case.group, domain=domain_of.get(case.id) or case.domain)
        for case in cases
    )


def _columns(table: Table) -> tuple[str, str, str]:
    """Return the columns of ids, patients and domains; one of the latter may be missing, and is ""."""
    ids = table.named(["id"])
    heading = f"The heading is {', '.join(table.columns)}"
    if not ids:
        raise DatasetProblem(str(table.path), f"{heading}; there is no column id.", _HEADING)
    groups, domains = table.named(["group", *SYNONYMS["group"]]), table.named(SYNONYMS["domain"])
    if not groups and not domains:
        found = f"{heading}; none of its columns is of the patient or the domain."
        raise DatasetProblem(str(table.path), found, _HEADING)
    return ids, groups, domains


def _refuse_strangers(names: set[str], cases: tuple[Case, ...], path: Path) -> None:
    known = [case.id for case in cases]
    strangers = sorted(names - set(known))
    if strangers:
        raise DatasetProblem.of(
            Problem(f"{path}: {name}", "There is no such case.", did_you_mean(name, known)) for name in strangers
        )


def _said(name: str, rows: list[dict[str, str]], column: str, faults: Tally) -> str:
    """Return the one thing that the lines of a case say in a column, or "" where they say nothing."""
    values = {row[column] for row in rows if row[column].lower() not in EMPTY} if column else set()
    if len(values) > 1:
        place = f"{name}: {' and '.join(sorted(values))}"
        faults.add(place, f"Lines of one case differ in {column!r}", "Keep one line for each case.")
    return next(iter(values), "")
