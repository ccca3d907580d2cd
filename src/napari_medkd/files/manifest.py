"""medkd-dataset.json <-> Dataset. Opening writes nothing, so it works on a folder that is read-only."""

import json
from pathlib import Path
from typing import Any

from napari_medkd.core.annotation import ClassLabel
from napari_medkd.core.command_line import command_line
from napari_medkd.core.dataset import Dataset
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.files.atomic import write_json
from napari_medkd.files.dataset_paths import problems_of_names, written
from napari_medkd.files.importers import recognise
from napari_medkd.files.manifest_model import CaseEntry, ClassesPresent, Manifest, SplitEntry, TaskEntry
from napari_medkd.files.manifest_reading import read_manifest
from napari_medkd.files.problems import problems_of_dataset

__all__ = ["MANIFEST", "manifest_of", "open_dataset", "problems_of_dataset", "write_back", "write_dataset"]

#: Name of the manifest in a dataset's folder.
MANIFEST = "medkd-dataset.json"
_FOREIGN = "dataset.json"


def open_dataset(path: Path) -> Dataset:
    """Return the dataset of a manifest, of its folder, or of a folder in a layout that the importers know.

    Raises
    ------
    DatasetProblem
        With every contradiction in the manifest, or with what was looked for in the folder.
    """
    if path.is_file() and path.suffix.lower() != ".json":
        command = command_line(["medkd", "import", str(path), "OUT"])
        hint = f"If it is a table or a MedMNIST file, make a dataset of it: {command}"
        raise DatasetProblem(str(path), "This is no manifest, which ends in .json.", hint)
    if path.is_file():
        return recognise(path.parent) if path.name == _FOREIGN else read_manifest(path)
    if (path / MANIFEST).is_file():
        return read_manifest(path / MANIFEST)
    return recognise(path)


def write_dataset(dataset: Dataset, folder: Path) -> Path:
    """Write the dataset's manifest into the folder, which must exist, and return its path.

    Files inside the folder are named relative to it, others by their absolute paths. Only a manifest of ours is ever
    replaced; a foreign dataset.json stays as it is.
    """
    return _write(dataset, folder / MANIFEST)


def manifest_of(dataset: Dataset) -> Path:
    """Return the manifest that a dataset was read from, or the one it would get in its folder."""
    return dataset.folder / (dataset.manifest or MANIFEST)


def write_back(dataset: Dataset) -> Path:
    """Write a changed dataset into the manifest it was read from, or give its folder one; return its path."""
    return _write(dataset, manifest_of(dataset))


def _write(dataset: Dataset, path: Path) -> Path:
    if path.exists() and not is_ours(path):
        raise DatasetProblem(
            str(path),
            "There is a file of this name that is no manifest of this program; it is left alone.",
            "Move it away, or choose another folder.",
        )
    refuse_unnamed(dataset, path.parent)
    manifest = Manifest(
        name=dataset.name,
        channels=dataset.channels,
        modality=dataset.modality,
        tasks={name: _task_entry(dataset, name) for name in dataset.tasks},
        cases=tuple(_case_entry(dataset, number, path.parent) for number in range(len(dataset.cases))),
        split=SplitEntry.model_validate(
            {"train": dataset.split.train, "validate": dataset.split.validate, "test": dataset.split.test}
        ),
    )
    write_json(path, manifest.model_dump(mode="json", by_alias=True, exclude_none=True))
    return path


def refuse_unnamed(dataset: Dataset, folder: Path) -> None:
    """Raise a DatasetProblem with every file that a manifest in the folder cannot name."""
    unnamed = [problem for case in dataset.cases for problem in problems_of_names(case, folder)]
    if unnamed:
        raise DatasetProblem.of(unnamed)


def is_ours(path: Path) -> bool:
    """Return whether a file is there that looks like a manifest of this program."""
    try:
        document: Any = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and {"name", "cases"} <= set(document) and "training" not in document


def _task_entry(dataset: Dataset, name: str) -> TaskEntry:
    task, label_map = dataset.tasks[name], dataset.label_maps.get(name)
    return TaskEntry(
        kind=task.kind,
        classes=task.classes,
        multilabel=task.multilabel,
        ignore=task.ignore,
        colours=task.colours,
        label_map=dict(label_map.values) if label_map else {},
    )


def _case_entry(dataset: Dataset, number: int, folder: Path) -> CaseEntry:
    case = dataset.cases[number]
    return CaseEntry(
        id=case.id,
        images=tuple(written(path, folder) for path in case.images),
        group=case.group,
        domain=case.domain,
        annotations={
            name: _classes_entry(known) if isinstance(known, ClassLabel) else written(known, folder)
            for name, known in case.annotations.items()
        },
    )


def _classes_entry(label: ClassLabel) -> ClassesPresent:
    return ClassesPresent(present=tuple(sorted(label.present)), unknown=tuple(sorted(label.unknown)) or None)
