"""One made-up patient: where every voxel lies in it, the dice that shape it, and the parts it is painted from.

Places are in mm, order (z, y, x): towards the feet from the first plane, towards the back and towards the patient's
left from the middle of the body.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_medkd.files.phantom_shapes import Field, Places, Point, ellipsoid, filled, smooth_noise

#: Size of the scanned box, order (z, y, x).
EXTENT_MM: Point = (224.0, 320.0, 320.0)

BACKGROUND, LIVER, SPLEEN, KIDNEYS, SPINE, AORTA = range(6)


@dataclass(frozen=True, slots=True)
class Part:
    """One layer of paint: later parts cover earlier ones.

    Attributes
    ----------
    tissue
        What it is made of.
    share
        How much of each voxel it fills, 0 to 1.
    label
        The class of the voxels it fills for the most part.
    """

    tissue: str
    share: Field
    label: int = BACKGROUND


def visible_labels(parts: list[Part]) -> NDArray[np.uint8]:
    """Return the class of every voxel once all parts are painted: each part takes the voxels it fills by half."""
    labels = np.zeros(parts[0].share.shape, dtype=np.uint8)
    for part in parts:
        labels[part.share >= 0.5] = part.label
    return labels


@dataclass(frozen=True)
class Patient:
    """What the organs of one patient share.

    Attributes
    ----------
    rng
        The dice; whoever draws an organ throws them, so the order of drawing belongs to the seed.
    places
        Where every voxel lies.
    edge_mm
        Mean edge of a voxel.
    """

    rng: np.random.Generator
    places: Places
    edge_mm: float

    @classmethod
    def of_seed(cls, seed: int, shape: tuple[int, int, int]) -> Self:
        """Return a patient of random size and build, bent as a whole by one smooth displacement."""
        rng = np.random.default_rng(np.random.SeedSequence([seed, 0]))
        straight = Places.of_voxels(shape, EXTENT_MM)
        size = rng.uniform(0.94, 1.08)
        reach = rng.uniform(-8, 8)
        scaled = Places((straight.z + reach) * size, straight.y * size, straight.x * size)
        dz, dy, dx = (amount * smooth_noise(rng, shape, 4) for amount in (6, 4, 5))
        edge_mm = float(np.mean([length / n for length, n in zip(EXTENT_MM, shape, strict=True)]))
        return cls(rng, scaled.moved(dz, dy, dx), edge_mm)

    def noise(self, cells: int) -> Field:
        """Return smooth noise over the scanned box; see :func:`smooth_noise`."""
        return smooth_noise(self.rng, self.places.z.shape, cells)

    def solid(
        self, centre: Point, radii: Point, exponent: float = 2.0, turn: Point = (0, 0, 0), wander: float = 5.0
    ) -> Field:
        """Return a superellipsoid that is moved, resized and turned a little at random, with a bumpy surface."""
        shift = self.rng.uniform(-wander, wander, 3).tolist()
        growth = self.rng.uniform(0.9, 1.12, 3).tolist()
        angles = self.rng.uniform(-6, 6, 3).tolist()
        field = ellipsoid(
            self.places,
            (centre[0] + shift[0], centre[1] + shift[1], centre[2] + shift[2]),
            (radii[0] * growth[0], radii[1] * growth[1], radii[2] * growth[2]),
            exponent,
            (turn[0] + angles[0], turn[1] + angles[1], turn[2] + angles[2]),
        )
        return field + 0.06 * min(radii) * self.noise(9)

    def part(self, tissue: str, field: Field, label: int = BACKGROUND) -> Part:
        """Return the part that a solid's field fills."""
        return Part(tissue, filled(field, self.edge_mm), label)
