"""A network's answer for a whole image: overlapping windows, summed slab by slab, so that memory stays small.

Legend: B batch, C channel, K class, Z Y X space.
"""

import math
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import product
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from napari_medkd.engine.uncertainty import ExpectedOverlap

#: Standard deviation of a window's weight, as a fraction of its side.
SIGMA = 0.125
LEAST_WEIGHT = 1e-3

#: In one forward pass.
WINDOWS_AT_ONCE = 4

Place = tuple[int, int, int]
Region = tuple[slice, slice, slice]
T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """A network's answer for a whole image.

    Parameters
    ----------
    labels
        Class indices in bytes, (Z, Y, X); of several with the same logit, the first.
    overlap
        What the labels and the network's probabilities have in common. Voxels beyond the image do not count.
    logits
        Averaged over windows, (K, Z, Y, X) in half precision; None where they were not to be kept.
    """

    labels: NDArray[np.uint8]
    overlap: ExpectedOverlap
    logits: NDArray[np.float16] | None = None

    @property
    def uncertainty(self) -> float:
        """From 0, sure of every voxel, to 1; see `ExpectedOverlap.uncertainty`."""
        return self.overlap.uncertainty()


@dataclass(frozen=True, slots=True, eq=False)
class Surrounded:
    """A part of an image that is asked about, with as much around it as windows reach to.

    Parameters
    ----------
    image_CZYX
        The part and what is around it, at least as large as a window.
    inside
        Where the part lies in there.
    """

    image_CZYX: Tensor
    inside: Region


def sliding_window(
    network: nn.Module,
    image_CZYX: Tensor | Surrounded,
    patch: Place,
    *,
    autocast: Callable[[], AbstractContextManager[object]],
    overlap: float = 0.5,
    keeps_logits: bool = False,
) -> Generator[float, None, Segmentation]:
    """Yield the fraction done after every batch of windows; return the most probable class of every voxel.

    The logits of overlapping windows are averaged with Gaussian weights. Only the slab of planes that further windows
    can still change is kept; it lies across the axis along which the image is the most windows long.

    Parameters
    ----------
    network
        In the training state it should answer in, on any device. A 2-D network sees plane by plane.
    image_CZYX
        Preprocessed intensities, on any device. Sides shorter than the window are continued by their border. Of a part
        that is surrounded, only the part is answered.
    patch
        Voxels of the window; z is 1 for a 2-D network.
    autocast
        Makes the context of a forward pass.
    overlap
        Fraction of a window that the next one shares, 0 or more and below 1.
    keeps_logits
        Whether the averaged logits are wanted as well as the labels: of the whole image and all classes.

    Returns
    -------
    Segmentation
        The value of ``StopIteration``.
    """
    if not 0 <= overlap < 1:
        raise ValueError(f"The overlap is {overlap}; it must be at least 0 and below 1.")
    device = next(network.parameters()).device
    surrounded = image_CZYX if isinstance(image_CZYX, Surrounded) else Surrounded(*enlarged(image_CZYX, patch))
    enlarged_CZYX, inner = surrounded.image_CZYX, surrounded.inside
    shape = (enlarged_CZYX.shape[1], enlarged_CZYX.shape[2], enlarged_CZYX.shape[3])
    axis = max(range(3), key=lambda one: shape[one] / patch[one])
    # From here on the slab's axis comes first, and only the network sees the original order.
    turned = enlarged_CZYX.movedim(1 + axis, 1)
    window = _first(patch, axis)
    sides = _first(shape, axis)
    z, y, x = (starts(size, side, overlap) for size, side in zip(sides, window, strict=True))
    places = list(product(z, y, x))
    slab = _Slab(sides, window, _first(inner, axis), device, keeps_logits=keeps_logits)
    for first in range(0, len(places), WINDOWS_AT_ONCE):
        chosen = places[first : first + WINDOWS_AT_ONCE]
        windows = torch.stack([_cut(turned, place, window).movedim(1, 1 + axis) for place in chosen]).to(device)
        slab.add(chosen, _logits(network, windows, autocast).movedim(2 + axis, 2))
        yield (first + len(chosen)) / len(places)
    labels = np.ascontiguousarray(np.moveaxis(slab.labels(), 0, axis)[inner])
    logits = np.moveaxis(slab.logits(), 1, 1 + axis)[:, *inner] if keeps_logits else None
    return Segmentation(labels, slab.overlap, logits)


