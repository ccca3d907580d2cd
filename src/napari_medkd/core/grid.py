"""The lattice of voxels an image lives on: the only place where geometry is computed.

Array axes are (z, y, x) and their indices grow towards Inferior, Posterior, Left. World points are
(right, anterior, superior), as in NIfTI. Voxel centres are integers; box corners are voxel edges.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_medkd.core.errors import VolumeProblem

Unit: TypeAlias = Literal["mm", "pixel"]

#: World direction (R, A, S) of one step along z, y and x in the canonical order: Inferior, Posterior, Left.
_CANONICAL_DIRECTIONS = np.array([[0.0, 0.0, -1.0], [0.0, -1.0, 0.0], [-1.0, 0.0, 0.0]])


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Shape and position of a voxel lattice.

    Parameters
    ----------
    shape
        Number of voxels along (z, y, x); a 2-D image has one plane, ``(1, y, x)``.
    affine
        (4, 4) matrix from voxel centres (z, y, x, 1) to world points (right, anterior, superior, 1).
    unit
        ``"mm"``, or ``"pixel"`` for pictures without a physical size.
    axes_in_file
        Where the three indices of the source file grow, for example ``"RAS"``: what saving restores.

    Raises
    ------
    VolumeProblem
        Where the shape is empty, or the affine is singular or not finite.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    unit: Unit = "mm"
    axes_in_file: str = field(default="IPL")

    def __post_init__(self) -> None:
        affine = np.array(self.affine, dtype=np.float64)
        affine.setflags(write=False)
        object.__setattr__(self, "affine", affine)
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        if np.shape(self.shape) != (3,) or min(self.shape) < 1:
            raise VolumeProblem(
                "grid", f"The shape is {self.shape}; expected three sizes of at least 1.", "Check the image file."
            )
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise VolumeProblem("grid", "The affine is not a finite 4 x 4 matrix.", "Repair the image's header.")
        if affine[3].tolist() != [0, 0, 0, 1]:
            raise VolumeProblem(
                "grid",
                f"The affine's last row is {affine[3].tolist()}; expected 0, 0, 0, 1.",
                "Repair the image's header.",
            )
        scale = np.linalg.norm(affine[:3, :3], axis=0)
        if scale.min() <= 0 or abs(np.linalg.det(affine[:3, :3] / np.where(scale > 0, scale, 1))) < 1e-6:
            raise VolumeProblem(
                "grid",
                "The affine is singular: two voxel axes point the same way, or a spacing is zero.",
                "Repair the image's header (sform/qform), for example by saving it again from your viewer.",
            )

    @classmethod
    def upright(
        cls, shape: tuple[int, int, int], spacing: tuple[float, float, float] = (1.0, 1.0, 1.0), unit: Unit = "mm"
    ) -> "Grid":
        """Return an axis-aligned grid in canonical order with its first voxel's centre at the origin."""
        affine = np.eye(4)
        affine[:3, :3] = (_CANONICAL_DIRECTIONS * np.asarray(spacing)[:, None]).T
        return cls(shape, affine, unit)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance between voxel centres along (z, y, x), in `unit`."""
        z, y, x = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(z), float(y), float(x)

    @property
    def extent(self) -> tuple[float, float, float]:
        """Size of the whole lattice along (z, y, x), edge to edge, in `unit`."""
        (z, y, x), (a, b, c) = self.shape, self.spacing
        return z * a, y * b, x * c

    @property
    def is_flat(self) -> bool:
        """Whether this is the grid of a 2-D image."""
        return self.shape[0] == 1

    def to_world(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return world points (N, 3) (right, anterior, superior) of voxel points (N, 3) (z, y, x)."""
        world: NDArray[np.float64] = np.asarray(points, dtype=np.float64) @ self.affine[:3, :3].T + self.affine[:3, 3]
        return world

    def to_voxel(self, points: ArrayLike) -> NDArray[np.float64]:
        """Return voxel points (N, 3) (z, y, x) of world points (N, 3) (right, anterior, superior)."""
        shifted = np.asarray(points, dtype=np.float64) - self.affine[:3, 3]
        voxel: NDArray[np.float64] = np.linalg.solve(self.affine[:3, :3], shifted.T).T.astype(np.float64)
        return voxel

    def corners_in_world(self) -> NDArray[np.float64]:
        """Return the world points (8, 3) of the centres of the eight corner voxels."""
        return self.to_world(self._corners())

    def _corners(self) -> NDArray[np.int64]:
        """Return the eight corner voxels (8, 3)."""
        ends = [(0, size - 1) for size in self.shape]
        return np.array(np.meshgrid(*ends, indexing="ij"), dtype=np.int64).reshape(3, -1).T

    def matches(self, other: "Grid", tolerance: float = 0.1) -> bool:
        """Return whether both lattices have one shape and no corner is further apart than ``tolerance`` (voxels)."""
        if self.shape != other.shape:
            return False
        distance = np.linalg.norm(self.corners_in_world() - other.corners_in_world(), axis=1)
        return bool(distance.max() <= tolerance * min(self.spacing))

    def steps_in(self, other: "Grid") -> NDArray[np.int64] | None:
        """Return the matrix (3, 4) from voxels of this lattice to those of another one that they lie on.

        None where a corner is further than a tenth of a voxel from one of it, or of its continuation.
        """
        corners = self._corners()
        found = other.to_voxel(self.to_world(corners))
        steps = np.rint(np.linalg.solve(other.affine, self.affine)[:3]).astype(np.int64)
        steps[:, 3] = np.rint(found[0])
        turns = np.abs(steps[:, :3])
        is_turned = (turns.sum(axis=0) == 1).all() and (turns.sum(axis=1) == 1).all()
        there = corners @ steps[:, :3].T + steps[:, 3]
        return steps if is_turned and np.abs(found - there).max() <= 0.1 else None

    def resized(self, spacing: tuple[float, float, float]) -> "Grid":
        """Return the grid of another spacing that covers the same extent (same outer edges, shape rounded up)."""
        old = np.array(self.spacing)
        new = np.array([s if n > 1 else o for s, n, o in zip(spacing, self.shape, old, strict=True)])
        shape = np.maximum(1, np.ceil(np.array(self.shape) * old / new - 1e-3)).astype(int)
        affine = self.affine.copy()
        affine[:3, :3] = self.affine[:3, :3] * (new / old)
        first_centre = (new / old - 1) / 2  # voxel edges coincide at the first corner
        affine[:3, 3] = self.to_world(first_centre)
        z, y, x = (int(n) for n in shape)
        return Grid((z, y, x), affine, self.unit, self.axes_in_file)

    def describe(self) -> str:
        """Return the grid in words, for a message: ``35 x 51 x 35 voxels of 1 x 1 x 1 mm``."""
        shape = " x ".join(str(n) for n in self.shape)
        spacing = " x ".join(f"{s:.4g}" for s in self.spacing)
        return f"{shape} voxels of {spacing} {self.unit}"
