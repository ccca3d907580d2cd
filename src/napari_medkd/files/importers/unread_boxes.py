"""Tables whose boxes were not read: they are told, so that nobody takes what was read for all that is there."""

import re
from pathlib import Path

from napari_medkd.core.errors import Problem
from napari_medkd.files.importers.box_table import box_columns
from napari_medkd.files.importers.table import Table, readable_tables, word_of
from napari_medkd.files.importers.tally import Tally

#: Headings of coordinates, in the words of `word_of`. ``width`` and ``left`` alone are of images and of bodies.
_COORDINATE = re.compile(
    r".*bbox.*|.*boundingbox.*|box|boxes|[xy](min|max|center|centre|start|end|\d)|(min|max|center|centre)[xy]|c[xy]"
    r"|coord[xyz]"
)
_TOGETHER = ({"x", "y"}, {"left", "top"})
_NONE_HERE = "No image of the table of boxes is here, or no row has a box"


def remarks_of_unread_boxes(source: Path) -> tuple[Problem, ...]:
    """Return a remark for each table of a source that looks like boxes, none of which were read."""
    remarks: list[Problem] = []
    for table in readable_tables(source)[0]:
        tally = Tally(str(table.path))
        if box_columns(table) is not None:
            remark_none_here(table, tally)
        elif columns := columns_like_coordinates(table):
            found = "Columns look like coordinates of boxes, which are not read"
            hint = "Name four columns x, y, width, height, or xmin, ymin, xmax, ymax, or cx, cy, w, h; in pixels."
            tally.add(" and ".join(columns), found, hint)
        remarks += tally
    return tuple(remarks)


def remark_none_here(table: Table, remarks: Tally) -> None:
    """Say that a table has columns of boxes and still gives none."""
    remarks.add(table.path.name, _NONE_HERE, "Put the table beside the images that it names.")


def columns_like_coordinates(table: Table) -> tuple[str, ...]:
    """Return the columns that are called like coordinates of points or boxes."""
    words = {word_of(column) for column in table.columns}
    paired = {word for pair in _TOGETHER if pair <= words for word in pair}
    return tuple(
        column
        for column in table.columns
        if (word := word_of(column)) in paired or _COORDINATE.fullmatch(word) is not None
    )
