"""Plain folders of images and masks of the same name; the classes are the values found in the masks.

Either ``images/`` (or ``image/``) beside ``labels/``, ``masks/``, ``label/`` or ``mask/``, or images above one of
these, or both kinds of file in one folder. A mask may end in ``_mask``, ``_mask_1``, ``_label`` or ``_seg``; in one
folder it must. A folder of DICOM is an image.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from napari_medkd.core.command_line import command_line
from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, Problem, VolumeProblem
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.dataset_json import TASK
from napari_medkd.files.importers.folder_images import image_files
from napari_medkd.files.importers.loose_slices import refuse_loose_slices
from napari_medkd.files.importers.mask_names import MasksOf, image_of, parted
from napari_medkd.files.importers.mask_values import task_of_masks
from napari_medkd.files.opening import VOLUME_SUFFIXES, read_volume, stem_of, suffix_of

_IMAGE_FOLDERS = ("images", "image")
_MASK_FOLDERS = ("labels", "masks", "label", "mask")

#: Pictures may be grey or coloured; so many are looked at before their channels are believed.
_PICTURES = 8
_SHOWN = 3


class SeveralMasks(DatasetProblem):
    """An image has several masks, which are one only when they are imported."""


def recognise(folder: Path) -> Dataset | None:
    """Return the dataset of the folder, or None where no image has a mask.

    Raises
    ------
    DatasetProblem
        With every mask of no image, as `images_and_masks`.
    SeveralMasks
        With every image that has more than one mask.
    """
    images, masks_of = images_and_masks(folder)
    if not masks_of:
        return None
    several = {name: paths for name, paths in masks_of.items() if len(paths) > 1}
    if several:
        command = command_line(["medkd", "import", str(folder), "OUT"])
        hint = f"Put them together into one, or import the folder, which unites them: {command}"
        raise SeveralMasks.of(
            Problem(str(images[name]), f"The image has several masks: {', '.join(path.name for path in paths)}.", hint)
            for name, paths in several.items()
        )
    masks = {name: paths[0] for name, paths in masks_of.items()}
    task, label_map = task_of_masks([masks[name] for name in sorted(masks)])
    dataset = dataset_of(folder, images)
    return replace(
        dataset,
        tasks={TASK: task},
        cases=tuple(
            replace(case, annotations={TASK: masks[case.id]}) if case.id in masks else case for case in dataset.cases
        ),
        label_maps={TASK: label_map} if label_map.values else {},
    )


def dataset_of(folder: Path, images: Mapping[str, Path]) -> Dataset:
    """Return the images by their cases' names, as a dataset without tasks."""
    channels, modality = channels_and_modality(list(images.values()))
    return Dataset(
        name=folder.resolve().name,
        channels=channels,
        modality=modality,
        tasks={},
        cases=tuple(Case(name, (path,), name) for name, path in images.items()),
        folder=folder,
    )


def images_and_masks(folder: Path) -> tuple[dict[str, Path], MasksOf]:
    """Return images and their masks by the name they share, or no mask where none is of an image.

    Raises
    ------
    DatasetProblem
        With every mask of no image, where others are of one; or where a folder of masks has none of an image.
    """
    images, masks = _found(folder)
    if not set(images) & set(masks):
        return images, {}
    lonely = sorted(set(masks) - set(images))
    if lonely:
        raise DatasetProblem.of(
            Problem(str(path), f"There is no image called {name!r}.", "Add its image, or take the mask away.")
            for name in lonely
            for path in masks[name]
        )
    return images, masks


def _found(folder: Path) -> tuple[dict[str, Path], MasksOf]:
    """Return image and mask files by the name they share."""
    shelf = _shelf(folder)
    masks_beside = next((folder / name for name in _MASK_FOLDERS if image_files(folder / name)), None)
    files = [path for path in image_files(shelf) if path != masks_beside]
    without_masks, masks = parted(files)
    if masks_beside is None or (shelf == folder and masks.keys() & {stem_of(path) for path in without_masks}):
        return by_name(without_masks), masks
    images = by_name(files)
    found: dict[str, list[Path]] = {}
    for path in image_files(masks_beside):
        found.setdefault(stem_of(path) if stem_of(path) in images else image_of(path), []).append(path)
    if images and not images.keys() & found.keys():
        raise _unlike(folder, files, masks_beside)
    return images, {name: tuple(paths) for name, paths in found.items()}


def _unlike(folder: Path, images: list[Path], masks: Path) -> DatasetProblem:
    """Return the problem of a folder of masks that are all called otherwise than the images."""
    some_masks, some_images = (
        ", ".join(path.name for path in files[:_SHOWN]) for files in (image_files(masks), images)
    )
    patterns = ["--images", "images/img_{case}.png", "--masks", "masks/mask_{case}.png"]
    command = command_line(["medkd", "import", str(folder), "OUT", *patterns])
    return DatasetProblem(
        str(masks),
        f"None of the masks ({some_masks}) is called like an image ({some_images}).",
        f"Call a mask like its image, or say how both are called, as {command}; --images alone leaves the masks out.",
    )


def _shelf(folder: Path) -> Path:
    return next((folder / name for name in _IMAGE_FOLDERS if image_files(folder / name)), folder)


def image_shelf(folder: Path) -> list[Path]:
    """Return the files of ``images/``, or else those of the folder itself."""
    return image_files(_shelf(folder))


def by_name(files: list[Path]) -> dict[str, Path]:
    """Return image files by the name of their cases; two of one name, and loose slices of DICOM, are refused."""
    refuse_loose_slices(files)
    images = {stem_of(path): path for path in files}
    if len(images) < len(files):
        raise DatasetProblem.of(
            Problem(str(path), f"{images[stem_of(path)].name} has the same name.", "Keep one of the two.")
            for path in files
            if images[stem_of(path)] != path
        )
    return images


def channels_and_modality(images: list[Path]) -> tuple[tuple[str, ...], Modality]:
    """Return the channels of some images that can be read, the most that one of them has, and what DICOM made them."""
    channels: tuple[str, ...] = ()
    modality = Modality.OTHER
    for path in images[:: max(1, len(images) // _PICTURES)][:_PICTURES]:
        try:
            found = read_volume(path)
        except VolumeProblem:
            continue  # the check names it
        channels, modality = max(channels, found.channels, key=len), found.modality
        if suffix_of(path) in VOLUME_SUFFIXES or path.is_dir():
            break  # only pictures are grey or coloured as it comes
    return channels or ("image",), modality
