"""Two files that may lie beside any foreign layout, for what it has no place for.

``splits.json``: ``{"train": [case, ...], "development": [...], "test": [...]}``; ``validate``, ``validation`` and
``val`` mean the same as ``development``, other keys are not read, and of a list of folds the first is taken. Of folds
without sides (``{"fold0": [...], "fold1": [...], ...}``) the first tests, the second validates, the others train. Cases
may be named with the suffix of their image.
``cases.csv``: a line for each case (see `napari_medkd.files.importers.case_table`).
"""

import re
from collections.abc import Container
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_medkd.core.dataset import Dataset, Split
from napari_medkd.core.errors import DatasetProblem, Problem
from napari_medkd.files.importers.case_table import with_columns
from napari_medkd.files.importers.documents import json_of
from napari_medkd.files.opening import stem_of
from napari_medkd.files.splitting import split_by_group, with_validation

_FOLD = re.compile(r"fold[ _-]?\d+")
_SPLITS, _CASES = "splits.json", "cases.csv"
#: What the sides of a split are called.
SIDES = {
    "train": ("train", "training"),
    "validate": ("validate", "development", "validation", "val", "valid", "dev"),
    "test": ("test", "testing"),
}


def side_in(text: str) -> str:
    """Return the side that a name of a file or folder speaks of, or "": ``instances_val2017`` is ``validate``."""
    words = set(re.split(r"[^a-z]+", text.lower()))
    return next((side for side, names in SIDES.items() if words & set(names)), "")


def with_cases_and_split(dataset: Dataset) -> Dataset:
    """Return the dataset with the patients, domains and split that lie beside it, else with a split by group."""
    found = with_what_lies_beside(dataset)
    return found if found.split != Split() else replace(found, split=split_by_group(found.name, found.cases))


def with_what_lies_beside(dataset: Dataset) -> Dataset:
    """Return the dataset with the patients, domains and split that lie beside it, as far as they do.

    Where its own split has nobody to validate, some of the patients who train do, whoever they are said to be.
    """
    cases = dataset.cases
    if (dataset.folder / _CASES).is_file():
        cases = with_columns(cases, dataset.folder / _CASES)
    if (dataset.folder / _SPLITS).is_file():
        split = _split(dataset.folder / _SPLITS, {case.id for case in cases})
    else:
        split = with_validation(dataset.name, cases, dataset.split)
    return replace(dataset, cases=cases, split=split)


def _split(path: Path, ids: Container[str]) -> Split:
    document = json_of(path)
    if isinstance(document, list) and document:
        document = document[0]
    if isinstance(document, dict) and len(document) > 1 and all(_FOLD.fullmatch(key) for key in document):
        test, validate, *rest = document.values()
        if not rest:
            found = "There are two folds, of which one tests and the other validates; none is left to train."
            raise DatasetProblem(str(path), found, 'Write three folds or more, or {"train": [...], "test": [...]}.')
        document = {"test": test, "validate": validate, "train": [name for names in rest for name in names]}
    known = [word for words in SIDES.values() for word in words]
    if not isinstance(document, dict) or not set(document) & set(known):
        raise DatasetProblem(str(path), "No side of a split is named.", 'Write {"train": [...], "validate": [...]}.')
    problems: list[Problem] = []
    sides = {side: _names(document, words, path, problems) for side, words in SIDES.items()}
    if problems:
        raise DatasetProblem.of(problems)
    train, validate, test = (tuple(_id(name, ids) for name in sides[side]) for side in SIDES)
    return Split(train, validate, test)


def _id(name: str, ids: Container[str]) -> str:
    return name if name in ids else stem_of(Path(name))


def _names(document: dict[str, Any], words: tuple[str, ...], path: Path, problems: list[Problem]) -> tuple[str, ...]:
    names: list[str] = []
    for word in words:
        listed = document.get(word, [])
        if isinstance(listed, list) and all(isinstance(name, str) for name in listed):
            names += listed
        else:
            problems.append(Problem(f"{path}: {word}", "This is no list of case ids.", 'Write ["case_1", "case_2"].'))
    return tuple(names)
