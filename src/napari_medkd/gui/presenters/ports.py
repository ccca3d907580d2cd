"""What presenters ask of the world without knowing Qt: a thread to work in, runs to start and to follow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.gui.following import Heard

T = TypeVar("T")


class InBackground(Protocol):
    """Works in a thread; see `gui.background.in_background`."""

    def __call__(self, work: Callable[[], T], then: Callable[[T], Any], failed: Callable[[Exception], Any]) -> None:
        """Run ``work`` in a thread, then ``then`` with its result or ``failed`` with its error, in this one."""
        ...


class Runner(Protocol):
    """Starts and follows runs; see `gui.followers.Followers`."""

    latest: dict[Path, Heard]

    @property
    def followed(self) -> tuple[Path, ...]:
        """The runs that are followed."""
        ...

    def start(self, run: Path, *, resume: bool = False) -> None:
        """Launch training in a run folder, and follow it."""
        ...

    def follow(self, run: Path) -> None:
        """Follow a run that somebody started, or read one that is over."""
        ...

    def leave(self, run: Path) -> None:
        """Follow a run no longer; it goes on."""
        ...


def problems_of(error: Exception, where: str) -> tuple[Problem, ...]:
    """Return what an error means to a person; ``where`` is for errors that do not say it themselves."""
    match error:
        case InputProblem():
            return error.problems
        case OSError():
            return InputProblem.from_os_error(error, error.filename or where, "The system refused").problems
        case _:
            return (Problem(where, str(error) or type(error).__name__, ""),)
