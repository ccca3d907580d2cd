"""Orders to a run: one line each in control.jsonl, the last one counts."""

import json
import os
import time
from pathlib import Path
from typing import get_args

from napari_medkd.core.control import Wish
from napari_medkd.core.errors import RunProblem
from napari_medkd.core.run_layout import CONTROL
from napari_medkd.runs.journal import append_line


def give_order(folder: Path, wish: Wish) -> None:
    """Tell the process at work on a run to go on, to pause or to stop; it looks between two steps.

    Raises
    ------
    RunProblem
        Where the order cannot be written.
    """
    line = json.dumps({"order": wish, "at": time.time()}).encode() + b"\n"
    try:
        append_line(folder / CONTROL, line)
    except OSError as error:
        raise RunProblem.from_os_error(error, folder / CONTROL, "The order cannot be written") from error


class FolderControl:
    """Reads what the person wants from a run folder; a `stat` as long as nothing was ordered."""

    def __init__(self, path: Path) -> None:
        self._path = path / CONTROL
        self._seen = (-1, -1)
        self._ordered: Wish | None = None

    def wish(self) -> Wish:
        """Return the last order; ``go`` where none was given."""
        return self.ordered() or "go"

    def ordered(self) -> Wish | None:
        """Return the last order that was given in words, or None."""
        try:
            found = os.stat(self._path)  # noqa: PTH116 - asked between any two steps, and faster than Path.stat
            seen = (found.st_size, found.st_mtime_ns)
            if seen != self._seen:
                self._ordered, self._seen = _last_order(self._path.read_bytes()), seen
        except FileNotFoundError:
            self._ordered, self._seen = None, (-1, -1)
        except OSError:  # a network disk may fail for a moment: the last order stands
            pass
        return self._ordered


def _last_order(text: bytes) -> Wish | None:
    whole_lines = text.split(b"\n")[:-1]
    return next((wish for line in reversed(whole_lines) if (wish := _order_in(line))), None)


def _order_in(line: bytes) -> Wish | None:
    try:
        order = json.loads(line)["order"]
    except (ValueError, KeyError, TypeError):
        return None
    return next((wish for wish in get_args(Wish) if wish == order), None)