class _Slab:
    """The sums of the planes that are not finished, and the labels of those that are, with logits where wanted."""

    def __init__(self, shape: Place, window: Place, inner: Region, device: torch.device, *, keeps_logits: bool) -> None:
        self._shape = shape
        self._window = window
        self._inner = inner
        self._weight = _weight(window).to(device)
        self._sums_KZYX: Tensor | None = None
        self._weights_ZYX = self._weight.new_zeros(window[0], *shape[1:])
        self._bottom = 0
        self._labels: list[NDArray[np.uint8]] = []
        self._logits: list[NDArray[np.float16]] = []
        self._keeps_logits = keeps_logits
        self.overlap = ExpectedOverlap()

    @torch.no_grad()
    def add(self, places: list[Place], logits_BKZYX: Tensor) -> None:
        """Add windows, in the order of their places; planes that no later window can reach are finished."""
        if self._sums_KZYX is None:
            if logits_BKZYX.shape[1] > 256:
                raise ValueError(f"The network has {logits_BKZYX.shape[1]} classes; a mask of bytes holds at most 256.")
            self._sums_KZYX = self._weight.new_zeros(logits_BKZYX.shape[1], self._window[0], *self._shape[1:])
        for place, logits_KZYX in zip(places, logits_BKZYX, strict=True):
            self._finish(place[0] - self._bottom)
            where = (0, *place[1:])
            _cut(self._sums_KZYX, where, self._window).addcmul_(logits_KZYX, self._weight)
            _cut(self._weights_ZYX[None], where, self._window).add_(self._weight)

    def labels(self) -> NDArray[np.uint8]:
        """Return the labels of all planes; nothing can be added afterwards."""
        self._finish(self._shape[0] - self._bottom)
        return np.concatenate(self._labels)

    def logits(self) -> NDArray[np.float16]:
        """Return the averaged logits of all planes, once `labels` has finished them."""
        return np.concatenate(self._logits, axis=1)

    def _finish(self, planes: int) -> None:
        sums_KZYX = self._sums_KZYX
        if not planes or sums_KZYX is None:
            return
        # The sum of the weights is the same for all classes, so it cannot change which is largest. On a CPU max is
        # three times as fast as argmax.
        labels_ZYX = sums_KZYX[:, :planes].max(0).indices.to(torch.uint8)
        self._labels.append(labels_ZYX.cpu().numpy())
        if self._keeps_logits:
            self._logits.append((sums_KZYX[:, :planes] / self._weights_ZYX[:planes]).half().cpu().numpy())
        self._compare(labels_ZYX)
        _move_down(sums_KZYX, planes)
        _move_down(self._weights_ZYX[None], planes)
        self._bottom += planes

    def _compare(self, labels_ZYX: Tensor) -> None:
        """Compare finished labels, the lowest planes, with their averaged logits; those beyond the image are not."""
        if self._sums_KZYX is None:
            return
        z, y, x = self._inner
        low, high = (z.start or 0) - self._bottom, (z.stop or self._shape[0]) - self._bottom
        where = (slice(max(low, 0), min(max(high, 0), len(labels_ZYX))), y, x)
        self.overlap.add(self._sums_KZYX[:, *where] / self._weights_ZYX[where], labels_ZYX[where])


