"""Everything that can go wrong, and whose move it is.

::

    MedKDError
    ├── InputProblem (ValueError)      the person can fix it: where, problem, hint
    │   ├── SpecProblem                a run's specification
    │   ├── DatasetProblem             a manifest, a folder, a split
    │   ├── VolumeProblem              one image, mask or box file
    │   └── RunProblem                 a run folder that cannot be read or continued
    │       └── RunBusy                the folder already has a live run
    ├── TrainingDiverged (RuntimeError) a loss stopped being a number
    └── EngineBug (RuntimeError)       please report, with the log's path
"""

import errno
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Self

_FIXES = {
    errno.ENOSPC: "Free some space on that disk, or choose a folder on another one.",
    errno.EFBIG: "Free some space on that disk, or choose a folder on another one.",
    errno.ENOENT: "Check the path; the file or its folder may have been moved, renamed or deleted.",
    errno.ENOTDIR: "Check the path: one of its folders is a file.",
    errno.EISDIR: "Check the path: it is a folder where a file was expected.",
    errno.EACCES: "Check its permissions, or choose a folder you may read and write.",
    errno.EPERM: "Check its permissions, or choose a folder you may read and write.",
    errno.EROFS: "Choose a folder on a disk that can be written.",
}
if hasattr(errno, "EDQUOT"):  # not on Windows
    _FIXES[errno.EDQUOT] = "Your share of that disk is used up: free some space, or choose a folder elsewhere."


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing a person can put right.

    Parameters
    ----------
    where
        The file, or the path inside a document: ``datasets[1].cases.liver_012``.
    problem
        What was found and what was expected.
    hint
        What to do about it.
    """

    where: str
    problem: str
    hint: str

    def __str__(self) -> str:
        return f"{self.where}: {self.problem} {self.hint}"


class MedKDError(Exception):
    """The root of all errors this package raises on purpose."""


class InputProblem(MedKDError, ValueError):
    """Input that a person can put right; holds every problem that was found, not only the first."""

    def __init__(self, where: str, problem: str, hint: str) -> None:
        self.problems: tuple[Problem, ...] = (Problem(where, problem, hint),)
        super().__init__(where, problem, hint)

    @classmethod
    def of(cls, problems: Iterable[Problem]) -> Self:
        """Return one error that carries all of the problems (at least one)."""
        listed = tuple(problems)
        first = listed[0]
        error = cls(first.where, first.problem, first.hint)
        error.problems = listed
        return error

    @classmethod
    def from_os_error(cls, error: OSError, where: object, failed: str) -> Self:
        """Return the error of a file the system refused; ``failed`` says what could not be done with it."""
        hint = _FIXES.get(error.errno or 0, "Check that the disk is connected and healthy, then try again.")
        return cls(str(where), f"{failed} ({error.strerror or error}).", hint)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class SpecProblem(InputProblem):
    """A run's specification asks for something that cannot be done."""


class DatasetProblem(InputProblem):
    """A dataset's manifest, folder or split is not usable as it is."""


class VolumeProblem(InputProblem):
    """One image, mask or box file is not usable as it is."""


class RunProblem(InputProblem):
    """A run folder cannot be read or continued."""


class RunBusy(RunProblem):
    """The run folder already has a live run."""


class TrainingDiverged(MedKDError, RuntimeError):
    """A loss stopped being a finite number; the last good checkpoint is kept."""


class EngineBug(MedKDError, RuntimeError):
    """Something the program should have prevented; please report it with the log."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the nearest known words, or all of them when none is near."""
    choices = sorted(known)
    near = get_close_matches(word, choices, n=1)
    if near:
        return f"Did you mean {near[0]!r}?"
    return f"Choose one of: {', '.join(choices)}."
