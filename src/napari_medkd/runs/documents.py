"""Reading the JSON documents of a run folder, with faults that name the file and the fix."""

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from napari_medkd.core.errors import Problem, RunProblem
from napari_medkd.core.run_layout import SPEC
from napari_medkd.core.spec import PredictSpec, TrainSpec

AnySpec = TypeVar("AnySpec", TrainSpec, PredictSpec)


def read_document(folder: Path, name: str) -> dict[str, Any]:
    """Return a document of a run folder (RunProblem where it is missing, damaged or cannot be read)."""
    path = folder / name
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise RunProblem(str(folder), f"This folder holds no {name}: it is no run.", "Choose a run folder.") from error
    except OSError as error:
        raise RunProblem.from_os_error(error, path, "The file cannot be read") from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    if not isinstance(document, dict):
        raise _damaged(path, "expected {...}")
    return document


def read_spec(folder: Path, kind: type[AnySpec]) -> AnySpec:
    """Return the spec of a run folder (RunProblem with all its faults where it is not valid)."""
    document = read_document(folder, SPEC)
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        raise RunProblem.of(
            Problem(
                f"{folder / SPEC}: {'.'.join(map(str, fault['loc']))}",
                f"{fault['msg']}; found {fault['input']!r}.",
                "Start a new run, or open this one with the version that made it.",
            )
            for fault in error.errors()
        ) from error


def _damaged(path: Path, why: str) -> RunProblem:
    return RunProblem(str(path), f"The file is damaged ({why}).", "Restore it from a copy, or start a new run.")
