"""Paths as a person writes them, in specs, options and variables: ``~`` is the home folder."""

from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator

from napari_medkd.core.errors import Problem


def from_home(path: Path) -> Path:
    """Return a path with ``~`` or ``~name`` at its beginning replaced; as it is where nobody knows that home."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def problem_of_name(path: Path) -> Problem | None:
    """Return why a path cannot be written into a document: not every system's names are in UTF-8."""
    return problem_of_text(str(path.absolute()))


def problem_of_text(name: str) -> Problem | None:
    """Return why a path, as it would stand in a document, cannot be written into it."""
    in_utf_8 = name.encode("utf-8", "replace").decode("utf-8")
    if in_utf_8 == name:
        return None
    hint = "Rename the file or folder, for example with plain letters only."
    return Problem(in_utf_8, "This path holds a name that is not in UTF-8.", hint)


#: A path of a document.
PathFromHome: TypeAlias = Annotated[Path, AfterValidator(from_home)]
