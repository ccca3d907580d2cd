"""From what a person wrote (a spec file, a run folder, options) to a TrainSpec, with every fault named."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from napari_medkd.core.errors import Problem, SpecProblem, did_you_mean
from napari_medkd.core.run_layout import SPEC, is_run
from napari_medkd.core.spec import TrainSpec

Scalar = bool | int | float | str | None


def read_document(path: Path) -> dict[str, Any]:
    """Return the contents of a spec file, JSON or YAML; a run folder stands for the spec in it."""
    path = path / SPEC if is_run(path) else path
    if path.is_dir():
        raise SpecProblem(str(path), "This folder is not a run.", f"Give a spec file, or a folder that holds {SPEC}.")
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as error:
        raise SpecProblem.from_os_error(error, path, "The spec cannot be read") from error
    except (ValueError, yaml.YAMLError) as error:
        fault = " ".join(str(error).split())
        raise SpecProblem(str(path), f"The file is not valid JSON or YAML: {fault}.", "Correct it there.") from error
    if not isinstance(document, dict):
        raise SpecProblem(str(path), "The file holds no settings.", 'Expected {"datasets": ["folder"], ...}.')
    return document


def spec_of(document: Mapping[str, Any], source: Path | None = None) -> TrainSpec:
    """Return the spec of a document; the name of its ``source`` is put before every fault.

    Raises
    ------
    SpecProblem
        With every field that is unknown, missing or out of range.
    """
    try:
        return TrainSpec.model_validate(document)
    except ValidationError as error:
        found = {fault.where: fault for fault in map(_problem, error.errors())}.values()
        prefix = f"{source}: " if source else ""
        raise SpecProblem.of([replace(fault, where=prefix + fault.where) for fault in found]) from error


def with_changes(document: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with some fields set; the keys are paths: ``schedule.epochs``."""
    changed = dict(document)
    for path, value in changes.items():
        head, _, rest = path.partition(".")
        if rest:
            inner = changed.get(head)
            changed[head] = with_changes(inner if isinstance(inner, Mapping) else {}, {rest: value})
        else:
            changed[head] = value
    return changed


def settings_of(assignments: Sequence[str]) -> dict[str, Scalar]:
    """Return ``["features=2.0", "teacher_trains=false"]`` as settings with numbers, switches and words."""
    settings: dict[str, Scalar] = {}
    for assignment in assignments:
        name, equals, text = assignment.partition("=")
        if not equals or not name.strip():
            raise SpecProblem("--set", f"{assignment!r} sets nothing.", "Write name=value, for example features=2.0.")
        settings[name.strip()] = _scalar(text.strip())
    return settings


def _scalar(text: str) -> Scalar:
    word = text.lower()
    try:
        value = json.loads("null" if word == "none" else word if word in ("true", "false") else text)
    except ValueError:
        return text
    return value if isinstance(value, Scalar) else text


def _problem(fault: ErrorDetails) -> Problem:
    # A value that may be of several types is faulted once for each, under the type's name: one is enough.
    path = fault["loc"][:3] if fault["loc"][:2] == ("method", "settings") else fault["loc"]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
    known = _fields_beside(path)
    hint = " ".join(known.get(str(path[-1]), "").split())
    if fault["type"] == "extra_forbidden":
        return Problem(where, "There is no such field.", did_you_mean(str(path[-1]), known))
    if fault["type"] == "missing":
        return Problem(where, "The field is missing.", f"Write it: {hint}" if hint else "Write it.")
    wanted = fault["msg"].replace("Input should", "It should").replace("Value error, ", "")
    return Problem(where, f"{wanted}; found {fault['input']!r}.", hint or "Correct the value.")


def _fields_beside(path: Sequence[int | str]) -> dict[str, str]:
    """Return the fields of the model in which the last part of the path stands, with their descriptions."""
    model: Any = TrainSpec
    for part in path[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = model_in(model.model_fields[part].annotation) or model
    return {name: field.description or "" for name, field in model.model_fields.items()}


def model_in(annotation: Any) -> type[BaseModel] | None:
    """Return the model that a field holds, alone or in a tuple; None where it holds plain values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := model_in(part))), None)
