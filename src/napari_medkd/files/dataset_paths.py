"""Paths as a dataset's document writes them: with forward slashes, relative to its folder, never leaving it by "..".

So a manifest that was moved or sent opens files of its own folder, and others only where it names them in full.
"""

import os
from pathlib import Path

from napari_medkd.core.dataset import Case
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.core.paths import problem_of_text


def resolved(text: str, folder: Path, where: str) -> Path:
    """Return the path that a document in ``folder`` means; ``where`` is the place in the document, for the message."""
    path = Path(text)
    if "\\" in text:
        raise DatasetProblem(where, f"The path {text!r} has backslashes.", "Write forward slashes: images/a.nii.gz.")
    if path.is_absolute():
        return path
    if ".." in path.parts or path.anchor:
        raise DatasetProblem(
            where,
            f"The path {text!r} leaves the dataset's folder.",
            "Move the file into the folder, or write its absolute path.",
        )
    return folder / path


def written(path: Path, folder: Path) -> str:
    """Return the path as a document in ``folder`` writes it: relative inside the folder, absolute elsewhere."""
    here, there = Path(os.path.abspath(folder)), Path(os.path.abspath(path))  # noqa: PTH100 - symlinks stay as they are
    return there.relative_to(here).as_posix() if there.is_relative_to(here) else there.as_posix()


def problems_of_names(case: Case, folder: Path) -> list[Problem]:
    """Return which of a case's files a document in ``folder`` cannot name."""
    paths = (*case.images, *(known for known in case.annotations.values() if isinstance(known, Path)))
    return [problem for path in paths if (problem := problem_of_text(written(path, folder)))]
