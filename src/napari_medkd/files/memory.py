"""What an image costs in memory, asked before it is read."""

from pathlib import Path

import psutil

from napari_medkd.core.errors import VolumeProblem

#: An image of more bytes is not copied, and where its file allows, not read before a part of it is needed.
LARGE_BYTES = 64 * 2**20

#: An array of more voxels is not held in memory: images are prepared crop by crop, masks are written chunk by chunk.
MOST_VOXELS_HELD = 2**28


def refuse_beyond_memory(num_bytes: int, path: Path) -> None:
    """Raise a VolumeProblem naming the file where fewer than ``num_bytes`` are free."""
    free = psutil.virtual_memory().available
    if num_bytes > free:
        raise VolumeProblem(
            str(path),
            f"The image needs {num_bytes / 2**30:.1f} GiB of memory; {free / 2**30:.1f} GiB are free.",
            "Crop it or save it at a lower resolution, or close other programs.",
        )
