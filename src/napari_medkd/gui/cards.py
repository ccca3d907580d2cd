"""The methods' cards: asked of the configured interpreter once per version, remembered in the user's cache folder."""

import hashlib
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_medkd import __version__
from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.gui.command import CommandFailed, ask

if TYPE_CHECKING:
    from napari_medkd.core.card import MethodCard

#: How a question is asked: `command.ask`, or a test's own.
Ask = Callable[[Path, Sequence[str]], Any]


def cards_of(
    interpreter: Path, *, folder: Path | None = None, ask_again: bool = False, owner: object = None
) -> "tuple[MethodCard, ...]":
    """Return a card for each method that the interpreter knows.

    Parameters
    ----------
    folder
        Where answers are remembered; None takes the user's cache folder.
    ask_again
        Leave a remembered answer aside.
    owner
        Whose question it is; see `command.ask`.

    Raises
    ------
    InputProblem
        Where nothing can be trained with that interpreter: with the line that installs what is missing.
    """
    from napari_medkd.core.card import MethodCard
    from napari_medkd.files.atomic import write_json

    remembered = _remembered(interpreter, folder)
    documents = None if ask_again else _read(remembered)
    if documents is None:
        documents = _asked(interpreter, partial(ask, owner=owner))
        remembered.parent.mkdir(parents=True, exist_ok=True)
        write_json(remembered, documents)
    return tuple(MethodCard.model_validate(document) for document in documents)


def remembered_cards(interpreter: Path, *, folder: Path | None = None) -> "tuple[MethodCard, ...]":
    """Return the cards of an earlier answer, without asking; empty where there was none."""
    from napari_medkd.core.card import MethodCard

    documents = _read(_remembered(interpreter, folder)) or ()
    return tuple(MethodCard.model_validate(document) for document in documents)


def _remembered(interpreter: Path, folder: Path | None) -> Path:
    return (folder or _cache_folder()) / f"cards-{_fingerprint(interpreter)}.json"


def _cache_folder() -> Path:
    import pooch  # type: ignore[import-untyped]

    return Path(pooch.os_cache("napari-medkd"))


def _fingerprint(interpreter: Path) -> str:
    """Return a name for interpreter and version; a source checkout whose methods were edited has another one."""
    methods = Path(__file__).parents[1] / "methods"
    newest = max((file.stat().st_mtime_ns for file in methods.glob("*.py")), default=0)
    return hashlib.sha256(f"{interpreter}|{__version__}|{newest}".encode()).hexdigest()[:16]


def _read(remembered: Path) -> Any:
    try:
        return json.loads(remembered.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _asked(interpreter: Path, question: Ask) -> Any:
    try:
        return question(interpreter, ["describe"])
    except (InputProblem, CommandFailed) as refusal:
        raise InputProblem.of(_what_is_missing(interpreter, question, refusal)) from refusal


def _what_is_missing(interpreter: Path, question: Ask, refusal: Exception) -> list[Problem]:
    """Return what the doctor of that environment advises; its own words where even the doctor cannot be asked."""
    try:
        advice = question(interpreter, ["doctor"])["advice"]
    except (InputProblem, CommandFailed):
        advice = []
    found = [Problem(**row) for row in advice if row["where"] == "torch"]
    return found or [_not_installed(interpreter, refusal)]


def _not_installed(interpreter: Path, refusal: Exception) -> Problem:
    if isinstance(refusal, InputProblem):
        return refusal.problems[0]
    if "No module named" in str(refusal):
        line = f'{interpreter} -m pip install "napari-medkd[train]"'
        return Problem(str(interpreter), "This Python has no napari-medkd to train with.", line)
    return Problem(str(interpreter), f"The methods cannot be listed: {refusal}", "Run: medkd doctor")
