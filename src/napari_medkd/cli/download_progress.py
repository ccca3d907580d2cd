"""How far a download is: a bar where somebody looks, a line for every tenth of it where nobody does."""

import sys
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

_MIB = 2**20


class DownloadProgress:
    """Shows a download on stderr: called with the bytes that have come, and how many there are. Use it as a context."""

    def __init__(self, name: str) -> None:
        console = Console(file=sys.stderr, soft_wrap=True)
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn())
        self._bar = Progress(*columns, TimeRemainingColumn(), console=console, disable=not console.is_terminal)
        self._row = self._bar.add_task(name, total=None)
        self._name, self._tenth = name, -1

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._bar.stop()

    def __call__(self, done: int, total: int | None) -> None:
        """Show that so many bytes have come."""
        self._bar.update(self._row, completed=done, total=total)
        tenth = 10 * done // total if total else 0
        if self._bar.disable and tenth != self._tenth:
            self._tenth = tenth
            of_all = f" of {total / _MIB:.1f}" if total else ""
            self._bar.console.print(f"{self._name}: {done / _MIB:.1f}{of_all} MiB", markup=False, highlight=False)
