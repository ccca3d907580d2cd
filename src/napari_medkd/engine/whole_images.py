"""Images that something asks for as a whole, and that are too large for that as a network sees them."""

from collections.abc import Sequence
from math import prod
from pathlib import Path

from napari_medkd.core.errors import Problem, VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.engine.data.preprocess import network_grid
from napari_medkd.engine.data.streamed import is_streamed
from napari_medkd.files.memory import MOST_VOXELS_HELD


def refuse_for_boxes(grids: Sequence[tuple[Path, Grid]], preprocessing: Preprocessing) -> None:
    """Raise a VolumeProblem naming the images that are too large to find boxes in, which is done in whole images."""
    problems = problems_beyond_memory(grids, preprocessing, "boxes are found in whole images", "crop the image")
    if problems:
        raise VolumeProblem.of(problems)


def problems_beyond_memory(
    grids: Sequence[tuple[Path, Grid]], preprocessing: Preprocessing, why: str, otherwise: str
) -> list[Problem]:
    """Return which images cannot be held in memory as a network sees them.

    Parameters
    ----------
    grids
        Of images, by their files.
    why, otherwise
        What is done with whole images, and what else can be done than to see them coarser.
    """
    seen = [(file, network_grid(grid, preprocessing)) for file, grid in grids]
    return [
        _too_large(file, grid, preprocessing, f"{why} of at most {MOST_VOXELS_HELD:.2g}.", otherwise)
        for file, grid in seen
        if is_streamed(grid, preprocessing)
    ]


def _too_large(file: Path, grid: Grid, preprocessing: Preprocessing, why: str, otherwise: str) -> Problem:
    voxels = len(preprocessing.channels) * prod(grid.shape)
    coarser = 1.01 * (voxels / MOST_VOXELS_HELD) ** (1 / preprocessing.dimensions)
    first = 3 - preprocessing.dimensions
    enough = ", ".join(f"{side * coarser if axis >= first else side:.3g}" for axis, side in enumerate(grid.spacing))
    return Problem(
        str(file),
        f"As the network sees it the image has {grid.describe()}, {voxels:.2g} in all: {why}",
        f"Set a coarser preprocessing.spacing, for example [{enough}], or {otherwise}.",
    )
