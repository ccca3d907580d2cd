"""OASIS-1: oasis_cross-sectional.csv with the clinical dementia rating (CDR) of each scan, beside NIfTI images.

The release is in Analyze format and is to be converted first; an image's name begins with its scan, such as
``OAS1_0001_MR1``. Of several images of a scan the masked one in atlas space (``t88_masked_gfc``) is taken. A second
scan of a person (``MR2``) is of the same group; people without a rating (the young) stay without a label.
"""

from pathlib import Path

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.class_labels import labelled
from napari_medkd.files.importers.image_index import ImageIndex
from napari_medkd.files.importers.source import ColumnWishes, Source
from napari_medkd.files.importers.table import EMPTY, Table, read_table
from napari_medkd.files.importers.tally import Tally

_TABLE = "oasis_cross-sectional.csv"
_PREFERRED = "t88_masked_gfc"
_SEGMENTED = "fseg"
DEMENTIA = Task("dementia", "classification", ("nondemented", "demented"))
RATING = Task("cdr", "classification", ("CDR 0", "CDR 0.5", "CDR 1", "CDR 2"))


def recognise(source: Path, wishes: ColumnWishes) -> Source | None:
    """Return the scans that are here with their rating, or None where there is no such table.

    Raises
    ------
    DatasetProblem
        With every rating that is none, every scan with several images, and where no scan has one.
    """
    path = source / _TABLE
    if not path.is_file():
        return None
    table, index = read_table(path), ImageIndex(source)
    remarks, faults = Tally(str(path)), Tally(str(path))
    image_of = {scan: image for scan in _ratings(table, faults) if (image := _image(scan, index, faults, remarks))}
    ratings = {scan: rating for scan, rating in _ratings(table, Tally("")).items() if rating is not None}
    if faults:
        raise DatasetProblem.of(faults)
    if not image_of:
        hint = "Convert the Analyze images (.hdr with .img) to NIfTI, named like OAS1_0001_MR1.nii.gz."
        raise DatasetProblem(str(source), "No scan of the table has a NIfTI image.", hint)
    cases = tuple(Case(scan, (image,), scan.rsplit("_", 1)[0]) for scan, image in image_of.items())
    dataset = Dataset("oasis-1", ("T1",), Modality.MR, {}, cases, folder=source)
    demented = {
        scan: ClassLabel(frozenset({DEMENTIA.classes[rating > 0]}), DEMENTIA) for scan, rating in ratings.items()
    }
    rated = {scan: ClassLabel(frozenset({f"CDR {rating:g}"}), RATING) for scan, rating in ratings.items()}
    return Source("OASIS-1", labelled(dataset, [(DEMENTIA, demented), (RATING, rated)]), remarks=tuple(remarks))


def _ratings(table: Table, faults: Tally) -> dict[str, float | None]:
    """Return the rating of each scan, None where it has none."""
    ratings: dict[str, float | None] = {}
    for row in table.rows:
        text = row[table.asked("CDR")]
        scan = row[table.asked("ID")]
        if text.lower() in EMPTY:
            ratings[scan] = None
        elif text in ("0", "0.0", "0.5", "1", "1.0", "2", "2.0"):
            ratings[scan] = float(text)
        else:
            faults.add(f"{scan}: {text}", "A rating is none of 0, 0.5, 1 and 2", "Correct the column CDR.")
    return ratings


def _image(scan: str, index: ImageIndex, faults: Tally, remarks: Tally) -> Path | None:
    found = [path for path in index.starting_with(scan) if _SEGMENTED not in path.name]
    preferred = [path for path in found if _PREFERRED in path.name]
    for narrower in (preferred, found):
        if len(narrower) == 1:
            return narrower[0]
    if found:
        faults.add(scan, "A scan has several images", f"Keep the one that ends in {_PREFERRED}, or one alone.")
    else:
        remarks.add(scan, "A scan has no NIfTI image here, and is left out", "Convert it, if you have it.")
    return None
