"""A table of boxes on pictures: a row for each box, with its image, its corners or a point and its size, and its class.

Coordinates are pixel edges counted from 0, as in COCO: a box that covers the first pixel alone is 0, 0 with size 1, 1.
Fractions of the image's size, all from 0 to 1, are refused: taken for pixels they would all be in its first corner.
A row without coordinates says that its image shows no box. Columns of classes that are one for all rows of an image are
the image's classes, too.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers.chosen_tables import first_that_gives
from napari_medkd.files.importers.class_labels import Labels, class_columns, dataset_of, labelled, task_of_column
from napari_medkd.files.importers.listed_images import Listing
from napari_medkd.files.importers.picture_boxes import Rectangle, boxes_on_pictures
from napari_medkd.files.importers.source import ColumnWishes, Source, folder_of
from napari_medkd.files.importers.table import EMPTY, Table
from napari_medkd.files.importers.tally import Tally

if TYPE_CHECKING:
    from napari_medkd.core.task import Task

TASK = "boxes"
_NO_CLASS = "object"

#: What four coordinates say: two corners; the upper left corner, or the middle, and the size.
_Meaning = Literal["corners", "corner and size", "middle and size"]
_FORMS: tuple[tuple[tuple[str, ...], _Meaning], ...] = (
    (("bboxx", "bboxy", "bboxw", "bboxh"), "corner and size"),
    (("bboxx", "bboxy", "bboxwidth", "bboxheight"), "corner and size"),
    (("bboxx", "y", "w", "h"), "corner and size"),  # "Bbox [x,y,w,h]", which is four columns
    (("xmin", "ymin", "xmax", "ymax"), "corners"),
    (("x0", "y0", "x1", "y1"), "corners"),
    (("x1", "y1", "x2", "y2"), "corners"),
    (("left", "top", "width", "height"), "corner and size"),
    (("xcenter", "ycenter", "width", "height"), "middle and size"),
    (("xcentre", "ycentre", "width", "height"), "middle and size"),
    (("cx", "cy", "width", "height"), "middle and size"),
    (("cx", "cy", "w", "h"), "middle and size"),
    (("x", "y", "width", "height"), "corner and size"),
    (("x", "y", "w", "h"), "corner and size"),
)


def recognise(source: Path, wishes: ColumnWishes) -> Source | None:
    """Return what the table of boxes, or the first in a folder, says; None where there is none."""
    folder = folder_of(source)

    def reading(listing: Listing, remarks: Tally) -> Source | None:
        return source_of(listing, folder, wishes, remarks)

    return first_that_gives("boxes", source, wishes, reading, lambda table: box_columns(table) is not None).source


def box_columns(table: Table) -> tuple[tuple[str, ...], _Meaning] | None:
    """Return the four columns of coordinates and what they say, or None where there are none."""
    for words, meaning in _FORMS:
        columns = tuple(table.named([word]) for word in words)
        if all(columns):
            return columns, meaning
    return None


def source_of(listing: Listing, folder: Path, wishes: ColumnWishes, remarks: Tally) -> Source | None:
    """Return the boxes of a table with the classes of its images, or None where no row has a box."""
    named = class_columns(listing, wishes.classes)
    class_column = named[0] if named else ""
    rectangles = rectangles_of(listing, lambda row: row[class_column] if class_column else _NO_CLASS)
    if not any(rectangles.values()):
        return None
    of_images: list[tuple[Task, Labels]] = []
    for column in (column for column in named if _is_of_images(listing, column)):
        made = task_of_column(listing, column, remarks, {TASK, *(task.name for task, _ in of_images)})
        of_images += [made] if made else []
    dataset = labelled(dataset_of(listing, folder), of_images)
    return boxes_on_pictures(f"boxes in {listing.table.path.name}", dataset, TASK, rectangles, remarks)


def _is_of_images(listing: Listing, column: str) -> bool:
    return all(len({row[column] for row in rows}) == 1 for rows in listing.rows.values())


def rectangles_of(listing: Listing, class_of: Callable[[dict[str, str]], str]) -> dict[str, list[Rectangle]]:
    """Return the boxes of each case.

    Raises
    ------
    DatasetProblem
        With every row whose coordinates are no four numbers or whose class is blank, or where all of them are fractions
        of the image's size.
    """
    found = box_columns(listing.table)
    if found is None:
        raise DatasetProblem(str(listing.table.path), "There are no columns of boxes.", "Name them x, y, w, h.")
    columns, meaning = found
    said: list[tuple[str, tuple[float, ...]]] = []
    faults = Tally(str(listing.table.path))
    rectangles: dict[str, list[Rectangle]] = {}
    for case, rows in listing.rows.items():
        rectangles[case] = []
        for row in rows:
            cells = [row[column] for column in columns]
            if all(cell.lower() in EMPTY for cell in cells):
                continue
            try:
                four = tuple(float(cell) for cell in cells)
            except ValueError:
                faults.add(f"{case}: {', '.join(cells)}", "A box is no four numbers", "Correct its row.")
                continue
            if not (name := class_of(row)):
                faults.add(f"{case}: {', '.join(cells)}", "A box has no class", "Write it into its row.")
            said.append((case, four))
            rectangles[case].append(_rectangle(name, four, meaning))
    _tell_fractions(said, faults)
    if faults:
        raise DatasetProblem.of(faults)
    return rectangles


def _rectangle(class_name: str, four: tuple[float, ...], meaning: _Meaning) -> Rectangle:
    x, y, *further = four
    if meaning == "corners":
        right, bottom = further
        return Rectangle(class_name, x, y, right - x, bottom - y)
    width, height = further
    if meaning == "middle and size":
        return Rectangle(class_name, x - width / 2, y - height / 2, width, height)
    return Rectangle(class_name, x, y, width, height)


def _tell_fractions(said: list[tuple[str, tuple[float, ...]]], faults: Tally) -> None:
    """Add every box as a fault where all coordinates are from 0 to 1 and some are between."""
    numbers = [number for _, four in said for number in four]
    if all(0 <= number <= 1 for number in numbers) and any(0 < number < 1 for number in numbers):
        found = "All coordinates are between 0 and 1, like fractions of the image's size; expected pixels"
        for case, four in said:
            place = f"{case}: {', '.join(f'{number:g}' for number in four)}"
            faults.add(place, found, "Multiply those along x by the image's width and those along y by its height.")
