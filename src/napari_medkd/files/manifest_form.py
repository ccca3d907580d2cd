"""A manifest's form: what parses, and every field that does not, before anything is compared with anything."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from napari_medkd.core.errors import DatasetProblem, Problem, did_you_mean
from napari_medkd.files.manifest_model import CaseEntry, ClassesPresent, Manifest, SplitEntry, TaskEntry

_SEE = "See docs/medkd-dataset.schema.json."


@dataclass(frozen=True, slots=True)
class Form:
    """What a document says, as far as it can be understood.

    Parameters
    ----------
    manifest
        The document without its faulty elements.
    problems
        The faults.
    case_ids, task_names
        Names the document introduces, also where what they name is faulty: using them is no second fault.
    num_channels
        How many channels are named; None where that is faulty.
    """

    manifest: Manifest
    problems: tuple[Problem, ...]
    case_ids: frozenset[str]
    task_names: frozenset[str]
    num_channels: int | None


def read_form(path: Path) -> Form:
    """Return the manifest's form.

    Raises
    ------
    DatasetProblem
        Where the file is no JSON object, or of a newer version.
    """
    document = _document(path)
    faults: list[Any] = []
    try:
        manifest = Manifest.model_validate(document)
    except ValidationError as error:
        faults = list(error.errors())
        manifest = Manifest.model_validate({"name": path.parent.name or "dataset"} | _sound_part(document, faults))
    cases, tasks = document.get("cases"), document.get("tasks")
    ids = [case.get("id") for case in cases if isinstance(case, dict)] if isinstance(cases, list) else []
    return Form(
        manifest=manifest,
        problems=tuple(_problem_of(fault) for fault in faults),
        case_ids=frozenset(name for name in ids if isinstance(name, str)),
        task_names=frozenset(tasks if isinstance(tasks, dict) else ()),
        num_channels=None if any(fault["loc"][0] == "channels" for fault in faults) else len(manifest.channels),
    )


def _document(path: Path) -> dict[str, Any]:
    try:
        document: Any = json.loads(path.read_bytes())
    except OSError as error:
        raise DatasetProblem.from_os_error(error, path, "The manifest cannot be read") from error
    except (ValueError, RecursionError) as error:
        raise DatasetProblem(str(path), f"This is no JSON document: {error}.", "Correct it at that place.") from error
    if not isinstance(document, dict):
        raise DatasetProblem(str(path), f"Found a {type(document).__name__}, expected an object.", _SEE)
    version = document.get("schema_version")
    if isinstance(version, int) and version > 1:
        raise DatasetProblem(
            str(path),
            f"The manifest has schema version {version}; this program knows version 1.",
            "Install a newer napari-medkd.",
        )
    return document


def _sound_part(document: dict[str, Any], faults: list[Any]) -> dict[str, Any]:
    """Return the document without each case, task or other field that has a fault."""
    rest = dict(document)
    for fault in faults:
        whole, *part = fault["loc"]
        if whole in ("cases", "tasks") and part:
            old = rest[whole]
            if isinstance(old, list):
                rest[whole] = [None if number == part[0] else case for number, case in enumerate(old)]
            else:
                rest[whole] = {name: task for name, task in old.items() if name != part[0]}
        else:
            rest.pop(whole, None)
    if isinstance(rest.get("cases"), list):
        rest["cases"] = [case for case in rest["cases"] if case is not None]
    return rest


def _problem_of(fault: Any) -> Problem:
    """Return a fault of the form in words."""
    place = [str(part) for part in fault["loc"] if part not in ("constrained-str", "ClassesPresent", "[key]")]
    where = ".".join(place)
    match fault["type"]:
        case "extra_forbidden":
            return Problem(where, "This field is not known.", did_you_mean(place[-1], _fields_at(place)))
        case "missing":
            return Problem(where, "This field is missing.", f"Add it. {_SEE}")
    return Problem(where, f"{fault['msg']}; found {str(fault['input'])[:80]!r}.", _SEE)


def _fields_at(place: list[str]) -> list[str]:
    """Return the fields that are known where a field was found."""
    match place:
        case ["tasks", _, _]:
            return list(TaskEntry.model_fields)
        case ["cases", _, _]:
            return list(CaseEntry.model_fields)
        case ["cases", *_]:
            return list(ClassesPresent.model_fields)
        case ["split", _]:
            return [info.alias or name for name, info in SplitEntry.model_fields.items()]
    return list(Manifest.model_fields)
