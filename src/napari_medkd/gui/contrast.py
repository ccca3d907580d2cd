"""What is drawn black and white: windows in Hounsfield units for CT, shares of the intensities for the rest.

Numbers only; `gui/windows.py` knows the layers.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.volume import Modality
from napari_medkd.files.memory import LARGE_BYTES

SOFT_TISSUE = "Soft tissue"
FULL_RANGE = "Full range"
MOST_VALUES = "Most values"
MIDDLE_VALUES = "Middle values"
AS_STORED = "As stored"

#: From black to white, in HU.
CT_WINDOWS = {
    SOFT_TISSUE: (-160.0, 240.0),
    "Lung": (-1350.0, 150.0),
    "Bone": (-500.0, 1300.0),
    "Brain": (0.0, 80.0),
}
#: From black to white, in percent of the voxels that are darker.
SHARES = {MOST_VALUES: (0.5, 99.8), MIDDLE_VALUES: (5.0, 95.0)}
_EIGHT_BITS = (0.0, 255.0)
_MOST_SAMPLES = 500_000
_MOST_COUNTED = 2**28
_PLANES_SAMPLED = 5


@dataclass(frozen=True, slots=True)
class Window:
    """A name and what is drawn black and white."""

    name: str
    low: float
    high: float

    @property
    def limits(self) -> tuple[float, float]:
        """Black and white."""
        return self.low, self.high


def first_window(values: NDArray[Any], modality: Modality, *, is_picture: bool = False) -> Window:
    """Return how an image is first shown: a soft-tissue window for CT, else nearly the whole range of intensities.

    A picture of 8 bits (a photograph, a screen) is shown as it is.
    """
    sample = _sample_of(values)
    if modality is Modality.CT or (modality is Modality.OTHER and _looks_like_hounsfield_units(sample)):
        return Window(SOFT_TISSUE, *CT_WINDOWS[SOFT_TISSUE])
    if sample.dtype == np.uint8 and is_picture:
        return Window(AS_STORED, *_EIGHT_BITS)
    return Window(MOST_VALUES, *_between_shares(sample, MOST_VALUES))


def names_after(first: str) -> tuple[str, ...]:
    """Return what an image that was first shown with a window can be shown with."""
    if first in CT_WINDOWS:
        return (*CT_WINDOWS, FULL_RANGE)
    return (*([AS_STORED] if first == AS_STORED else []), *SHARES, FULL_RANGE)


def limits_of(values: Any, name: str) -> tuple[float, float]:
    """Return what is drawn black and white of these intensities with the window of that name.

    The full range is exact for an array in memory, and that of a sample for what lies elsewhere or is very large.
    """
    if name in CT_WINDOWS:
        return CT_WINDOWS[name]
    if name == AS_STORED:
        return _EIGHT_BITS
    if name == FULL_RANGE:
        is_counted = type(values) is np.ndarray and values.size <= _MOST_COUNTED
        return _ends(values if is_counted else _sample_of(values))
    return _between_shares(_sample_of(values), name)


def reach_of(values: Any) -> tuple[float, float]:
    """Return the ends of the intensities, of a sample of them where there are many."""
    return _ends(_sample_of(values))


def sampled(values: Any) -> NDArray[Any]:
    """Return every n-th voxel along each axis; of a large volume those of a few planes, so that no other is read."""
    if values.nbytes > LARGE_BYTES and values.ndim > 2:
        planes = _PLANES_SAMPLED if isinstance(values, np.ndarray) else 1
        values = values[[(2 * n + 1) * len(values) // (2 * planes) for n in range(planes)]]
    step = max(1, int((values.size / _MOST_SAMPLES) ** (1 / max(1, sum(n > 1 for n in values.shape)))))
    return np.asarray(values[tuple(slice(None, None, step if n > step else 1) for n in values.shape)])


def _sample_of(values: Any) -> NDArray[Any]:
    """Return finite intensities from all over the image."""
    sample = sampled(values)
    finite: NDArray[Any] = sample[np.isfinite(sample)]
    return finite


def _between_shares(sample: NDArray[Any], name: str) -> tuple[float, float]:
    if not sample.size:
        return 0.0, 1.0
    low, high = (float(bound) for bound in np.percentile(sample, SHARES[name]))
    return (low, high) if high > low else _ends(sample)


def _ends(values: NDArray[Any]) -> tuple[float, float]:
    """Return the least and the greatest of finite values, which are never the same."""
    if not values.size:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if not np.isfinite((low, high)).all():
        return _ends(values[np.isfinite(values)])
    return (low, high) if high > low else (low, low + 1.0)


def _looks_like_hounsfield_units(sample: NDArray[Any]) -> bool:
    if not sample.size:
        return False
    air = np.mean((sample <= -500) & (sample >= -4096))
    return bool(air > 0.02 and sample.max() > 50)
