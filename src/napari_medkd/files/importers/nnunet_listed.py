"""Cases that an nnU-Net dataset.json lists by their files: ``{"a": {"images": [...], "label": ...}}``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_medkd.core.dataset import Case
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.files.dataset_paths import resolved
from napari_medkd.files.importers.dataset_json import DOCUMENT, TASK

_HINT = 'Write {"images": ["imagesTr/a_0000.nii.gz"], "label": "labelsTr/a.nii.gz"}, with a file for each channel.'


def listed_cases(listed: Mapping[str, Any], folder: Path, num_channels: int, problems: list[Problem]) -> list[Case]:
    """Return the cases in order of their names; what is wrong with an entry is added to the problems."""
    cases = []
    for name, entry in sorted(listed.items()):
        where = f"{folder / DOCUMENT}: dataset.{name}"
        images = entry.get("images") if isinstance(entry, dict) else None
        if not isinstance(images, list) or len(images) not in (1, num_channels) or not _are_names(images):
            found = f"Found {str(entry)[:80]}; expected the files of {num_channels} channels and a label."
            problems.append(Problem(where, found, _HINT))
            continue
        try:
            paths = tuple(resolved(image, folder, where) for image in images)
            label = resolved(str(entry["label"]), folder, where) if entry.get("label") else None
        except DatasetProblem as error:
            problems += error.problems
            continue
        cases.append(Case(name, paths, name, annotations={TASK: label} if label else {}))
    return cases


def _are_names(images: list[Any]) -> bool:
    return all(isinstance(image, str) for image in images)
