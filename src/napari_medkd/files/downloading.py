"""Downloading one file whose checksum is known, through pooch; what has come stays for the next try to go on from."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from napari_medkd import __version__
from napari_medkd.core.errors import InputProblem

if TYPE_CHECKING:
    from requests import Response

#: Told of the bytes that have come, and of how many there are in all, if the server says so.
Progress: TypeAlias = Callable[[int, int | None], None]

_SECONDS_OF_SILENCE = 30.0
_PIECE = 2**16
_MIB = 2**20
_AGAIN = "Give the same command again: it goes on from there, if the server can."


def download(address: str, checksum: str, path: Path, progress: Progress) -> None:
    """Download a file to a path, unless it is there with that checksum.

    Where the connection breaks, the download goes on by itself as long as more comes, from where it broke if the server
    sends parts of files. What has come when it ends otherwise lies beside as ``.part``, and is gone on with next time.

    Parameters
    ----------
    checksum
        As pooch takes it: ``md5:`` or ``sha256:`` and the digits.
    path
        In a folder that exists.

    Raises
    ------
    InputProblem
        Where the server cannot be reached, refuses or breaks off, the disk is full, or the file has another checksum.
    """
    import pooch  # type: ignore[import-untyped]
    import requests

    pooch.get_logger().setLevel("WARNING")  # what it tells is told by the progress
    part = _Part(path.with_name(f"{path.name}.part"), progress)
    try:
        pooch.retrieve(address, known_hash=checksum, fname=path.name, path=path.parent, downloader=part)
    except requests.HTTPError as error:
        found = f"The server refuses: {error}."
        raise InputProblem(address, found, "The file may have moved: update the package that names it.") from error
    except requests.RequestException as error:
        found = f"The server cannot be reached, or broke off; {part.size / _MIB:.1f} MiB have come and are kept."
        raise InputProblem(address, found, f"Check the connection. {_AGAIN}") from error
    except OSError as error:
        raise InputProblem.from_os_error(error, part.path, "The download cannot be written") from error
    except ValueError as error:
        if isinstance(error, InputProblem):
            raise
        found = f"What was downloaded has not the published checksum ({checksum}), and is thrown away."
        raise InputProblem(
            address, found, "Try again; if it stays so, update the package that publishes it."
        ) from error


class _Part:
    """A file that is downloaded in parts; pooch calls it to bring the whole file to where its checksum is looked at."""

    def __init__(self, path: Path, progress: Progress) -> None:
        self.path, self._progress = path, progress

    @property
    def size(self) -> int:
        """Of what has come, in bytes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def __call__(self, url: str, output_file: str, pooch: Any, check_only: bool = False) -> None:
        """Download what is missing, and put the file where pooch wants it."""
        import requests

        while True:
            before = self.size
            try:
                self._go_on(url)
                break
            except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
                if self.size <= before:
                    raise
        self.path.replace(output_file)

    def _go_on(self, url: str) -> None:
        """Ask for what is missing and write it behind what is there; begin anew where the server sends no parts."""
        import requests

        have = self.size
        headers = {"User-Agent": f"napari-medkd/{__version__}", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        with requests.get(url, headers=headers, stream=True, timeout=_SECONDS_OF_SILENCE) as response:
            if have and response.status_code in (206, 416) and _start(response) != have:
                if _size_told(response) == have:
                    return
                self.path.unlink()
                self._go_on(url)
                return
            response.raise_for_status()
            self._write(response, have if response.status_code == 206 else 0)

    def _write(self, response: "Response", have: int) -> None:
        length = response.headers.get("Content-Length", "")
        coming = int(length) if length.isdecimal() else None
        total = None if coming is None else have + coming
        _refuse_full_disk(self.path, coming or 0)
        with self.path.open("ab" if have else "wb") as file:
            self._progress(have, total)
            for piece in response.iter_content(_PIECE):
                file.write(piece)
                have += len(piece)
                self._progress(have, total)


def _start(response: "Response") -> int | None:
    """Return the place of the first byte that a server sends of a file, if it says so."""
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _size_told(response: "Response") -> int | None:
    """Return the size of the whole file, if the server says so."""
    found = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _refuse_full_disk(path: Path, num_bytes: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if num_bytes > free:
        found = f"{num_bytes / _MIB:,.0f} MiB are to come, and the disk has {free / _MIB:,.0f} MiB free."
        raise InputProblem(str(path.parent), found, "Free some space, or name a folder on another disk.")
