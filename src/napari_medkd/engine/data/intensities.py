"""From an image's intensities to a network's: what is clipped and how it is scaled, found once and applied anywhere."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.preprocessing import IntensityRule


@dataclass(frozen=True, slots=True)
class Scaling:
    """Clips intensities to ``low`` and ``high``, takes ``shift`` away and divides by ``size``; 0 makes all 0."""

    low: float
    high: float
    shift: float
    size: float

    @classmethod
    def of(cls, image: NDArray[np.float32], rule: IntensityRule) -> "Scaling":
        """Return what a rule means for the intensities of one channel; a constant image becomes 0."""
        if rule.kind == "window":
            low, high = rule.low, rule.high
        else:
            low, high = (float(value) for value in np.percentile(image, (rule.low, rule.high)))
        if high <= low:
            low, high = float(image.min()), float(image.max())
        if high <= low:
            return cls(low, high, low, 0.0)
        if rule.kind == "standardise":
            clipped = np.clip(image, low, high)
            return cls(low, high, float(clipped.mean()), max(float(clipped.std()), 1e-8))
        return cls(low, high, low, high - low)

    def __call__(self, image: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the intensities scaled."""
        if not self.size:
            return np.zeros_like(image)
        scaled: NDArray[Any] = (np.clip(image, self.low, self.high) - self.shift) / self.size
        return scaled
