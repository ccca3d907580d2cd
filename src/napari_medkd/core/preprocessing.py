"""What is done to an image before a network sees it, as data.

It is saved in every checkpoint and is the same for training and prediction.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from napari_medkd.core.grid import Unit
from napari_medkd.core.settings import Settings


class IntensityRule(Settings):
    """How raw intensities become network input, per channel."""

    kind: Literal["percentiles", "window", "standardise"] = "percentiles"
    """``percentiles``: clip at the image's own low and high percentile, scale to 0..1. ``window``: the same with fixed
    bounds (HU for CT). ``standardise``: clip at the percentiles, then zero mean and unit variance."""
    low: float = 2.0
    """Lower percentile (0..100), or lower bound in the image's unit for ``window``."""
    high: float = 98.0
    """Upper percentile (0..100), or upper bound in the image's unit for ``window``."""

    @model_validator(mode="after")
    def _refuse_impossible_bounds(self) -> Self:
        if self.low >= self.high:
            message = f"low is {self.low:g} and high {self.high:g}; low must be the smaller one"
            raise ValueError(message)
        if self.kind != "window" and not (self.low >= 0 and self.high <= 100):
            message = f"{self.low:g} to {self.high:g} are no percentiles (0 to 100); of intensities, take kind 'window'"
            raise ValueError(message)
        return self


class Preprocessing(Settings):
    """A complete, resolved recipe from a volume to a network's input."""

    dimensions: Literal[2, 3]
    """Whether the network sees planes or volumes."""
    spacing: tuple[float, float, float]
    """Voxel size (z, y, x) the image is resampled to; an axis with one voxel is left alone."""
    unit: Unit | None = None
    """Of the spacing; None where a run did not write it down yet."""
    intensity: IntensityRule = IntensityRule()
    patch: tuple[int, int, int]
    """Voxels (z, y, x) of a training patch and of the sliding window; z is 1 for 2-D networks."""
    channels: tuple[str, ...]
    """Names of the image channels, in order."""
    whole: bool = False
    """Whether every image is made to fit into the patch as a whole: it becomes no finer than the spacing, and coarser
    where it does not fit."""


class PreprocessingWishes(Settings):
    """What a person fixed in advance; everything left at None is chosen from the data and written to resolved.json."""

    spacing: tuple[float, float, float] | None = None
    """Voxel size (z, y, x) to resample to; None takes the median spacing of the training cases, or, where there are
    references, of all cases but those set apart; a coarser one where only boxes are learned that are too long to be
    seen as a whole. Images that are given classes are seen as a whole: none becomes finer than this, and None takes
    the finest, which leaves those that fit into the patch alone."""
    intensity: IntensityRule | None = None
    """None takes a soft-tissue window for CT and the 2nd to 98th percentile otherwise."""
    patch: tuple[int, int, int] | None = Field(default=None)
    """Voxels (z, y, x); None takes what covers the images within memory."""
