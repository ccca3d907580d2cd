"""Looks at the files of open datasets, in the background: what each found, and which are under way."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from psygnal import Signal

from napari_medkd.core.errors import Problem
from napari_medkd.gui.presenters.ports import InBackground


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A look at the files of a dataset.

    Parameters
    ----------
    folder
        What tells the dataset from others.
    path
        What it was opened by.
    can_be_cancelled
        Whether it is done by a process that a person may end.
    """

    folder: Path
    path: Path
    can_be_cancelled: bool = False


class Looks:
    """Keeps what was found by each dataset's folder; a newer look at a dataset overtakes an older one.

    Attributes
    ----------
    changed
        A look has begun or ended.
    failed
        ``(Look, Exception)``.
    """

    changed = Signal()
    failed = Signal(object, object)

    def __init__(self, in_background: InBackground) -> None:
        self._in_background = in_background
        self._found: dict[Path, tuple[Problem, ...]] = {}
        self._under_way: dict[Path, Look] = {}

    def found(self, folder: Path | None) -> tuple[Problem, ...] | None:
        """Return the problems that the last look found; None where nobody has looked."""
        return None if folder is None else self._found.get(folder)

    def under_way(self, folder: Path | None) -> Look | None:
        """Return the look at a dataset that is under way, if there is one."""
        return None if folder is None else self._under_way.get(folder)

    def begin(self, look: Look, work: Callable[[], tuple[Problem, ...]]) -> None:
        """Look at a dataset; ``work`` returns what it finds."""
        self._under_way[look.folder] = look
        self.changed.emit()

        def then(problems: tuple[Problem, ...]) -> None:
            if self._under_way.get(look.folder) is look:
                del self._under_way[look.folder]
                self._found[look.folder] = problems
                self.changed.emit()

        def fail(error: Exception) -> None:
            if self._under_way.get(look.folder) is look:
                del self._under_way[look.folder]
                self.failed.emit(look, error)

        self._in_background(work, then, fail)

    def forget_cancelled(self, folder: Path | None) -> None:
        """Take in that the process which looked at a dataset was ended."""
        look = self.under_way(folder)
        if look is not None and look.can_be_cancelled:
            del self._under_way[look.folder]

    def forget(self, folder: Path) -> None:
        """Forget all about a dataset that is closed."""
        self._found.pop(folder, None)
        self._under_way.pop(folder, None)
