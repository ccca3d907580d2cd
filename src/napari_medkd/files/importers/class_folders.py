"""A folder of pictures for each class, as on Kaggle: ``CLASS/*.png``, or ``train/CLASS/*.png`` beside ``test/``.

Masks may lie among the pictures, as in BUSI (``benign (1)_mask.png``); they are a task of their own.
Nothing says which pictures are of one patient; such sets have put slices of one person on two sides.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.files.importers.beside import SIDES
from napari_medkd.files.importers.folder_images import image_files
from napari_medkd.files.importers.image_index import case_ids
from napari_medkd.files.importers.mask_names import parted
from napari_medkd.files.importers.pairs import channels_and_modality
from napari_medkd.files.importers.source import Source
from napari_medkd.files.importers.tally import Tally
from napari_medkd.files.importers.united_masks import with_masks
from napari_medkd.files.opening import VOLUME_SUFFIXES, stem_of, suffix_of
from napari_medkd.files.splitting import split_of_sides

_TASK = "class"
#: Words of which the names of folders are made that hold images, or masks, of all classes.
_OF_IMAGES_OR_MASKS = {
    *("image", "images", "img", "imgs", "original", "originals"),
    *("mask", "masks", "label", "labels", "gt", "ground", "truth", "groundtruth"),
}
_PATTERNS = (
    "Say how the files are named, as --images 'Original/{case}.png' --masks 'Ground Truth/{case}.png'; or call the two "
    "folders images and masks, and name a mask like its image."
)


@dataclass(frozen=True, slots=True)
class _Picture:
    """A picture, where it lies, and its masks."""

    path: Path
    class_name: str
    side: str
    masks: tuple[Path, ...]


def recognise(source: Path) -> Source | None:
    """Return the pictures with the class that their folder is called like; None where the folders are not so.

    Raises
    ------
    DatasetProblem
        Where folders are called like those of images and masks.
    """
    remarks = Tally(str(source))
    pictures, has_sides = _pictures(source, remarks)
    classes = sorted({picture.class_name for picture in pictures})
    if len(classes) < 2:
        return None
    _refuse_images_and_masks(source, classes)
    task = Task(_TASK, "classification", tuple(classes))
    ids = case_ids([picture.path for picture in pictures], source)
    channels, modality = channels_and_modality(list(ids))
    dataset = Dataset(
        name=source.resolve().name,
        channels=channels,
        modality=modality,
        tasks={_TASK: task},
        cases=tuple(_case(picture, ids[picture.path], task) for picture in pictures),
        folder=source,
    )
    if has_sides:
        sides = {ids[picture.path]: picture.side for picture in pictures}
        dataset = replace(dataset, split=split_of_sides(dataset.cases, sides))
    found = Source("a folder for each class", dataset, remarks=tuple(remarks))
    return with_masks(found, {ids[picture.path]: picture.masks for picture in pictures if picture.masks})


def _case(picture: _Picture, name: str, task: Task) -> Case:
    label = ClassLabel(frozenset({picture.class_name}), task)
    return Case(name, (picture.path,), name, annotations={_TASK: label})


def _pictures(source: Path, remarks: Tally) -> tuple[list[_Picture], bool]:
    """Return the pictures in the folders of classes, and whether those lie in folders of sides."""
    folders = {side: path for side, words in SIDES.items() for path in _folders(source) if path.name.lower() in words}
    found: list[_Picture] = []
    for side, folder in (folders or {"": source}).items():
        by_class = _by_class(folder, source, remarks)
        found += [
            _Picture(path, name, side, masks)
            for name, files in by_class.items()
            for path, masks in _with_masks_apart(files, remarks)
        ]
        if side and not by_class:
            problem = "A side has no folder of pictures for each class, and is left out"
            remarks.add(folder.name, problem, "Lay it out like the others, or list it in a table.")
    return found, bool(folders)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _by_class(folder: Path, source: Path, remarks: Tally) -> dict[str, list[Path]]:
    """Return the pictures by the folder they lie in; none where a folder holds others than pictures, or volumes."""
    empty = [path for path in _folders(folder) if _is_empty(path)]
    found = {path.name: image_files(path) for path in _folders(folder) if path not in empty}
    are_pictures = all(
        paths and not any(suffix_of(path) in VOLUME_SUFFIXES for path in paths) for paths in found.values()
    )
    if not are_pictures:
        return {}
    for path in empty:
        place = path.relative_to(source).as_posix()
        remarks.add(place, "A folder is empty, and is left out", "Put its pictures there, if you have any.")
    return found


def _is_empty(folder: Path) -> bool:
    return all(path.name.startswith(".") for path in folder.iterdir())


def _with_masks_apart(files: list[Path], remarks: Tally) -> list[tuple[Path, tuple[Path, ...]]]:
    """Return each picture with its masks; what is only called like a mask is a picture where none is of a picture."""
    images, masks = parted(files)
    found = [(path, masks.pop(stem_of(path), ())) for path in images]
    if not any(of_picture for _, of_picture in found):
        return [(path, ()) for path in files]
    for lonely in masks.values():
        for path in lonely:
            remarks.add(path.name, "A mask is left out, for it has no image", "Add its image, if you have it.")
    return found


def _refuse_images_and_masks(source: Path, classes: list[str]) -> None:
    named = [name for name in classes if set(re.findall("[a-z0-9]+", name.lower())) <= _OF_IMAGES_OR_MASKS]
    if named:
        found = f"Folders are called like those of images and masks, not of classes: {', '.join(named)}."
        raise DatasetProblem(str(source), found, _PATTERNS)
