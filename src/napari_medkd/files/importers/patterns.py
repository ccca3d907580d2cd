"""A folder whose images and masks are named by patterns that a person gives: ``images/{case}_img.nii.gz``."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.beside import with_what_lies_beside
from napari_medkd.files.importers.dataset_json import TASK, modality_of
from napari_medkd.files.importers.image_index import ImageIndex
from napari_medkd.files.importers.mask_values import task_of_masks
from napari_medkd.files.importers.pairs import channels_and_modality
from napari_medkd.files.importers.source import Source
from napari_medkd.files.importers.tally import Tally
from napari_medkd.files.importers.unknown_patients import telling_unknown_patients
from napari_medkd.files.opening import stem_of

_PLACES = re.compile(r"\*\*/|\*|\{[^{}]*\}")
_MEANT = {"**/": "(?:.*/)?", "*": "[^/]*"}
_NAMES = ("case", "patient")
_SHOWN = 3
_PATIENT_HINT = "Put {patient} into all of the patterns, or into none."


@dataclass(frozen=True, slots=True)
class Patterns:
    """How the files of a dataset are named, as paths in its folder.

    ``{case}`` and ``{patient}`` stand for what the names differ by, ``*`` for anything, ``**/`` for any folders. Where
    a pattern of images has no ``{case}``, its only ``*`` stands for it.

    Parameters
    ----------
    images
        Of the images; several are the channels, in this order.
    masks
        Of the masks; empty where there are none.

    Raises
    ------
    DatasetProblem
        Where a pattern leaves the folder, or does not say which file is of which case.
    """

    images: tuple[str, ...]
    masks: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "images", tuple(_with_case(pattern) for pattern in self.images))
        problems = [fault for pattern in self.images for fault in _faults(pattern, "--images")]
        problems += _faults(self.masks, "--masks") if self.masks else ()
        if len({"{patient}" in pattern for pattern in self.images}) > 1:
            problems.append(Problem("--images", "{patient} is in one pattern and not in another.", _PATIENT_HINT))
        if "{patient}" in self.masks and "{patient}" not in self.images[0]:
            problems.append(Problem("--masks", "{patient} is not in the pattern of the images.", _PATIENT_HINT))
        if problems:
            raise DatasetProblem.of(problems)


def _with_case(pattern: str) -> str:
    if "{case}" in pattern or pattern.replace("**/", "").count("*") != 1:
        return pattern
    return "{case}".join(re.split(r"(?<!\*)\*(?!\*)", pattern))


def _faults(pattern: str, which: str) -> Iterable[Problem]:
    path = PurePosixPath(pattern)
    if path.is_absolute() or ".." in path.parts or "\\" in pattern:
        yield Problem(which, f"{pattern!r} leaves the folder, or has backslashes.", "Name files by their place in it.")
    if pattern.count("{case}") != 1:
        found = f"{pattern!r} does not say once what a case is called."
        yield Problem(which, found, "Put {case} where the names differ, as in images/{case}_img.nii.gz.")
    strangers = set(re.findall(r"\{[^{}]*\}", pattern)) - {f"{{{name}}}" for name in _NAMES}
    if strangers:
        found = f"{pattern!r} has {', '.join(sorted(strangers))}."
        yield Problem(which, found, f"Known are {', '.join(f'{{{name}}}' for name in _NAMES)}, * and **/.")


def source_by_patterns(folder: Path, patterns: Patterns) -> Source:
    """Return the images of the folder that are named like that, each with its mask, if it has one.

    Raises
    ------
    DatasetProblem
        Where no file is named like that, several are of one case, or a case lacks a channel.
    """
    files = {path.relative_to(folder).as_posix(): path for path in ImageIndex(folder)}
    masks = _named(patterns.masks, files, folder, "--masks") if patterns.masks else {}
    of_masks = set(masks.values())
    others = {name: path for name, path in files.items() if path not in of_masks}
    images = _all_channels([_named(pattern, others, folder, "--images") for pattern in patterns.images], patterns)
    mask_of = _masks_by_image(images, masks, patterns)
    remarks = Tally(str(folder))
    for path in sorted(of_masks - set(mask_of.values())):
        remarks.add(
            path.relative_to(folder).as_posix(), "A mask is left out, for it has no image", "Check the patterns."
        )
    dataset = _dataset(folder, images, mask_of)
    if len(patterns.images) > 1:
        channels = _channel_names(patterns.images)
        dataset = replace(dataset, channels=channels, modality=_made_by(list(images.values())) or modality_of(channels))
    found = Source("files by pattern", with_what_lies_beside(dataset), remarks=tuple(remarks))
    return telling_unknown_patients(found, "put {patient} into the patterns, or ")


def _channel_names(patterns: Sequence[str]) -> tuple[str, ...]:
    """Return what the names of the channels' files differ by: ``t1`` of ``{case}/t1.nii.gz``; else their numbers."""
    names = [_PLACES.sub("", stem_of(Path(pattern))).strip("_-. ") for pattern in patterns]
    return tuple(names) if len(set(names)) == len(names) and all(names) else tuple(map(str, range(len(patterns))))