def _move_down(slab_KZYX: Tensor, planes: int) -> None:
    """Move a slab's planes down by some, and empty those at the top."""
    kept = slab_KZYX.shape[1] - planes
    for plane in range(0, kept, planes):  # in pieces that do not overlap
        piece = min(planes, kept - plane)
        slab_KZYX[:, plane : plane + piece] = slab_KZYX[:, plane + planes : plane + planes + piece]
    slab_KZYX[:, kept:] = 0


@torch.no_grad()
def _logits(
    network: nn.Module, windows_BCZYX: Tensor, autocast: Callable[[], AbstractContextManager[object]]
) -> Tensor:
    flat = network.dimensions == 2
    with autocast():
        logits: Tensor = network(windows_BCZYX.squeeze(2) if flat else windows_BCZYX).logits
    return (logits.unsqueeze(2) if flat else logits).float()


def enlarged(image_CZYX: Tensor, patch: Place) -> tuple[Tensor, Region]:
    """Return the image continued to at least the window's sides, and where it lies in there."""
    missing = [max(side - have, 0) for side, have in zip(patch, image_CZYX.shape[1:], strict=True)]
    if not any(missing):
        return image_CZYX, (slice(None), slice(None), slice(None))
    margins = [margin for lack in reversed(missing) for margin in (lack // 2, lack - lack // 2)]
    z, y, x = (slice(lack // 2, lack // 2 + have) for lack, have in zip(missing, image_CZYX.shape[1:], strict=True))
    return functional.pad(image_CZYX[None], margins, mode="replicate")[0], (z, y, x)


def starts(size: int, side: int, overlap: float) -> list[int]:
    """Return where windows begin along an axis; the last one ends with the image."""
    stride = max(1, int(side * (1 - overlap)))
    count = math.ceil((size - side) / stride) + 1
    return [min(index * stride, size - side) for index in range(count)]


@torch.no_grad()
def blended(
    network: nn.Module, image_CZYX: Tensor, patch: Place, *, autocast: Callable[[], AbstractContextManager[object]]
) -> Tensor:
    """Return a network's answers (K, Z, Y, X) for a whole image, for one that draws an image instead of classes.

    Windows overlap by half and are averaged as in `sliding_window`; every channel is kept for the whole image.
    """
    device = next(network.parameters()).device
    enlarged_CZYX, inner = enlarged(image_CZYX, patch)
    weight = _weight(patch).to(device)
    sums_KZYX, weights = torch.zeros((), device=device), enlarged_CZYX.new_zeros(1, *enlarged_CZYX.shape[1:]).to(device)
    z, y, x = (starts(size, side, 0.5) for size, side in zip(enlarged_CZYX.shape[1:], patch, strict=True))
    for place in product(z, y, x):
        answer_KZYX = _logits(network, _cut(enlarged_CZYX, place, patch)[None].to(device), autocast)[0]
        if not sums_KZYX.dim():
            sums_KZYX = weights.new_zeros(len(answer_KZYX), *enlarged_CZYX.shape[1:])
        _cut(sums_KZYX, place, patch).addcmul_(answer_KZYX, weight)
        _cut(weights, place, patch).add_(weight)
    return (sums_KZYX / weights)[:, *inner]


def _weight(window: Place) -> Tensor:
    weight = torch.ones(())
    for side in window:
        distance = torch.arange(side, dtype=torch.float32) - (side - 1) / 2
        weight = weight[..., None] * torch.exp(-0.5 * (distance / (SIGMA * side)).square())
    return weight.clamp(min=max(float(weight.min()), LEAST_WEIGHT))


def _cut(volume: Tensor, place: Place, window: Place) -> Tensor:
    z, y, x = (slice(start, start + side) for start, side in zip(place, window, strict=True))
    return volume[:, z, y, x]


def _first(of_axes: tuple[T, T, T], axis: int) -> tuple[T, T, T]:
    rest = [one for index, one in enumerate(of_axes) if index != axis]
    return of_axes[axis], rest[0], rest[1]
