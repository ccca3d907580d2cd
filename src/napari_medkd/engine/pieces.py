"""A network's mask of an image too large for memory: piece by piece, each kept on the disk when it is finished.

A piece is answered together with all windows that reach into it, so its labels are those of the whole image. What was
finished before a crash is not predicted again.
"""

import shutil
from collections.abc import Generator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr
from torch import nn

from napari_medkd.engine.data.patches import window_of
from napari_medkd.engine.data.preprocess import blocks_of
from napari_medkd.engine.data.resampling import Region
from napari_medkd.engine.data.streamed import StreamedImage
from napari_medkd.engine.hardware import Machine
from napari_medkd.engine.sliding_window import Place, Surrounded, sliding_window, starts
from napari_medkd.engine.uncertainty import ExpectedOverlap

#: What a piece with its surroundings, and, where the network is there too, the sums of its logits take in main memory.
PIECE_BYTES = 400 * 2**20
_OVERLAP = 0.5
_CHUNK = 64
_BLOCK = 128


@dataclass(frozen=True, slots=True)
class Kept:
    """Where finished pieces are kept.

    Parameters
    ----------
    folder
        Of this image and task alone.
    key
        Says what they were computed from: other weights or another image, another key, and all begins anew.
    """

    folder: Path
    key: str

    def group(self, shape: Place, chunks: Place, num_pieces: int, num_sums: int) -> Any:
        """Return the group with ``labels`` of the whole image, and ``sums`` of which finished pieces have numbers."""
        if self.folder.exists():
            try:
                group = zarr.open_group(self.folder, mode="r+")
                if group.attrs.get("key") == self.key and {"labels", "sums"} <= set(group.array_keys()):
                    return group
            except (OSError, ValueError, KeyError):
                pass  # torn by a crash while it was made
            shutil.rmtree(self.folder)
        group = zarr.open_group(self.folder, mode="w", zarr_format=3)
        group.create_array("labels", shape=shape, chunks=chunks, dtype=np.uint8)
        group.create_array(
            "sums", shape=(num_pieces, num_sums), chunks=(1, num_sums), dtype=np.float64, fill_value=np.nan
        )
        group.attrs["key"] = self.key
        return group


@dataclass(frozen=True, slots=True, eq=False)
class StoredSegmentation:
    """A network's answer for a whole image, on the disk.

    Parameters
    ----------
    labels
        Array of zarr with class indices (Z, Y, X) in bytes.
    uncertainty
        As of `Segmentation`.
    """

    labels: Any
    uncertainty: float


def segmentation_in_pieces(
    network: nn.Module, image: StreamedImage, patch: Place, machine: Machine, num_classes: int, kept: Kept
) -> Generator[float, None, StoredSegmentation]:
    """Yield the fraction done after every batch of windows; return the labels as `sliding_window` would.

    Parameters
    ----------
    num_classes
        Background included.
    """
    shape = (image.shape[1], image.shape[2], image.shape[3])
    num_sums = num_classes + 1 if machine.device.type == "cpu" else 0
    sides, chunks = _sides(shape, patch, image.shape[0], num_sums)
    pieces = list(blocks_of(shape, sides))
    group = replace(kept, key=f"{kept.key} {sides}").group(shape, chunks, len(pieces), 3 * (num_classes - 1) + 1)
    for number, piece in enumerate(pieces):
        if np.isnan(group["sums"][number]).any():
            windows = sliding_window(network, _surrounded(image, piece, patch), patch, autocast=machine.autocast)
            while True:
                try:
                    yield (number + next(windows)) / len(pieces)
                except StopIteration as end:
                    found = end.value
                    break
            group["labels"][piece] = found.labels
            group["sums"][number] = found.overlap.sums  # the last: what has numbers is finished
        yield (number + 1) / len(pieces)
    overlap = ExpectedOverlap()
    for sums in group["sums"][:]:
        overlap.add_sums(sums)
    return StoredSegmentation(group["labels"], overlap.uncertainty())


def _sides(shape: Place, patch: Place, num_channels: int, num_sums: int) -> tuple[Place, Place]:
    """Return the sides of a piece, and of a chunk: pieces begin where windows and chunks begin."""
    strides = [max(1, int(side * (1 - _OVERLAP))) for side in patch]
    chunks = [stride * max(1, _CHUNK // stride) for stride in strides]
    several = 1
    while True:
        sides = [min(chunk * (several + 1), size) for chunk, size in zip(chunks, shape, strict=True)]
        reach = [2 * (window - stride) for window, stride in zip(patch, strides, strict=True)]
        around = [min(side + further, size) for side, further, size in zip(sides, reach, shape, strict=True)]
        slab = prod(around) * max(window / side for window, side in zip(patch, around, strict=True))
        is_too_large = 4 * (num_channels * prod(around) + num_sums * slab) > PIECE_BYTES
        if is_too_large or sides == list(shape):
            break
        several += 1
    z, y, x = (min(chunk * several, size) for chunk, size in zip(chunks, shape, strict=True))
    c, b, a = (min(chunk, size) for chunk, size in zip(chunks, shape, strict=True))
    return (z, y, x), (c, b, a)


def _surrounded(image: StreamedImage, piece: Region, patch: Place) -> Surrounded:
    """Return a piece with all windows of the whole image that reach into it."""
    begins, lengths, inside = [], [], []
    for part, window, size in zip(piece, patch, image.shape[1:], strict=True):
        margin = max(window - size, 0) // 2  # as much is added to an image shorter than a window, see `enlarged`
        low, high = part.start + margin, part.stop + margin
        reaching = [at for at in starts(max(size, window), window, _OVERLAP) if at + window > low and at < high]
        begins.append(reaching[0] - margin)
        lengths.append(reaching[-1] + window - reaching[0])
        inside.append(slice(low - reaching[0], high - reaching[0]))
    z, y, x = lengths
    cut = np.empty((image.shape[0], z, y, x), np.float32)
    side = max(_BLOCK, *patch)
    for where in blocks_of((z, y, x), (side, side, side)):  # so that nothing else of its size is needed meanwhile
        low, high = ([getattr(axis, end) for axis in where] for end in ("start", "stop"))
        d, h, w = np.subtract(high, low).tolist()
        cut[:, *where] = window_of(image, np.add(begins, low), (d, h, w))
    return Surrounded(torch.from_numpy(cut), (inside[0], inside[1], inside[2]))
