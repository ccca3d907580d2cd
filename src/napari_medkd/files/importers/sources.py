"""Which layout a source has, of all that can be imported: those whose files have to be made, and those opened in place.

Masks that lie in pairs with the images of a table are taken along, as a task of their own.
"""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.files.importers import (
    UnknownLayout,
    bids,
    box_table,
    chest_xray14,
    class_folders,
    class_labels,
    coco,
    layout_and_dataset,
    medmnist,
    oasis1,
    pairs,
    rsna_pneumonia,
    slice_folders,
    study_folders,
)
from napari_medkd.files.importers.beside import with_what_lies_beside
from napari_medkd.files.importers.pairs import SeveralMasks
from napari_medkd.files.importers.source import ColumnWishes, Source
from napari_medkd.files.importers.united_masks import united_pairs
from napari_medkd.files.importers.unknown_patients import telling_unknown_patients
from napari_medkd.files.importers.unread_boxes import remarks_of_unread_boxes

_LAYOUTS = (
    slice_folders,
    chest_xray14,
    oasis1,
    rsna_pneumonia,
    coco,
    medmnist,
    box_table,
    class_labels,
)
_OF_TABLES = (box_table, class_labels)
#: Their cases are patients, or the sides are given by those who know the patients.
_OF_KNOWN_PATIENTS = (slice_folders, oasis1, rsna_pneumonia, medmnist, study_folders, bids)
_UNITE = "Put them together into one; beside a table they are not united."
_NAME_THE_COLUMN = "name their column with --column group=..., or "
_LOOKED_FOR = (
    "It is no layout that can be imported. Looked for COCO JSON (images, annotations, categories), a table (.csv) with "
    "a column of images and one of classes or of boxes, and the .npz file of a MedMNIST set."
)


def source_at(path: Path, wishes: ColumnWishes) -> Source:
    """Return what a folder or a file holds.

    Raises
    ------
    DatasetProblem
        Naming what was looked for, or all that is wrong with what was found.
    """
    if not path.exists():
        raise DatasetProblem(str(path), "There is no such file or folder.", "Check the path.")
    for layout in _LAYOUTS:
        found = layout.recognise(path, wishes)
        if found is not None:
            found = _with_masks(found) if layout in _OF_TABLES else found
            found = _telling_unread_boxes(found, path) if layout is class_labels else found
            return _with_what_lies_beside(found, layout)
    of_tables = class_labels.remarks_of_others(path, wishes)
    if path.is_file():
        none = Problem(str(path), _LOOKED_FOR, "Choose such a file, or the folder that it lies in.")
        raise DatasetProblem.of((none, *of_tables))
    try:
        found = _telling_unread_boxes(_without_made_files(path), path)
    except UnknownLayout as error:
        raise UnknownLayout.of((*error.problems, *of_tables)) from error
    return replace(found, remarks=(*found.remarks, *of_tables))


def _with_what_lies_beside(source: Source, layout: ModuleType) -> Source:
    """Return the source with what lies beside it, and a remark where patients could be known and are not."""
    found = replace(source, dataset=with_what_lies_beside(source.dataset))
    if layout in _OF_KNOWN_PATIENTS:
        return found
    return telling_unknown_patients(found, _NAME_THE_COLUMN if layout in _OF_TABLES else "")


def _telling_unread_boxes(source: Source, path: Path) -> Source:
    return replace(source, remarks=(*source.remarks, *remarks_of_unread_boxes(path)))


def _without_made_files(folder: Path) -> Source:
    """Return a dataset of a layout that is opened in place, of one but for images with several masks, or of classes."""
    try:
        layout, dataset = layout_and_dataset(folder)
    except SeveralMasks:
        return _with_what_lies_beside(united_pairs(folder), pairs)
    except UnknownLayout:
        of_classes = class_folders.recognise(folder)
        if of_classes is None:
            raise
        return _with_what_lies_beside(of_classes, class_folders)
    return _with_what_lies_beside(Source("a folder that is opened in place, too", dataset), layout)


def _with_masks(source: Source) -> Source:
    """Return the source with the masks that lie in pairs with its images, if there are any."""
    try:
        paired = pairs.recognise(source.dataset.folder)
    except DatasetProblem as error:
        hint = _UNITE if isinstance(error, SeveralMasks) else ""
        remarks = tuple(
            Problem(fault.where, f"{fault.problem} The masks are left out.", hint or fault.hint)
            for fault in error.problems
        )
        return replace(source, remarks=(*source.remarks, *remarks))
    return source if paired is None else replace(source, dataset=_joined(source.dataset, paired))


def _joined(dataset: Dataset, paired: Dataset) -> Dataset:
    mask_of = {case.images: case.annotations for case in paired.cases}
    return replace(
        dataset,
        tasks={**paired.tasks, **dataset.tasks},
        label_maps=paired.label_maps,
        cases=tuple(
            replace(case, annotations={**mask_of.get(case.images, {}), **case.annotations}) for case in dataset.cases
        ),
    )
