"""Whole new lines of a growing file."""

import os
from pathlib import Path

from napari_medkd.core.errors import RunProblem

#: Bytes before the offset that must be found again; else the file is another one than that which was read.
_MARK_BYTES = 64


class Tail:
    """Reads on where it stopped, whole lines only. Looking at a file that did not change costs one `stat`.

    Parameters
    ----------
    path
        The file; it may not exist yet.

    Attributes
    ----------
    offset
        Bytes of the file that were given out as lines.
    restarts
        How often the file was found cut or replaced, and was read from its beginning again.
    is_at_end
        Whether the last look left nothing to be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.offset = 0
        self.restarts = 0
        self.is_at_end = True
        self._mark = b""
        self._seen = (-1, -1)

    def lines(self, at_most_bytes: int | None = None) -> list[bytes]:
        """Return the new whole lines, without their ends; ``at_most_bytes`` leaves the rest for the next time.

        Raises
        ------
        RunProblem
            Where the file is there but cannot be read.
        """
        try:
            found = os.stat(self.path)  # noqa: PTH116 - asked many times a second, and faster than Path.stat
            seen = (found.st_size, found.st_mtime_ns)
            return [] if seen == self._seen else self._new_lines(seen, at_most_bytes)
        except (FileNotFoundError, NotADirectoryError):
            self._restart_if(self.offset > 0)
            return []
        except OSError as error:
            raise RunProblem.from_os_error(error, self.path, "The file cannot be read") from error

    def _new_lines(self, seen: tuple[int, int], at_most_bytes: int | None) -> list[bytes]:
        with self.path.open("rb") as file:
            file.seek(self.offset - len(self._mark))
            self._restart_if(file.read(len(self._mark)) != self._mark)
            file.seek(self.offset)
            data = file.read(-1 if at_most_bytes is None else at_most_bytes)
            if len(data) == at_most_bytes:
                data += file.readline()  # else a line longer than that would never be whole
        end = data.rfind(b"\n") + 1
        self.is_at_end = self.offset + len(data) >= seen[0]
        self._seen = seen if self.is_at_end else (-1, -1)  # else there is more to read, though nothing changes
        self.offset += end
        self._mark = (self._mark + data[:end])[-_MARK_BYTES:]
        return data[:end].split(b"\n")[:-1]

    def _restart_if(self, is_another: bool) -> None:
        if is_another:
            self.offset, self._mark, self._seen = 0, b"", (-1, -1)
            self.restarts += 1
