"""NIH ChestX-ray14: Data_Entry_2017.csv with findings parted by ``|``, beside the images in any folders below.

``test_list.txt`` is the official test side; 15 % of the other patients validate. BBox_List_2017.csv, where it is there,
has the boxes of some images; of the others nothing is known.
"""

from dataclasses import replace
from pathlib import Path

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Dataset, Split
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.box_table import rectangles_of
from napari_medkd.files.importers.class_labels import Labels, dataset_of, labelled
from napari_medkd.files.importers.documents import text_of
from napari_medkd.files.importers.image_index import ImageIndex
from napari_medkd.files.importers.listed_images import Listing, listing_of
from napari_medkd.files.importers.picture_boxes import Rectangle, boxes_on_pictures
from napari_medkd.files.importers.source import ColumnWishes, Source
from napari_medkd.files.importers.table import read_table
from napari_medkd.files.importers.tally import Tally
from napari_medkd.files.importers.unread_boxes import remark_none_here
from napari_medkd.files.opening import stem_of
from napari_medkd.files.splitting import split_of_sides

FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Effusion",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pneumonia",
    "Pneumothorax",
    "Consolidation",
    "Edema",
    "Emphysema",
    "Fibrosis",
    "Pleural_Thickening",
    "Hernia",
)
_TABLES = ("Data_Entry_2017.csv", "Data_Entry_2017_v2020.csv")
_COLUMNS = ColumnWishes(image="Image Index", group="Patient ID", classes=("Finding Labels",))
_BOXES = "BBox_List_2017.csv"
_BOX_CLASS = "Finding Label"
#: The list of boxes has another word for a finding.
_FINDING_OF = {"Infiltrate": "Infiltration"}
_TEST = "test_list.txt"
_NONE = "No Finding"


def recognise(source: Path, wishes: ColumnWishes) -> Source | None:
    """Return the images that are here with their findings, or None where there is no such table."""
    path = next((source / name for name in _TABLES if (source / name).is_file()), None)
    if path is None:
        return None
    index, remarks = ImageIndex(source), Tally(str(path))
    listing = listing_of(read_table(path), index, _COLUMNS, remarks)
    if listing is None or not listing.cases:
        return None
    task = Task("findings", "classification", FINDINGS, multilabel=True)
    labels = _labels(listing, task)
    found = labelled(dataset_of(listing, source), [(task, labels)])
    found = replace(found, name="chest-xray14", modality=Modality.XR, split=_split(source, listing))
    return _with_boxes(Source("NIH ChestX-ray14", found, remarks=tuple(remarks)), index)


def _with_boxes(source: Source, index: ImageIndex) -> Source:
    """Return the source with the boxes of its images that are listed, if the list is there."""
    path = source.dataset.folder / _BOXES
    if not path.is_file():
        return source
    table, remarks = read_table(path), Tally(str(path))
    listing = listing_of(table, index, ColumnWishes(image=_COLUMNS.image), remarks)
    rectangles = {} if listing is None else _rectangles(listing, source.dataset, remarks)
    if not any(rectangles.values()):
        remark_none_here(table, remarks)
        return replace(source, remarks=(*source.remarks, *remarks))
    found = boxes_on_pictures(source.layout, source.dataset, "boxes", rectangles, remarks)
    return replace(found, remarks=(*source.remarks, *found.remarks))


def _rectangles(listing: Listing, dataset: Dataset, remarks: Tally) -> dict[str, list[Rectangle]]:
    """Return the boxes of the dataset's cases, whose ids may differ from those of a shorter table."""
    column = listing.table.asked(_BOX_CLASS)
    said = rectangles_of(listing, lambda row: _FINDING_OF.get(row[column], row[column]))
    case_of = {case.images: case.id for case in dataset.cases}
    for case in listing.cases:
        if case.images not in case_of:
            remarks.add(case.id, "An image is not among those with findings, and is left out", "Add its row there.")
    return {case_of[case.images]: said[case.id] for case in listing.cases if case.images in case_of}


def _labels(listing: Listing, task: Task) -> Labels:
    faults = Tally(str(listing.table.path))
    labels: Labels = {}
    for case, rows in listing.rows.items():
        named = {name for row in rows for name in row[_COLUMNS.classes[0]].split("|")} - {_NONE}
        for stranger in sorted(named - set(task.classes)):
            faults.add(f"{case}: {stranger}", "A finding is not known", f"Write one of {', '.join(FINDINGS)}.")
        labels[case] = ClassLabel(frozenset(named & set(task.classes)), task)
    if faults:
        raise DatasetProblem.of(faults)
    return labels


def _split(folder: Path, listing: Listing) -> Split:
    if not (folder / _TEST).is_file():
        return Split()
    test = {stem_of(Path(line.strip())) for line in text_of(folder / _TEST).splitlines()}
    sides = {case.id: "test" if stem_of(case.images[0]) in test else "train" for case in listing.cases}
    return split_of_sides(listing.cases, sides)
