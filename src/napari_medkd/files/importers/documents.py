"""Text and JSON that lie beside images, read with a bound on their size; every fault names the file."""

import json
from pathlib import Path
from typing import Any

from napari_medkd.core.errors import DatasetProblem

#: The largest document that is read; the largest public one known to us (COCO 2017) has 450 MB.
_MOST_BYTES = 512 * 2**20


def text_of(path: Path) -> str:
    """Return the UTF-8 text of a file, without the mark that some programs put before it.

    Raises
    ------
    DatasetProblem
        Where the file cannot be read, is larger than 512 MiB, or is no UTF-8 text.
    """
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES:
            raise DatasetProblem(
                str(path), f"The file has {size / 2**20:.0f} MiB; at most 512 are read.", "Split it, or check it."
            )
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DatasetProblem.from_os_error(error, path, "The file cannot be read") from error
    except UnicodeDecodeError as error:
        raise DatasetProblem(str(path), f"The file is not UTF-8 text ({error}).", "Save it as UTF-8.") from error


def json_of(path: Path) -> Any:
    """Return what a JSON document holds.

    Raises
    ------
    DatasetProblem
        As `text_of`, or where the text is no JSON.
    """
    try:
        return json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        if isinstance(error, DatasetProblem):
            raise
        raise DatasetProblem(str(path), f"This is no JSON document: {error}.", "Correct it at that place.") from error