def _made_by(images: Sequence[tuple[Path, ...]]) -> Modality | None:
    """Return what DICOM made all channels, or None where it does not say, or several things."""
    found = {channels_and_modality(list(of_channel))[1] for of_channel in zip(*images, strict=True)}
    return found.pop() if len(found) == 1 and Modality.OTHER not in found else None


_Key = tuple[str, str]


def _all_channels(by_channel: Sequence[Mapping[_Key, Path]], patterns: Patterns) -> dict[_Key, tuple[Path, ...]]:
    """Return the files of each case in order of the channels."""
    missing = Tally("--images")
    keys = sorted({key for files in by_channel for key in files})
    for files, pattern in zip(by_channel, patterns.images, strict=True):
        for key in keys:
            if key not in files:
                missing.add("_".join(filter(None, key)), f"A case has no {pattern}", "Add it, or take its others away.")
    if missing:
        raise DatasetProblem.of(missing)
    return {key: tuple(files[key] for files in by_channel) for key in keys}


def _named(pattern: str, files: Mapping[str, Path], folder: Path, which: str) -> dict[_Key, Path]:
    """Return the files that a pattern means by patient and case, in order of their names."""
    regex = _regex(pattern)
    found: dict[_Key, Path] = {}
    twice = Tally(str(folder))
    for name in sorted(files):
        match = regex.fullmatch(name)
        if match is None:
            continue
        key = (match.groupdict().get("patient") or "", match["case"])
        if key in found:
            twice.add(name, f"Several files by {which} {pattern} are of one case", "Name them more narrowly.")
        found[key] = files[name]
    if twice:
        raise DatasetProblem.of(twice)
    if not found:
        there = f"{len(files)} others, such as {', '.join(sorted(files)[:_SHOWN])}" if files else "no image at all"
        raise DatasetProblem(str(folder), f"No file is named like {pattern!r}; there is {there}.", f"Correct {which}.")
    return found


def _masks_by_image(
    images: Mapping[_Key, tuple[Path, ...]], masks: Mapping[_Key, Path], patterns: Patterns
) -> dict[_Key, Path | None]:
    """Return the mask of each image; one of a patient's name counts for that patient's images alone."""
    with_patient = "{patient}" in patterns.masks
    mask_of = {key: masks.get(key if with_patient else ("", key[1])) for key in images}
    shared = Tally("--masks")
    for mask, count in Counter(mask for mask in mask_of.values() if mask is not None).items():
        if count > 1:
            shared.add(mask.name, "A mask is that of several images", _PATIENT_HINT)
    if shared:
        raise DatasetProblem.of(shared)
    return mask_of


def _regex(pattern: str) -> re.Pattern[str]:
    parts, end = [], 0
    for place in _PLACES.finditer(pattern):
        parts.append(re.escape(pattern[end : place.start()]))
        parts.append(_MEANT.get(place[0]) or f"(?P<{place[0][1:-1]}>[^/]+?)")
        end = place.end()
    return re.compile("".join([*parts, re.escape(pattern[end:])]))


def _dataset(folder: Path, images: Mapping[_Key, tuple[Path, ...]], mask_of: Mapping[_Key, Path | None]) -> Dataset:
    channels, modality = channels_and_modality([paths[0] for paths in images.values()])
    cases = []
    for key, paths in images.items():
        mask, name = mask_of[key], "_".join(filter(None, key))
        cases.append(Case(name, paths, key[0] or name, annotations={TASK: mask} if mask else {}))
    dataset = Dataset(folder.resolve().name, channels, modality, {}, tuple(cases), folder=folder)
    masks = [mask for mask in mask_of.values() if mask is not None]
    if not masks:
        return dataset
    task, label_map = task_of_masks(masks)
    return replace(dataset, tasks={TASK: task}, label_maps={TASK: label_map} if label_map.values else {})
