"""Folders as others lay them out, read as a Dataset in memory; nothing is written into them.

Beside any layout may lie ``splits.json`` and ``cases.csv`` (see `napari_medkd.files.importers.beside`).
"""

from pathlib import Path
from types import ModuleType

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.importers import bids, msd, nnunet, pairs, plain, study_folders
from napari_medkd.files.importers.beside import with_cases_and_split
from napari_medkd.files.importers.loose_slices import refuse_slices_without_suffix

_LOOKED_FOR = (
    "No dataset was found. Looked for medkd-dataset.json; for dataset.json with imagesTr/ and labelsTr/ (Medical "
    "Segmentation Decathlon, nnU-Net); for images/ beside labels/ or masks/, or images above these, with the same file "
    "names; for image files beside NAME_mask or NAME_label files; for the folders of BraTS, ISLES 2022, BrainMetShare, "
    "LiTS, KiTS; for BIDS (sub-*/anat and derivatives/); and for images alone, to be annotated. A folder of DICOM is "
    "an image."
)
_HINT = (
    "Choose such a folder, or write a medkd-dataset.json. COCO, tables of classes or boxes, MedMNIST files, folders of "
    "classes and files named by a pattern are imported first: medkd import FOLDER OUT."
)


class UnknownLayout(DatasetProblem):
    """The folder is laid out in no way that is opened in place."""


def recognise(folder: Path) -> Dataset:
    """Return the dataset that a folder of a known layout holds.

    Raises
    ------
    UnknownLayout
        Naming what was looked for.
    DatasetProblem
        With all that is wrong with the layout that was found.
    """
    return with_cases_and_split(layout_and_dataset(folder)[1])


def layout_and_dataset(folder: Path) -> tuple[ModuleType, Dataset]:
    """Return the module of a folder's layout, and the dataset without what lies beside it; raises as `recognise`."""
    if not folder.is_dir():
        raise DatasetProblem(str(folder), "The folder does not exist.", "Check the path.")
    for layout in (nnunet, msd, pairs, study_folders, bids, plain):
        dataset = layout.recognise(folder)
        if dataset is not None:
            return layout, dataset
    refuse_slices_without_suffix(folder)
    raise UnknownLayout(str(folder), _LOOKED_FOR, _HINT)
