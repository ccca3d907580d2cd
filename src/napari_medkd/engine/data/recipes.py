"""How a labelled image is made from a reference and unlabelled cases: whose shape it takes, and whose intensities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

#: Both shape parameters of the Beta distribution of mixtures (BRBS): most draws are nearly all or nearly nothing.
_BETA = 0.3

Generation: TypeAlias = Literal["warped reference", "independent transforms", "mixed transforms", "composed transforms"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one synthetic image is made of.

    Parameters
    ----------
    moves
        Cases whose flows the reference follows, one after the other, each with the share of its flow.
    style_of
        The case whose intensities are mixed in, if any.
    style_share
        How much of them, 0 to 1.
    """

    moves: tuple[tuple[int, float], ...]
    style_of: int | None = None
    style_share: float = 0.0


def _warped_reference(case: int, num_cases: int, random: np.random.Generator) -> Recipe:
    """Return the reference in the case's shape (OS-MedSeg, stage A)."""
    del num_cases, random
    return Recipe(((case, 1.0),))


def _independent_transforms(case: int, num_cases: int, random: np.random.Generator) -> Recipe:
    """Return the shape of the case, the intensities of another (Zhao et al., CVPR 2019, "Brainstorm")."""
    return Recipe(((case, 1.0),), int(random.integers(num_cases)), 1.0)


def _mixed_transforms(case: int, num_cases: int, random: np.random.Generator) -> Recipe:
    """Return part of the way to the case's shape and to another's intensities (He et al., ECCV 2022, "BRBS")."""
    shape, style = random.beta(_BETA, _BETA, 2)
    return Recipe(((case, float(shape)),), int(random.integers(num_cases)), float(style))


def _composed_transforms(case: int, num_cases: int, random: np.random.Generator) -> Recipe:
    """Return the case's shape, part of the way on along another's flow; intensities as in mixed transforms."""
    style = random.beta(_BETA, _BETA)
    other, further = int(random.integers(num_cases)), float(random.uniform(-0.5, 0.5))
    return Recipe(((case, 1.0), (other, further)), int(random.integers(num_cases)), float(style))


#: Draws the recipe of one synthetic image for a case, given how many cases there are.
RECIPES: Mapping[Generation, Callable[[int, int, np.random.Generator], Recipe]] = {
    "warped reference": _warped_reference,
    "independent transforms": _independent_transforms,
    "mixed transforms": _mixed_transforms,
    "composed transforms": _composed_transforms,
}
