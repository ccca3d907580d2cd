"""Cuts training patches out of prepared cases: a third of them around a voxel of some class, the others anywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_medkd.core.task import UNKNOWN
from napari_medkd.engine.data.cases import Cases, PreparedCase
from napari_medkd.engine.data.resampling import Region
from napari_medkd.engine.data.streamed import StreamedImage

#: This share of every batch is centred on a voxel that is not background.
CENTRED_SHARE = 1 / 3


def _cut(
    case: PreparedCase, start: NDArray[np.int64], shape: tuple[int, int, int], *, label_goes_on: bool
) -> tuple[NDArray[np.float32], NDArray[np.int16]]:
    """Return image (C, z, y, x) and label (z, y, x) of a window; outside, the image's edge goes on."""
    image = window_of(case.image, start, shape)
    inside, padding = _inside(start, shape, case.label.shape)
    label = case.label[inside]
    if label.shape == shape:
        return image, label
    if label_goes_on:
        return image, np.pad(label, padding, mode="edge")
    return image, np.pad(label, padding, constant_values=UNKNOWN)


def window_of(
    array_CZYX: NDArray[np.float32] | StreamedImage, start: NDArray[np.int64], shape: tuple[int, int, int]
) -> NDArray[np.float32]:
    """Return a window (C, z, y, x) of an array over a case; outside, its edge goes on."""
    return window_read(lambda inside: array_CZYX[(slice(None), *inside)], array_CZYX.shape[1:], start, shape)


def window_read(
    read: Callable[[Region], NDArray[np.float32]],
    size: tuple[int, ...],
    start: NDArray[np.int64],
    shape: tuple[int, int, int],
) -> NDArray[np.float32]:
    """Return a window (C, z, y, x), as `window_of`, of which the part that lies in a case of that size is read."""
    inside, padding = _inside(start, shape, size)
    cut = read(inside)
    return cut if cut.shape[1:] == shape else np.pad(cut, [(0, 0), *padding], mode="edge")


def _inside(
    start: NDArray[np.int64], shape: tuple[int, int, int], size: tuple[int, ...]
) -> tuple[Region, list[tuple[int, int]]]:
    """Return the part of a window that lies in a case, and how much of it lies outside on both sides of each axis."""
    ends = start + np.array(shape)
    sides = list(zip(start.tolist(), ends.tolist(), size, strict=True))
    z, y, x = (slice(max(low, 0), min(high, length)) for low, high, length in sides)
    return (z, y, x), [(max(-low, 0), max(high - length, 0)) for low, high, length in sides]


class Drawn(NamedTuple):
    """Patches, and where they are from."""

    images_BCZYX: Tensor
    """float32."""
    labels_BZYX: Tensor
    """int16."""
    sources: "tuple[Source, ...]"


class Source(NamedTuple):
    """Where a patch is from."""

    case: PreparedCase
    start_D: NDArray[np.int64]
    """Its first voxel (z, y, x) in the case."""


@dataclass(frozen=True, slots=True)
class Patches:
    """Draws random patches of one shape from cases.

    Parameters
    ----------
    cases
        Where to draw from.
    shape
        Voxels (z, y, x) of what is used of a patch, which lies in the image where there is room.
    margin
        Voxels (z, y, x) that are cut besides, on both sides of each axis: they come in by rotation and zoom, and at an
        image's edge they lie outside.
    label_goes_on
        Whether the label of an image's edge goes on beyond it, as its intensities do; else it is -1 there. A network
        that learns from one image sees its edges as often as its middle, and what it is not told about them it invents.
    centred_in
        Positions of the cases that hold what a centred patch is centred on; None where any may.
    """

    cases: Cases
    shape: tuple[int, int, int]
    margin: tuple[int, int, int] = (0, 0, 0)
    label_goes_on: bool = False
    centred_in: Sequence[int] | None = None

    @property
    def cut(self) -> tuple[int, int, int]:
        """Voxels (z, y, x) of a patch, margins included."""
        z, y, x = (used + 2 * besides for used, besides in zip(self.shape, self.margin, strict=True))
        return z, y, x

    def draw(self, number: int, generator: torch.Generator) -> Drawn:
        """Return patches of cases drawn evenly, but for the centred ones of those that hold something."""
        centred = round(number * CENTRED_SHARE) or int(torch.rand((), generator=generator) < CENTRED_SHARE)
        drawn = [self._draw_one(index < centred, generator) for index in range(number)]
        images, labels, sources = zip(*drawn, strict=True)
        return Drawn(torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(labels)), sources)

    def _draw_one(
        self, centred: bool, generator: torch.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.int16], Source]:
        positions = (self.centred_in if centred else None) or range(len(self.cases))
        case = self.cases[positions[int(torch.randint(len(positions), (1,), generator=generator))]]
        place = torch.rand(5, generator=generator, dtype=torch.float64).numpy()
        room = np.array(case.label.shape) - np.array(self.shape)
        start = np.where(room > 0, np.floor(place[:3] * (room + 1)), np.floor(room / 2)).astype(np.int64)
        if centred and (room > 0).any():
            centre = _middle_of_some_box(case, place[3])
            if centre is None:
                centre = case.voxel_of_some_class(place[3], place[4])
            around = np.clip(centre - np.array(self.shape) // 2, 0, np.maximum(room, 0))
            start = np.where(room > 0, around, start)
        start = start - np.array(self.margin)
        return *_cut(case, start, self.cut, label_goes_on=self.label_goes_on), Source(case, start)


def _middle_of_some_box(case: PreparedCase, which: float) -> NDArray[np.int64] | None:
    """Return the voxel (z, y, x) in the middle of a box drawn evenly; None where there is none."""
    if case.boxes is None or not len(case.boxes.corners):
        return None
    corners = case.boxes.corners[int(which * len(case.boxes.corners))]
    return np.asarray((corners[:3] + corners[3:]) // 2, dtype=np.int64)
