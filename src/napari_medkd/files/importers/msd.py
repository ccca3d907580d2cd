"""The Medical Segmentation Decathlon: dataset.json that lists images and labels, all channels in one file."""

from pathlib import Path
from typing import Any

from napari_medkd.core.dataset import Case, Dataset
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.files.dataset_paths import resolved
from napari_medkd.files.importers.dataset_json import DOCUMENT, TASK, dataset_of, read_document
from napari_medkd.files.opening import stem_of


def recognise(folder: Path) -> Dataset | None:
    """Return the dataset of the folder, or None where it is laid out otherwise; ``test`` images have no annotation."""
    document = read_document(folder)
    if document is None or not isinstance(document.get("training"), list):
        return None
    problems: list[Problem] = []
    cases = []
    for number, entry in enumerate(document["training"]):
        case = _case(entry, f"{folder / DOCUMENT}: training.{number}", folder, problems)
        cases += [case] if case else []
    for number, entry in enumerate(document.get("test") or []):
        image = entry.get("image") if isinstance(entry, dict) else entry
        case = _case({"image": image}, f"{folder / DOCUMENT}: test.{number}", folder, problems)
        cases += [case] if case else []
    if problems:
        raise DatasetProblem.of(problems)
    return dataset_of(document, folder, cases)


def _case(entry: Any, where: str, folder: Path, problems: list[Problem]) -> Case | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
        hint = 'Write {"image": "./imagesTr/a.nii.gz", "label": "./labelsTr/a.nii.gz"}.'
        problems.append(Problem(where, f"Found {str(entry)[:80]!r}; expected an image and its label.", hint))
        return None
    try:
        image = resolved(entry["image"], folder, where)
        label = resolved(str(entry["label"]), folder, where) if entry.get("label") else None
    except DatasetProblem as error:
        problems += error.problems
        return None
    name = stem_of(image)
    return Case(name, (image,), name, annotations={TASK: label} if label else {})
