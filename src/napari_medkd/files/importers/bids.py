"""BIDS-like folders: images in ``sub-*/[ses-*/]anat``, masks beside them or in ``derivatives``; subjects are patients.

The images of one contrast are the cases: T1w where there is one, else the most frequent. Every kind of mask is a task.
What lies in another space than its image is not looked at.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.files.importers.bids_classes import class_names_for
from napari_medkd.files.importers.bids_names import MASK_WORDS, BidsName, name_of
from napari_medkd.files.importers.dataset_json import TASK, modality_of
from napari_medkd.files.importers.documents import json_of
from napari_medkd.files.importers.image_index import ImageIndex
from napari_medkd.files.importers.mask_values import task_of_masks
from napari_medkd.files.opening import stem_of

_IMAGE = re.compile(r"sub-[^/]+/(ses-[^/]+/)?anat/[^/]+")
_MASK = re.compile(r"(derivatives/([^/]+/)*)?sub-[^/]+/(ses-[^/]+/)?(anat/)?[^/]+")
_DESCRIPTION = "dataset_description.json"
_FIRST = "T1w"


@dataclass(frozen=True, slots=True)
class _Mask:
    """A mask, and the folder in ``derivatives`` that it comes from."""

    name: BidsName
    pipeline: str


def recognise(folder: Path) -> Dataset | None:
    """Return the dataset of the folder, or None where no subject has an image in ``anat``.

    Raises
    ------
    DatasetProblem
        With every mask that is of no image, or may be of several.
    """
    if not any(path.is_dir() for path in folder.glob("sub-*")):
        return None
    paths = {path.relative_to(folder).as_posix(): path for path in ImageIndex(folder)}
    names = {place: name for place, path in sorted(paths.items()) if (name := name_of(path))}
    images = _of_one_contrast([name for place, name in names.items() if _IMAGE.fullmatch(place)])
    if not images:
        return None
    masks = [
        _Mask(name, _pipeline(place))
        for place, name in names.items()
        if name.word in MASK_WORDS and name.lies_on(images[0].word) and _MASK.fullmatch(place)
    ]
    problems: list[Problem] = []
    masks_of = _by_image(images, masks, problems)
    if problems:
        raise DatasetProblem.of(problems)
    return _dataset(folder, images, masks_of)


def _of_one_contrast(names: list[BidsName]) -> list[BidsName]:
    contrasts = Counter(name.word for name in names if name.word not in MASK_WORDS and name.lies_on(name.word))
    if not contrasts:
        return []
    chosen = _FIRST if _FIRST in contrasts else max(sorted(contrasts), key=lambda word: contrasts[word])
    return [name for name in names if name.word == chosen and name.lies_on(chosen)]


def _pipeline(place: str) -> str:
    """Return the folder in ``derivatives`` that a file lies in; empty where there is none."""
    parts = place.split("/")
    return parts[1] if parts[0] == "derivatives" and not parts[1].startswith("sub-") else ""


def _by_image(images: list[BidsName], masks: list[_Mask], problems: list[Problem]) -> dict[Path, dict[str, BidsName]]:
    """Return the masks of each image by their tasks' names; a kind that two pipelines make is named after both."""
    makers: dict[str, set[str]] = {}
    for mask in masks:
        makers.setdefault(_kind(mask.name), set()).add(mask.pipeline)
    found: dict[Path, dict[str, BidsName]] = {}
    for mask in masks:
        kind = _kind(mask.name)
        task = f"{mask.pipeline} {kind}".strip() if len(makers[kind]) > 1 else kind
        image = _image_of(mask.name, images, problems)
        if image is None:
            continue
        known = found.setdefault(image.path, {})
        if task in known:
            hint = "Keep one of the two, or give them a desc- of their own."
            problems.append(Problem(str(mask.name.path), f"{known[task].path} is the same kind of mask.", hint))
        known[task] = mask.name
    return found


def _kind(mask: BidsName) -> str:
    """Return what a mask is of: what its name says, else ``segmentation`` or ``mask``."""
    return mask.meaning or (TASK if mask.word == "dseg" else mask.word)


def _image_of(mask: BidsName, images: list[BidsName], problems: list[Problem]) -> BidsName | None:
    """Return the image that the mask's name fits: all that tells images apart in it is in the image's name, too."""
    fitting = [image for image in images if image.subject == mask.subject and mask.identity <= image.identity]
    exact = [image for image in fitting if image.identity == mask.identity]
    for narrower in (exact, fitting):
        if len(narrower) == 1:
            return narrower[0]
    if fitting:
        listed = ", ".join(image.path.name for image in fitting[:3])
        hint = "Name in the mask what tells them apart: ses-, run-, acq-."
        problems.append(Problem(str(mask.path), f"The mask may be of several images: {listed}.", hint))
    else:
        found = f"There is no {images[0].word} image of the mask."
        problems.append(Problem(str(mask.path), found, "Add its image, or take the mask away."))
    return None


def _dataset(folder: Path, images: list[BidsName], masks_of: Mapping[Path, dict[str, BidsName]]) -> Dataset:
    by_task: dict[str, list[BidsName]] = {}
    for masks in masks_of.values():
        for task, mask in masks.items():
            by_task.setdefault(task, []).append(mask)
    known = {
        name: task_of_masks([one.path for one in masks], name, class_names_for(masks[0], folder))
        for name, masks in sorted(by_task.items())
    }
    contrast = images[0].word
    return Dataset(
        name=_title(folder),
        channels=(contrast,),
        modality=modality_of((contrast,)),
        tasks={name: task for name, (task, _) in known.items()},
        cases=tuple(
            Case(
                stem_of(image.path).removesuffix(f"_{contrast}"),
                (image.path,),
                image.subject,
                annotations={task: mask.path for task, mask in masks_of.get(image.path, {}).items()},
            )
            for image in images
        ),
        label_maps={name: label_map for name, (_, label_map) in known.items() if label_map.values},
        folder=folder,
    )


def _title(folder: Path) -> str:
    path = folder / _DESCRIPTION
    document = json_of(path) if path.is_file() else None
    named = document.get("Name") if isinstance(document, dict) else None
    return named if isinstance(named, str) and named.strip() else folder.resolve().name
