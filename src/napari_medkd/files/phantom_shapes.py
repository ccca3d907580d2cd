"""The clay of the sample generator: places in mm, smooth noise, and solids as signed distances.

A *field* is a float32 array (Z, Y, X): the distance in mm to a solid's surface, negative inside. Distances are
first-order estimates, exact near the surface, which is where a field is turned into the share of a voxel it fills.
"""

from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label
from scipy.spatial.transform import Rotation

Field: TypeAlias = NDArray[np.floating[Any]]
Point: TypeAlias = tuple[float, float, float]

#: The radius that makes a cylinder of an ellipsoid.
FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Places:
    """Where every voxel lies in the patient, in mm; each array has the shape (Z, Y, X).

    Attributes
    ----------
    z, y, x
        Towards the feet from the first plane, towards the back and towards the left from the middle.
    """

    z: Field
    y: Field
    x: Field

    @classmethod
    def of_voxels(cls, shape: tuple[int, int, int], extent_mm: Point) -> Self:
        """Return the voxel centres of a box: z counts from its first plane, y and x from its middle."""
        z, y, x = (
            ((np.arange(n, dtype=np.float32) + 0.5) / n - start) * length
            for n, length, start in zip(shape, extent_mm, (0.0, 0.5, 0.5), strict=True)
        )
        return cls(*(axis.copy() for axis in np.meshgrid(z, y, x, indexing="ij")))

    def moved(self, dz: Field, dy: Field, dx: Field) -> Self:
        """Return the places shifted voxel by voxel."""
        return replace(self, z=self.z + dz, y=self.y + dy, x=self.x + dx)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int, int], cells: int) -> Field:
    """Return noise that varies over about ``1 / cells`` of the box along each axis, with mean 0 and variance 1.

    The same generator state gives the same pattern whatever the shape: it only samples it more finely.
    """
    lattice = rng.standard_normal((cells + 3,) * 3, dtype=np.float32)
    # Along x first: the intermediate arrays then stay small.
    for weights in [_blending(n, cells) for n in reversed(shape)]:
        lattice = np.moveaxis(np.tensordot(lattice, weights, axes=([2], [1])), 2, 0)
    return np.ascontiguousarray(lattice)


def _blending(length: int, cells: int) -> NDArray[np.float32]:
    """Return the weights (length, cells + 3) with which lattice points enter each voxel of an axis."""
    position = (np.arange(length) + 0.5) / length * cells + 1.0
    weights = np.exp(-((position[:, None] - np.arange(cells + 3)) ** 2))
    return np.asarray(weights / np.sqrt((weights**2).sum(axis=1, keepdims=True)), dtype=np.float32)


def ellipsoid(places: Places, centre: Point, radii: Point, exponent: float = 2.0, turn: Point = (0, 0, 0)) -> Field:
    """Return the field of a superellipsoid.

    Parameters
    ----------
    places
        Where to evaluate.
    centre, radii
        In mm, order (z, y, x). A radius of :data:`FOREVER` makes a cylinder.
    exponent
        2 is an ellipsoid; larger is boxier.
    turn
        Degrees about z, y and x, in this order.
    """
    offsets = [places.z - centre[0], places.y - centre[1], places.x - centre[2]]
    if any(turn):
        matrix = Rotation.from_euler("xyz", turn, degrees=True).as_matrix().astype(np.float32)
        offsets = [row[0] * offsets[0] + row[1] * offsets[1] + row[2] * offsets[2] for row in matrix]
    level = np.zeros_like(places.z)
    steepness = np.zeros_like(places.z)
    for offset, radius in zip(offsets, radii, strict=True):
        if np.isinf(radius):
            continue
        part = np.abs(offset) / radius + 1e-3
        power = part if exponent == 2.0 else part ** (exponent - 1)
        level += power * part
        steepness += (power / radius) ** 2
    # r = level ** (1 / e) is 1 on the surface and its gradient is r ** (1 - e) * sqrt(steepness).
    r = np.sqrt(level) if exponent == 2.0 else level ** (1 / exponent)
    return np.asarray((r - 1) * level / (r * np.sqrt(steepness)))


def joined(one: Field, other: Field, blend_mm: float) -> Field:
    """Return the union of two solids with the edge between them filled over ``blend_mm``."""
    overlap = np.maximum(blend_mm - np.abs(one - other), 0) / blend_mm
    return np.asarray(np.minimum(one, other) - overlap**2 * (blend_mm / 4))


def without(solid: Field, cut: Field, gap_mm: float = 0.0) -> Field:
    """Return a solid less another one and a gap around it."""
    remainder: Field = np.maximum(solid, gap_mm - cut)
    return remainder


def largest_piece(solid: Field) -> Field:
    """Return a solid without the crumbs that cutting left beside its largest piece."""
    pieces, count = label(solid < 0)
    if count < 2:
        return solid
    largest = 1 + int(np.argmax(np.bincount(pieces.ravel())[1:]))
    return np.asarray(np.where((pieces == 0) | (pieces == largest), solid, -solid))


def filled(field: Field, edge_mm: float) -> Field:
    """Return the share of each voxel that a solid fills, 0 to 1, for voxels of about ``edge_mm``."""
    share: Field = np.clip(0.5 - field / edge_mm, 0, 1)
    return share
