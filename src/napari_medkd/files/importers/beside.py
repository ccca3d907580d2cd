"""Two files that may lie beside any foreign layout, for what it has no place for.

``splits.json``: ``{"train": [case, ...], "development": [...], "test": [...]}``; ``validate``, ``validation`` and
``val`` mean the same as ``development``, other keys are not read, and of a list of folds the first is taken.
``cases.csv``: a line per case under the heading ``id,group,domain``; ``group`` is the patient, both may be left out.
"""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.errors import DatasetProblem, Problem, did_you_mean
from napari_medkd.files.splitting import split_by_group

_SPLITS, _CASES = "splits.json", "cases.csv"
_SIDES = {
    "train": ("train", "training"),
    "validate": ("validate", "development", "validation", "val", "dev"),
    "test": ("test", "testing"),
}


def with_cases_and_split(dataset: Dataset) -> Dataset:
    """Return the dataset with the patients, domains and split that lie beside it, else with a split by group."""
    cases, split = dataset.cases, None
    if (dataset.folder / _CASES).is_file():
        cases = _with_columns(cases, dataset.folder / _CASES)
    if (dataset.folder / _SPLITS).is_file():
        split = _split(dataset.folder / _SPLITS)
    return replace(dataset, cases=cases, split=split or split_by_group(dataset.name, cases))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetProblem.from_os_error(error, path, "The file cannot be read") from error
    except UnicodeDecodeError as error:
        raise DatasetProblem(str(path), f"The file is not UTF-8 text ({error}).", "Save it as UTF-8.") from error


def _with_columns(cases: tuple[Case, ...], path: Path) -> tuple[Case, ...]:
    table = csv.DictReader(io.StringIO(_text(path)))
    if "id" not in (table.fieldnames or ()):
        raise DatasetProblem(
            str(path),
            f"The heading is {', '.join(table.fieldnames or ()) or 'empty'}; there is no column id.",
            "Begin with the line id,group,domain.",
        )
    rows = {row["id"]: row for row in table}
    strangers = set(rows) - {case.id for case in cases}
    if strangers:
        raise DatasetProblem.of(
            Problem(f"{path}: {name}", "There is no such case.", did_you_mean(name, [case.id for case in cases]))
            for name in sorted(strangers)
        )
    return tuple(
        replace(
            case,
            group=rows.get(case.id, {}).get("group") or case.group,
            domain=rows.get(case.id, {}).get("domain") or case.domain,
        )
        for case in cases
    )


def _split(path: Path) -> Split:
    try:
        document: Any = json.loads(_text(path))
    except (json.JSONDecodeError, RecursionError) as error:
        raise DatasetProblem(str(path), f"This is no JSON document: {error}.", "Correct it at that place.") from error
    if isinstance(document, list) and document:
        document = document[0]
    known = [word for words in _SIDES.values() for word in words]
    if not isinstance(document, dict) or not set(document) & set(known):
        raise DatasetProblem(str(path), "No side of a split is named.", 'Write {"train": [...], "validate": [...]}.')
    problems: list[Problem] = []
    sides = {side: _names(document, words, path, problems) for side, words in _SIDES.items()}
    if problems:
        raise DatasetProblem.of(problems)
    return Split(sides["train"], sides["validate"], sides["test"])


def _names(document: dict[str, Any], words: tuple[str, ...], path: Path, problems: list[Problem]) -> tuple[str, ...]:
    names: list[str] = []
    for word in words:
        listed = document.get(word, [])
        if isinstance(listed, list) and all(isinstance(name, str) for name in listed):
            names += listed
        else:
            problems.append(Problem(f"{path}: {word}", "This is no list of case ids.", 'Write ["case_1", "case_2"].'))
    return tuple(names)
