"""An array in the order of a file and its affine <-> an image in canonical order."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid, Unit
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.files.axes import are_axes, to_canonical, to_file_order
from napari_medkd.files.memory import LARGE_BYTES


def placed(
    values: NDArray[Any],
    affine: NDArray[np.float64],
    names: tuple[str, ...],
    path: Path,
    unit: Unit = "mm",
    modality: Modality = Modality.OTHER,
) -> Volume:
    """Return the image of an array (i, j, k, channel); a large one is a view of it.

    Parameters
    ----------
    affine
        (4, 4) from (i, j, k) to (right, anterior, superior).

    Raises
    ------
    VolumeProblem
        Where the affine is singular, so that there is no orientation.
    """
    Grid((1, 1, 1), affine)
    letters = "".join(nibabel.aff2axcodes(affine))  # type: ignore[no-untyped-call]
    data, affine = to_canonical(values, affine, letters)
    grid = Grid((data.shape[0], data.shape[1], data.shape[2]), affine, unit, letters)
    data = np.moveaxis(data, 3, 0)
    if data.nbytes <= LARGE_BYTES:
        data = np.require(data, requirements=["C", "A", "W"])  # as other libraries want it
    return Volume(data, grid, names, modality, path)


def in_file_order(data: NDArray[Any], grid: Grid, path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the array (i, j, k, channel) and the affine of an image (channel, z, y, x), in the order of its file.

    Numbers of a type that formats do not know become the next one that holds them.

    Raises
    ------
    VolumeProblem
        Where the grid's order of axes is nonsense.
    """
    if not are_axes(grid.axes_in_file):
        raise VolumeProblem(
            str(path),
            f"The file's axes are {grid.axes_in_file!r}; expected one each of R/L, A/P and S/I, such as 'RAS'.",
            "Create the grid through napari_medkd.files.opening.read_volume.",
        )
    next_kind = {np.dtype(np.bool_): np.uint8, np.dtype(np.float16): np.float32}.get(data.dtype, data.dtype)
    return to_file_order(np.moveaxis(data.astype(next_kind, copy=False), 0, 3), grid.affine, grid.axes_in_file)
