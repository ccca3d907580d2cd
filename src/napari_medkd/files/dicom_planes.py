"""An image as the planes that DICOM stores: frames in ascending order along their normal, and where each one lies."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid
from napari_medkd.files.dicom_header import MOST_FRAMES
from napari_medkd.files.placing import in_file_order
from napari_medkd.files.voxel_layout import LPS

#: The order of an array that came from no file, and that in which DICOM keeps axial slices.
_IN_MEMORY, _AXIAL = "IPL", "LPS"
_OPPOSITE = {"R": "L", "L": "R", "A": "P", "P": "A", "S": "I", "I": "S"}
_MOST_SHEAR = 1e-4
_LONGEST_SIDE = 2**16 - 1


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where planes lie, in mm towards (left, posterior, superior).

    Parameters
    ----------
    origin
        The centre of the first pixel of the first plane.
    directions
        Unit vectors (3, 3) as rows: along a row, along a column, and their normal.
    pixel_spacing
        Between rows, and between columns.
    between_slices
        From plane to plane along the normal.
    """

    origin: NDArray[np.float64]
    directions: NDArray[np.float64]
    pixel_spacing: tuple[float, float]
    between_slices: float

    @property
    def affine(self) -> NDArray[np.float64]:
        """Return the (4, 4) matrix from (plane, row, column)."""
        affine = np.eye(4)
        affine[:3, :3] = self.directions[::-1].T * (self.between_slices, *self.pixel_spacing)
        affine[:3, 3] = self.origin
        return affine

    def position(self, number: int) -> NDArray[np.float64]:
        """Return the centre (3,) of the first pixel of a plane, counted from 0."""
        position: NDArray[np.float64] = self.affine[:3] @ [number, 0, 0, 1]
        return position


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """An image as it is stored.

    Parameters
    ----------
    pixels
        (plane, row, column), or (plane, row, column, channel).
    place
        Where they lie; None for a picture whose pixels have no size.
    """

    pixels: NDArray[Any]
    place: Place | None


def in_planes(data: NDArray[Any], grid: Grid, path: Path) -> Planes:
    """Return the planes of an image (channel, z, y, x), in the order of its file; axial ones where it has none.

    Raises
    ------
    VolumeProblem
        Where the grid's axes are not at right angles, several planes have no place in space, or it has too many voxels
        along an axis.
    """
    turned, affine = _ascending(data, grid, path)
    pixels = np.ascontiguousarray(turned.transpose(2, 1, 0, 3))
    pixels = pixels[..., 0] if pixels.shape[3] == 1 else pixels
    if max(pixels.shape[1:3]) > _LONGEST_SIDE or len(pixels) > MOST_FRAMES:
        raise VolumeProblem(
            str(path),
            f"DICOM holds {_LONGEST_SIDE} rows and columns, and {MOST_FRAMES} planes; this is {grid.describe()}.",
            "Choose .nii.gz or .ome.zarr.",
        )
    if grid.unit == "mm":
        return Planes(pixels, _place(LPS @ affine, path))
    if not grid.is_flat:
        raise VolumeProblem(
            str(path),
            f"DICOM needs the size of a volume's voxels in mm; this is {grid.describe()}.",
            "Choose .tif, or set the size of the voxels.",
        )
    return Planes(pixels, None)


def _ascending(data: NDArray[Any], grid: Grid, path: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return (column, row, plane, channel) and its affine; where planes would descend, they are turned round."""
    letters = _AXIAL if grid.axes_in_file == _IN_MEMORY else grid.axes_in_file
    turned, affine = in_file_order(data, replace(grid, axes_in_file=letters), path)
    if np.linalg.det((LPS @ affine)[:3, :3]) > 0:
        return turned, affine
    other_way = letters[:2] + _OPPOSITE[letters[2]]
    return in_file_order(data, replace(grid, axes_in_file=other_way), path)


def _place(affine: NDArray[np.float64], path: Path) -> Place:
    """Return the place of an affine from (column, row, plane) to (left, posterior, superior)."""
    steps = np.linalg.norm(affine[:3, :3], axis=0)
    directions = (affine[:3, :3] / steps).T
    if np.abs(directions @ directions.T - np.eye(3)).max() > _MOST_SHEAR:
        raise VolumeProblem(
            str(path), "The image's axes are not at right angles, which DICOM cannot keep.", "Choose .nii.gz."
        )
    columns, rows, planes = steps.tolist()
    return Place(affine[:3, 3], directions, (rows, columns), planes)
