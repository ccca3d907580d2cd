"""What the ``dataset.json`` of the Decathlon and of nnU-Net have in common: channels, modality, classes."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from napari_medkd.core.dataset import Case, Dataset, LabelMap
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality
from napari_medkd.files.importers.documents import json_of

DOCUMENT = "dataset.json"
TASK = "segmentation"
#: A label value that is no class's: what a gap in the label values is mapped to, so that a stray label is refused.
_NO_CLASS = 65535

_WORDS = {
    Modality.CT: {"ct", "cta", "cbct", "ldct"},
    Modality.MR: {"mr", "mri", "t1", "t1w", "t1c", "t1gd", "t1ce", "t2", "t2w", "flair", "adc", "dwi", "pd", "mra"},
    Modality.XR: {"xr", "xray", "x", "dx", "cr", "cxr", "radiograph"},
    Modality.US: {"us", "ultrasound", "sonography"},
}


def read_document(folder: Path) -> dict[str, Any] | None:
    """Return the folder's dataset.json, or None where there is none."""
    path = folder / DOCUMENT
    if not path.is_file():
        return None
    document: Any = json_of(path)
    if not isinstance(document, dict):
        raise DatasetProblem(str(path), f"Found a {type(document).__name__}, expected an object.", "Export it again.")
    return document


def dataset_of(document: Mapping[str, Any], folder: Path, cases: Iterable[Case]) -> Dataset:
    """Return the cases as a dataset, with the document's name, channels and classes."""
    channels = channels_of(document, folder)
    task, label_map = task_of(document, folder)
    return Dataset(
        name=str(document.get("name") or folder.resolve().name),
        channels=channels,
        modality=modality_of(channels),
        tasks={TASK: task},
        cases=tuple(cases),
        label_maps={TASK: label_map} if label_map.values else {},
        folder=folder,
    )


def channels_of(document: Mapping[str, Any], folder: Path) -> tuple[str, ...]:
    """Return the channel names in order, from ``channel_names`` or ``modality``."""
    named = document.get("channel_names", document.get("modality", {"0": "image"}))
    if isinstance(named, str):
        return (named,)
    if not isinstance(named, dict) or set(named) != {str(number) for number in range(len(named))}:
        raise DatasetProblem(
            f"{folder / DOCUMENT}: channel_names",
            f"Found {str(named)[:80]}; expected a name for each channel.",
            'Write {"0": "T1", "1": "FLAIR"}, counting from 0.',
        )
    names = [str(named[str(number)]) for number in range(len(named))]
    return tuple(name if names.count(name) == 1 else f"{name} {number}" for number, name in enumerate(names))


def modality_of(channels: Iterable[str]) -> Modality:
    """Return the modality the channel names speak of, or OTHER where they speak of none or of several.

    CT has to be spoken of in every name: its Hounsfield units are those of no other channel.
    """
    words_of = [set(re.split(r"[^a-z0-9]+", name.lower())) for name in channels]
    found = [modality for modality, known in _WORDS.items() if any(words & known for words in words_of)]
    if found == [Modality.CT] and not all(words & _WORDS[Modality.CT] for words in words_of):
        return Modality.OTHER
    return found[0] if len(found) == 1 else Modality.OTHER


def task_of(document: Mapping[str, Any], folder: Path) -> tuple[Task, LabelMap]:
    """Return the segmentation task of ``labels`` (name to value, or value to name), and how its values are stored."""
    labels = document.get("labels")
    where = f"{folder / DOCUMENT}: labels"
    if not isinstance(labels, dict) or not labels:
        raise DatasetProblem(where, "No classes are listed.", 'Write {"background": 0, "liver": 1}.')
    labels = {name: value[0] if _is_single(value) else value for name, value in labels.items()}
    if any(isinstance(value, list) for value in labels.values()):
        raise DatasetProblem(
            where,
            "Classes are regions made of several labels, which this program does not train.",
            "List each label as a class of its own.",
        )
    try:
        numbered = [_value_and_name(first, second) for first, second in labels.items()]
    except ValueError as error:
        raise DatasetProblem(where, f"A class has no whole number ({error}).", 'Write {"liver": 1}.') from error
    name_of = dict(numbered)
    if len(name_of) < len(numbered) or min(name_of) < 0:
        hint = "Give each class a number of its own, 0 or more."
        raise DatasetProblem(where, f"Two classes share a number, or one is below 0: {numbered}.", hint)
    ignore = next((value for value, name in name_of.items() if name.lower() == "ignore"), None)
    if ignore is not None:
        del name_of[ignore]
    return task_of_values({0: "background"} | name_of, ignore)


def task_of_values(name_of: Mapping[int, str], ignore: int | None = None) -> tuple[Task, LabelMap]:
    """Return the task whose classes are the stored values in rising order; values with gaps are moved together."""
    values = sorted(name_of)
    classes = tuple(name_of[value] for value in values)
    if len(classes) == 1:
        classes = (*classes, "label 1")
    moved = {value: label for label, value in enumerate(values) if value != label}
    free, stored = len(classes), {*values, ignore}
    if ignore is not None and ignore < free:
        moved[ignore], ignore = free, free
    gaps = {value: _NO_CLASS for value in range(max(moved.values(), default=-1) + 1) if value not in stored}
    return Task(TASK, "segmentation", classes, ignore=ignore), LabelMap(moved | gaps)


def _is_single(value: Any) -> bool:
    """Return whether a class is a region of one label, which is that label."""
    return isinstance(value, list) and len(value) == 1


def _value_and_name(first: str, second: Any) -> tuple[int, str]:
    if isinstance(second, int):
        return second, first
    return int(first), str(second)
