"""How the commands speak: results to stdout, everything else to stderr, failures as sentences with an exit code."""

import contextlib
import json
import math
import os
import sys
import tempfile
import traceback
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

import typer

from napari_medkd.core.errors import InputProblem, MedKDError, Problem

OK = 0
FAILURE = 1
INPUT_PROBLEM = 2

#: What helps where memory is too little, for commands that say nothing nearer.
MORE_MEMORY = (
    "Close other programs that use it. A run needs less with a smaller batch size or patch, narrower widths, or "
    "precision bf16."
)

#: What to type where torch is missing; `medkd doctor` prints the line for the machine's GPU.
INSTALL_TORCH = 'pip install "napari-medkd[train]"'


def examples(*lines: str) -> str:
    """Return the foot of a command's help: what one might type."""
    return "\n\n".join(("[bold]Examples[/bold]", *(f"  {line}" for line in lines)))


def say(text: str = "") -> None:
    """Print a result."""
    typer.echo(text)


def say_json(value: Any) -> None:
    """Print one JSON document; numbers that are not finite become words every reader survives."""
    typer.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Path():
            return str(value)
        case _:
            return value


@contextlib.contextmanager
def as_a_courtesy(stream: TextIO) -> Iterator[None]:
    """Print what nobody has to hear: where the listener has gone, that is no error."""
    try:
        yield
    except OSError:
        lead_nowhere(stream)


def lead_nowhere(stream: TextIO) -> None:
    """Let a stream whose listener has gone lead nowhere, or what it still holds fails the process at its very end."""
    with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def tell(text: str, *, colour: str | None = None) -> None:
    """Print a remark to stderr, if somebody listens; the colour shows on a terminal only."""
    with as_a_courtesy(sys.stderr):
        typer.secho(text, err=True, fg=colour)


def tell_problems(problems: Iterable[Problem]) -> None:
    """Print every problem in three lines: where, what was found, and what to do. The viewer reads them, too."""
    for problem in problems:
        tell(f"{problem.where}:", colour=typer.colors.RED)
        tell(f"  {' '.join(problem.problem.split())}")
        tell(f"  -> {' '.join(problem.hint.split())}", colour=typer.colors.GREEN)


def as_rows(problems: Iterable[Problem]) -> list[dict[str, str]]:
    """Return problems as JSON rows with the keys where, problem and hint."""
    return [{"where": found.where, "problem": found.problem, "hint": found.hint} for found in problems]


def tell_error(error: BaseException, log: Path | None = None, more_memory: str = MORE_MEMORY) -> int:
    """Print an error in a sentence or two, and return the exit code it stands for.

    Parameters
    ----------
    log
        File that holds the traceback; None writes one where it is needed.
    more_memory
        What helps where memory is too little.
    """
    problems = problems_of(error, more_memory)
    if problems:
        tell_problems(problems)
        return INPUT_PROBLEM
    tell(f"{type(error).__name__}: {error}", colour=typer.colors.RED)
    if not isinstance(error, MedKDError):
        tell(f"  -> This is a bug. Please report it with the file {log or _written_traceback(error)}")
    return FAILURE


def problems_of(error: BaseException, more_memory: str = MORE_MEMORY) -> tuple[Problem, ...]:
    """Return what a person can put right about an error; empty where it is the program's own failure."""
    match error:
        case InputProblem():
            return error.problems
        case ModuleNotFoundError() if (error.name or "").split(".")[0] == "torch":
            return (Problem("environment", f"{error.name} is not installed.", f"Run: {INSTALL_TORCH}"),)
        case MemoryError() | RuntimeError() if _is_out_of_memory(error):
            return (Problem("memory", "The device has too little free memory for this.", more_memory),)
        case OSError() if error.errno:
            return InputProblem.from_os_error(error, error.filename or "disk", "The system refused").problems
        case _:
            return ()


#: How torch's devices say that memory is too little.
_OUT_OF_MEMORY = ("out of memory", "allocate memory", "alloc_failed", "not enough memory")


def _is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory was refused: by Python, by a GPU, or by torch on the CPU, which has no type for it."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(words in said for words in _OUT_OF_MEMORY)


def _written_traceback(error: BaseException) -> Path:
    with tempfile.NamedTemporaryFile("w", prefix="medkd-", suffix=".log", delete=False, encoding="utf-8") as file:
        traceback.print_exception(error, file=file)
    return Path(file.name)
