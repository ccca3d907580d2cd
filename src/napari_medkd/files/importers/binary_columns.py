"""Columns of 0 and 1 in a table of images, one for each class.

A blank cell, or -1 where a report is uncertain (as in CheXpert), is unknown: nothing is learned of that class from that
image. An image of which all cells are unknown has no label.
"""

from collections import Counter

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.command_line import command_line
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.files.importers.listed_images import CONFLICT, Listing
from napari_medkd.files.importers.table import EMPTY
from napari_medkd.files.importers.tally import Tally

_UNCERTAIN, _BLANK = -1, None
_VALUE_OF = dict.fromkeys(EMPTY, _BLANK) | {
    "0": 0,
    "0.0": 0,
    "1": 1,
    "1.0": 1,
    "-1": _UNCERTAIN,
    "-1.0": _UNCERTAIN,
}
_UNKNOWN = {_UNCERTAIN, _BLANK}
_WRITE = "Write 0 or 1 where you know; where blank means absent, write 0."
#: What is said of an image, by column.
_Cells = dict[str, int | None]


def findings_of(listing: Listing, remarks: Tally) -> list[tuple[Task, dict[str, ClassLabel]]]:
    """Return the task of all columns of 0 and 1 with the cases' labels; nothing where there are no two such columns.

    Classes are exclusive where each image has one 1 and else 0, images without any cell aside.

    Raises
    ------
    DatasetProblem
        With every image whose rows differ in such a column.
    """
    columns = _binary_columns(listing, remarks)
    if not columns:
        return []
    cells_of = _cells(listing, columns)
    one_hot = Counter({0: len(columns) - 1, 1: 1})
    answers = [Counter(cells.values()) for cells in cells_of.values() if set(cells.values()) != {_BLANK}]
    several = any(answer != one_hot for answer in answers)
    task = Task("findings" if several else "class", "classification", columns, multilabel=several)
    _remark_unknown(cells_of, task, remarks)
    known = {case: cells for case, cells in cells_of.items() if not _UNKNOWN.issuperset(cells.values())}
    return [(task, {case: _label(cells, task) for case, cells in known.items()})]


def _label(cells: _Cells, task: Task) -> ClassLabel:
    present = frozenset(column for column, value in cells.items() if value == 1)
    return ClassLabel(present, task, frozenset(column for column, value in cells.items() if value in _UNKNOWN))


def _binary_columns(listing: Listing, remarks: Tally) -> tuple[str, ...]:
    """Return the columns of 0, 1 and unknown cells; none unless two of them hold 1 and something else."""
    texts_of = {column: {row[column].lower() for row in listing.table.rows} for column in listing.table.columns}
    values_of = {
        column: {_VALUE_OF[text] for text in texts}
        for column, texts in texts_of.items()
        if column not in listing.used and texts <= _VALUE_OF.keys()
    }
    telling = [column for column, values in values_of.items() if 1 in values and len(values) > 1]
    if len(telling) == 1:
        found = "A single column of 0 and 1 may be a class or none, and is left out"
        remarks.add(telling[0], found, f"If it is one, name it: {command_line(['--column', f'class={telling[0]}'])}")
    if len(telling) < 2:
        return ()
    for column, values in values_of.items():
        if values <= _UNKNOWN:
            remarks.add(column, "A column holds neither 0 nor 1, and is left out", "Nothing need be done.")
        elif len(values) == 1:
            found = "A column of 0 and 1 says the same of all images, and is taken as a class"
            remarks.add(column, found, "Take it out of the table if it is none.")
    return tuple(column for column, values in values_of.items() if not values <= _UNKNOWN)


def _cells(listing: Listing, columns: tuple[str, ...]) -> dict[str, _Cells]:
    """Return what the rows of each case say; a blank cell gives way to one that is not."""
    faults = Tally(str(listing.table.path))
    cells_of: dict[str, _Cells] = {}
    for case, rows in listing.rows.items():
        said = {column: {_VALUE_OF[row[column].lower()] for row in rows} - {_BLANK} for column in columns}
        for column, values in said.items():
            if len(values) > 1:
                place = f"{case}: {' and '.join(sorted(map(str, values)))} in {column}"
                faults.add(place, CONFLICT, "Keep one row for each image, such as what most readers say.")
        cells_of[case] = {column: next(iter(values), _BLANK) for column, values in said.items()}
    if faults:
        raise DatasetProblem.of(faults)
    return cells_of


def _remark_unknown(cells_of: dict[str, _Cells], task: Task, remarks: Tally) -> None:
    """Say how many images have an unknown cell, how many each column has, and of which columns no cell is 0."""
    unknown = [cells for cells in cells_of.values() if not _UNKNOWN.isdisjoint(cells.values())]
    if not unknown:
        return
    count_in = {column: sum(cells[column] in _UNKNOWN for cells in unknown) for column in task.classes}
    counts = ", ".join(f"{count:,} in {column}" for column, count in count_in.items() if count)
    remarks.add(
        f"{len(unknown):,} of {len(cells_of):,}: {counts}",
        "Images have a blank or uncertain (-1) cell, which is unknown, and counts nowhere for its class",
        _WRITE,
    )
    for column in task.classes:
        if 0 not in {cells[column] for cells in cells_of.values()}:
            remarks.add(
                column, "No image is known not to show a class, so it would be learned as always present", _WRITE
            )
