"""Paths as a person writes them, in specs, options and variables: ``~`` is the home folder."""

from pathlib import Path
from typing import Annotated, TypeAlias

from pydantic import AfterValidator


def from_home(path: Path) -> Path:
    """Return a path with ``~`` or ``~name`` at its beginning replaced; as it is where nobody knows that home."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path


#: A path of a document.
PathFromHome: TypeAlias = Annotated[Path, AfterValidator(from_home)]
