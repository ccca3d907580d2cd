"""Whether an image fits into memory, asked before it is read."""

from pathlib import Path

import psutil

from napari_medkd.core.errors import VolumeProblem


def refuse_beyond_memory(num_bytes: int, path: Path) -> None:
    """Raise a VolumeProblem naming the file where fewer than ``num_bytes`` are free."""
    free = psutil.virtual_memory().available
    if num_bytes > free:
        raise VolumeProblem(
            str(path),
            f"The image needs {num_bytes / 2**30:.1f} GiB of memory; {free / 2**30:.1f} GiB are free.",
            "Crop it or save it at a lower resolution, or close other programs.",
        )
