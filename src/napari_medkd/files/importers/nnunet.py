"""nnU-Net raw data: imagesTr/CASE_0000.nii.gz, one file per channel, labelsTr/CASE.nii.gz and a dataset.json.

Where dataset.json has a ``dataset``, it lists the files of each case, which may then be called anything.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.files.importers.dataset_json import DOCUMENT, TASK, channels_of, dataset_of, read_document
from napari_medkd.files.importers.folder_images import image_files
from napari_medkd.files.importers.nnunet_listed import listed_cases
from napari_medkd.files.opening import IMAGE_SUFFIXES, stem_of, suffix_of

_CHANNEL = re.compile(r"^(?P<case>.+)_(?P<channel>\d{4})$")
#: Formats whose files may hold all colours of a picture, as nnU-Net keeps natural images.
_COLOURED = (".png", ".jpg", ".jpeg", ".tif", ".tiff")


def recognise(folder: Path) -> Dataset | None:
    """Return the dataset of the folder, or None where it is laid out otherwise; images of imagesTs are unlabelled.

    Raises
    ------
    DatasetProblem
        With every case that lacks a channel, every label without an image, and what dataset.json says that cannot be
        used: an ending that cannot be opened, classes made of regions, channels without a name.
    """
    document = read_document(folder)
    if document is None:
        return None
    ending = str(document.get("file_ending", "")).lower()
    images = _images_by_case(folder / "imagesTr", ending)
    if "channel_names" not in document and (not images or _lists_its_files(document, folder)):
        return None
    _refuse_ending(ending, folder)
    channels = channels_of(document, folder)
    problems: list[Problem] = []
    if isinstance(document.get("dataset"), dict):
        cases = listed_cases(document["dataset"], folder, len(channels), problems)
    else:
        cases = _cases_in_folders(images, folder, ending, len(channels), problems)
    cases += _cases(_images_by_case(folder / "imagesTs", ending), {}, len(channels), problems)
    if problems:
        raise DatasetProblem.of(problems)
    return dataset_of(document, folder, cases)


def _lists_its_files(document: Mapping[str, Any], folder: Path) -> bool:
    """Return whether images are listed by the names they have, as the Decathlon does; nnU-Net leaves out channels."""
    training = document.get("training")
    entries = training if isinstance(training, list) else []
    images = [entry.get("image") for entry in entries if isinstance(entry, dict)]
    return any((folder / image).is_file() for image in images if isinstance(image, str))


def _refuse_ending(ending: str, folder: Path) -> None:
    if ending and ending not in IMAGE_SUFFIXES:
        raise DatasetProblem(
            f"{folder / DOCUMENT}: file_ending",
            f"Files that end in {ending} cannot be opened.",
            f"Convert them to one of {', '.join(IMAGE_SUFFIXES)}.",
        )


def _files(folder: Path, ending: str) -> list[Path]:
    """Return the images of a folder that end as dataset.json says; all of them where it says nothing."""
    return [path for path in image_files(folder) if path.name.lower().endswith(ending)]


def _images_by_case(folder: Path, ending: str) -> dict[str, dict[int, Path]]:
    """Return each case's files by channel number."""
    images: dict[str, dict[int, Path]] = {}
    for path in _files(folder, ending):
        found = _CHANNEL.match(stem_of(path))
        if found:
            images.setdefault(found["case"], {})[int(found["channel"])] = path
    return images


def _cases_in_folders(
    images: dict[str, dict[int, Path]], folder: Path, ending: str, num_channels: int, problems: list[Problem]
) -> list[Case]:
    """Return the cases of imagesTr with their labels of labelsTr."""
    others = {suffix_of(path) for path in image_files(folder / "imagesTr")}
    if not images and others:
        found = f"No image of imagesTr is called CASE_0000{ending}; there are some that end in {', '.join(others)}."
        problems.append(Problem(str(folder / DOCUMENT), found, "Correct file_ending, or the names of the files."))
    labels = {stem_of(path): path for path in _files(folder / "labelsTr", ending)}
    cases = _cases(images, labels, num_channels, problems)
    problems += [
        Problem(str(path), "There is no image of this name in imagesTr.", "Add its image, or take the label away.")
        for name, path in labels.items()
        if name not in images
    ]
    return cases


def _cases(
    images: dict[str, dict[int, Path]], labels: dict[str, Path], num_channels: int, problems: list[Problem]
) -> list[Case]:
    cases = []
    for name, by_channel in images.items():
        if not _is_complete(by_channel, num_channels):
            found = ", ".join(f"{channel:04d}" for channel in sorted(by_channel))
            hint = "Add the missing files, or correct channel_names in dataset.json."
            problems.append(
                Problem(
                    str(next(iter(by_channel.values())).parent / name),
                    f"The case has the channels {found}; expected 0000 to {num_channels - 1:04d}.",
                    hint,
                )
            )
        known = {TASK: labels[name]} if name in labels else {}
        cases.append(Case(name, tuple(by_channel[n] for n in sorted(by_channel)), name, annotations=known))
    return cases


def _is_complete(by_channel: dict[int, Path], num_channels: int) -> bool:
    """Return whether there is a file for each channel, or one picture, which the check asks for its colours."""
    if list(by_channel) == [0] and suffix_of(by_channel[0]) in _COLOURED:
        return num_channels in (1, 3)
    return sorted(by_channel) == list(range(num_channels))
