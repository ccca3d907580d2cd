"""RSNA Pneumonia Detection: stage_2_train_labels.csv with boxes of lung opacities, and the class of each image.

The images are called like their patient. A row with ``Target`` 0 has no box: its image was looked at and shows none.
"""

from dataclasses import replace
from pathlib import Path

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.box_table import rectangles_of
from napari_medkd.files.importers.class_labels import Labels, dataset_of, labelled
from napari_medkd.files.importers.image_index import ImageIndex
from napari_medkd.files.importers.listed_images import CONFLICT, listing_of
from napari_medkd.files.importers.picture_boxes import boxes_on_pictures
from napari_medkd.files.importers.source import ColumnWishes, Source, folder_of
from napari_medkd.files.importers.table import read_table
from napari_medkd.files.importers.tally import Tally

_BOXES, _CLASSES = "stage_2_train_labels.csv", "stage_2_detailed_class_info.csv"
_COLUMNS = ColumnWishes(image="patientId")
FINDING = Task("finding", "classification", ("Normal", "No Lung Opacity / Not Normal", "Lung Opacity"))


def recognise(source: Path, wishes: ColumnWishes) -> Source | None:
    """Return the images that are here with their boxes and classes, or None where there is no such table.

    Raises
    ------
    DatasetProblem
        Where no image is here, or as `boxes_on_pictures`.
    """
    folder = folder_of(source)
    path = source if source.is_file() else source / _BOXES
    if path.name != _BOXES or not path.is_file():
        return None
    remarks = Tally(str(path))
    listing = listing_of(read_table(path), ImageIndex(folder), _COLUMNS, remarks)
    if listing is None or not listing.cases:
        hint = "Put the images beside the table, called like their patients."
        raise DatasetProblem(str(folder), "None of the patients has an image below this folder.", hint)
    dataset = replace(dataset_of(listing, folder), name="rsna-pneumonia", modality=Modality.XR)
    if (folder / _CLASSES).is_file():
        dataset = labelled(dataset, [(FINDING, _findings(folder / _CLASSES, set(listing.rows)))])
    rectangles = rectangles_of(listing, lambda row: "lung opacity")
    return boxes_on_pictures("RSNA Pneumonia", dataset, "opacities", rectangles, remarks)


def _findings(path: Path, cases: set[str]) -> Labels:
    """Return the class of each image; the table repeats a row for each box."""
    table, faults = read_table(path), Tally(str(path))
    named: dict[str, set[str]] = {}
    for row in table.rows:
        case, name = row[table.asked("patientId")], row[table.asked("class")]
        if name not in FINDING.classes:
            faults.add(f"{case}: {name}", "A class is not known", f"Write one of {', '.join(FINDING.classes)}.")
        elif case in cases:
            named.setdefault(case, set()).add(name)
    for case, names in named.items():
        if len(names) > 1:
            faults.add(f"{case}: {' and '.join(map(repr, sorted(names)))}", CONFLICT, "Keep the rows of one class.")
    if faults:
        raise DatasetProblem.of(faults)
    return {case: ClassLabel(frozenset(names), FINDING) for case, names in named.items()}
