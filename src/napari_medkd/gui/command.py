"""One question to the `medkd` command in the configured interpreter, and its answer. Blocks: ask from a thread."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari_medkd.core.command_line import command_line
from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.gui.lent_threads import only_waiting
from napari_medkd.runs.child_environment import child_environment

#: A first import of torch from a network disk is slow; an estimate measures real steps.
PATIENCE_SECONDS = 600.0

_INPUT_PROBLEM = 2
_ASKED: "dict[subprocess.Popen[str], tuple[list[str], object]]" = {}
_LOCK = threading.Lock()
_MOST_LINES = 4


class CommandFailed(RuntimeError):
    """The command ended without an answer; carries the last it said, and everything as ``log``."""

    def __init__(self, message: str, log: str = "") -> None:
        self.log = log
        super().__init__(message)


def argv(interpreter: Path, arguments: Iterable[str]) -> list[str]:
    """Return the command as a list."""
    return [str(interpreter), "-m", "napari_medkd", *arguments]


def ask(
    interpreter: Path,
    arguments: Sequence[str],
    *,
    patience_seconds: float | None = PATIENCE_SECONDS,
    owner: object = None,
) -> Any:
    """Return the JSON document that a command prints; ``--json`` is added.

    Parameters
    ----------
    patience_seconds
        The command is ended after this time; None lets it take as long as it needs.
    owner
        Whose question it is, such as a viewer's session: `end_questions` can spare those of others.

    Raises
    ------
    InputProblem
        Where the interpreter is not there, or the command refuses its input.
    CommandFailed
        Where it ends in any other way.
    """
    command = argv(interpreter, [*arguments, "--json"])
    done = _run(command, patience_seconds, owner)
    answer = _document(done.stdout)
    if answer is not None and done.returncode in (0, _INPUT_PROBLEM):
        return answer
    said = [line for line in done.stderr.strip().splitlines() if line.strip()]
    log = f"$ {command_line(command)}\n{done.stdout}{done.stderr}\n(ended with code {done.returncode})"
    if done.returncode == _INPUT_PROBLEM and said:
        raise InputProblem.of(problems_in(said))
    raise CommandFailed(said[-1] if said else f"{arguments[0]} ended with code {done.returncode}.", log)


def _run(command: list[str], patience_seconds: float | None, owner: object) -> "subprocess.CompletedProcess[str]":
    try:
        child = _start(command)
    except OSError as error:
        raise InputProblem(
            command[0],
            f"This Python cannot be started: {error.strerror or error}.",
            "Choose another in napari's preferences, under Medical knowledge distillation.",
        ) from error
    with _LOCK:
        _ASKED[child] = (command, owner)
    try:
        with only_waiting():
            said, complained = child.communicate(timeout=patience_seconds)
    except subprocess.TimeoutExpired as error:
        _end(child)
        child.communicate()
        raise CommandFailed(f"{command[3]} gave no answer within {error.timeout:.0f} s.") from error
    finally:
        with _LOCK:
            was_ended = child not in _ASKED
            _ASKED.pop(child, None)
    if was_ended:
        raise CommandFailed(f"{command[3]} was cancelled.")
    return subprocess.CompletedProcess(command, child.returncode, said, complained)


def _start(command: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=child_environment(),
        creationflags=0x08000000 if sys.platform == "win32" else 0,  # no console window
    )


def end_questions(*arguments: str, owner: object = None) -> None:
    """End every question with all of these arguments that waits for its answer; whoever asked hears `CommandFailed`.

    Parameters
    ----------
    owner
        Whose questions alone are ended; None is everybody's.
    """
    with _LOCK:
        children = [
            child
            for child, (command, asker) in _ASKED.items()
            if set(arguments) <= set(command) and (owner is None or asker is owner)
        ]
        for child in children:
            del _ASKED[child]
    for child in children:
        _end(child)


def _end(child: "subprocess.Popen[str]") -> None:
    """Kill a child and its children: an estimate may have started loaders."""
    import psutil

    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(child.pid).children(recursive=True):
            process.kill()
    child.kill()


def _document(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def problems_in(said: Sequence[str]) -> list[Problem]:
    """Return the problems a command told on stderr: a line of where, an indented one of what, one of what to do."""
    problems: list[Problem] = []
    where, what = "", ""
    for line in said:
        text = line.strip()
        if text.startswith("->"):
            problems.append(Problem(where, what, text.removeprefix("->").strip()))
        elif line.startswith(" "):
            what = text
        else:
            where = text.rstrip(":")
    return problems or [Problem("", " ".join(said[-_MOST_LINES:]), "")]
