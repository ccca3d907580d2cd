"""A head-sized body with letters and coloured plates at known anatomical places, saved in any file orientation."""

from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray

#: Label of the plate at each end of the body's axes.
PLATES = {"R": 1, "L": 2, "A": 3, "P": 4, "S": 5, "I": 6}
#: World direction (right, anterior, superior) of each letter.
DIRECTIONS = {"R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1), "I": (0, 0, -1)}

#: The planes of letters lie this far to the right, front and top of the middle, so that they do not cross.
LETTERS_AT_MM = 20.0

_SHAPE = np.array((96, 112, 72))
_SPACING_MM = np.array((1.25, 1.25, 2.0))
_GLYPHS = {
    "R": ("11110", "10001", "10001", "11110", "10100", "10010", "10001"),
    "L": ("10000", "10000", "10000", "10000", "10000", "10000", "11111"),
    "A": ("01110", "10001", "10001", "11111", "10001", "10001", "10001"),
    "P": ("11110", "10001", "10001", "11110", "10000", "10000", "10000"),
    "S": ("01111", "10000", "10000", "01110", "00001", "00001", "11110"),
    "I": ("01110", "00100", "00100", "00100", "00100", "00100", "01110"),
}
#: For each plane: its normal's axis, the axes of a letter's columns and rows (both against R, A, S), and the letters.
_PLANES = {"axial": (2, 0, 1, "RLAP"), "coronal": (1, 0, 2, "RLSI"), "sagittal": (0, 1, 2, "APSI")}


def save_phantom(folder: Path, orientation: str, *, tilt_degrees: float = 0.0) -> tuple[Path, Path]:
    """Write image and labels as NIfTI whose indices grow along the letters of ``orientation``; return both paths."""
    affine = np.diag([*_SPACING_MM, 1.0])
    affine[:3, 3] = -(_SHAPE - 1) / 2 * _SPACING_MM + (7.0, -4.0, 11.0)
    turn = np.deg2rad(tilt_degrees)
    tilt = np.eye(4)
    tilt[1:3, 1:3] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    paths = []
    for kind, array in (("image", _letters()), ("labels", _plates())):
        stored = nibabel.Nifti1Image(array, tilt @ affine)
        way = nibabel.orientations.ornt_transform(
            nibabel.orientations.axcodes2ornt("RAS"), nibabel.orientations.axcodes2ornt(orientation)
        )
        path = folder / f"{kind}_{orientation}.nii.gz"
        nibabel.save(stored.as_reoriented(way), path)
        paths.append(path)
    return paths[0], paths[1]


def _points_mm() -> NDArray[np.float64]:
    """Return (i, j, k, 3): where each voxel is from the centre, in mm to the right, front and top."""
    indices = np.moveaxis(np.indices(_SHAPE), 0, -1)
    points: NDArray[np.float64] = (indices - (_SHAPE - 1) / 2) * _SPACING_MM
    return points


def _plates() -> NDArray[np.uint8]:
    points = _points_mm()
    labels = np.zeros(_SHAPE, np.uint8)
    for letter, label in PLATES.items():
        direction = np.array(DIRECTIONS[letter])
        middle = direction * (_SHAPE * _SPACING_MM / 2 - 8)
        half = np.where(direction == 0, 26, 5)
        labels[(np.abs(points - middle) < half).all(axis=-1)] = label
    return labels


def _letters() -> NDArray[np.int16]:
    points = _points_mm()
    body = np.linalg.norm(points / (_SHAPE * _SPACING_MM / 2), axis=-1) < 1
    image = np.where(body, 300 + points.sum(axis=-1), 0).astype(np.int16)
    for normal, columns_along, rows_along, letters in _PLANES.values():
        slab = np.abs(points[..., normal] - LETTERS_AT_MM) < 4
        for letter in letters:
            middle = np.array(DIRECTIONS[letter]) * 38.0
            column = np.floor((middle - points)[..., columns_along] / 4 + 2.5).astype(int)
            row = np.floor((middle - points)[..., rows_along] / 4 + 3.5).astype(int)
            glyph = np.array([[int(mark) for mark in line] for line in _GLYPHS[letter]])
            inside = slab & (column >= 0) & (column < 5) & (row >= 0) & (row < 7)
            image[inside] = np.where(glyph[row[inside], column[inside]], 1000, image[inside])
    return image
