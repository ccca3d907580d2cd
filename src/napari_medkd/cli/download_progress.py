"""How far a download is: a bar where somebody looks, a line for every tenth of it where nobody does."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bar

from napari_medkd.files.downloading import Progress

_MIB = 2**20


@contextmanager
def shown_download(name: str) -> Iterator[Progress]:
    """Show a download on stderr: call what the context gives with the bytes that have come, and how many there are."""
    console = Console(file=sys.stderr, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn(), TransferSpeedColumn())
    if not console.is_terminal:
        yield _Lines(name, console)
        return
    with Bar(*columns, TimeRemainingColumn(), console=console) as bar:
        row = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(row, completed=done, total=total)


class _Lines:
    """Prints a line where another tenth has come."""

    def __init__(self, name: str, console: Console) -> None:
        self._name, self._console, self._tenth = name, console, -1

    def __call__(self, done: int, total: int | None) -> None:
        tenth = 10 * done // total if total else 0
        if tenth != self._tenth:
            self._tenth = tenth
            of_all = f" of {total / _MIB:.1f}" if total else ""
            self._console.print(f"{self._name}: {done / _MIB:.1f}{of_all} MiB", markup=False, highlight=False)
