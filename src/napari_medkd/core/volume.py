"""An image on its grid."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.grid import Grid


class Modality(StrEnum):
    """How an image was made; CT is in Hounsfield units."""

    CT = "CT"
    MR = "MR"
    XR = "XR"
    US = "US"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """An image of one or more channels; a 2-D picture is a volume with one plane.

    Parameters
    ----------
    data
        Intensities of shape (channel, z, y, x). A large image may stay on the disk: then this is an array that reads
        what is looked at, mapped by numpy or of dask.
    grid
        Where the voxels are.
    channels
        A name for each channel.
    modality
        How it was made.
    source
        The file it came from, if any.
    """

    data: NDArray[Any]
    grid: Grid
    channels: tuple[str, ...] = ("image",)
    modality: Modality = Modality.OTHER
    source: Path | None = None

    def __post_init__(self) -> None:
        where = str(self.source or "volume")
        if self.data.ndim != 4 or self.data.shape[1:] != self.grid.shape:
            raise VolumeProblem(
                where,
                f"The array has shape {self.data.shape}; expected (channel, z, y, x) on a grid of {self.grid.shape}.",
                "Open the file through napari_medkd.files.opening.read_volume.",
            )
        if self.data.shape[0] != len(self.channels):
            raise VolumeProblem(
                where,
                f"The image has {self.data.shape[0]} channels but {len(self.channels)} channel names.",
                "Give one name per channel in medkd-dataset.json.",
            )

    @property
    def is_on_disk(self) -> bool:
        """Whether intensities are read only when they are looked at."""
        return type(self.data) is not np.ndarray

    @property
    def is_finite(self) -> bool:
        """Whether no intensity is NaN or infinite."""
        return not np.issubdtype(self.data.dtype, np.floating) or bool(np.isfinite(self.data).all())
