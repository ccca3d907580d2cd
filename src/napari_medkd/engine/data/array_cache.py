"""Arrays that can be computed again, kept in memory while there is room, in Zarr v3 groups where a folder is given."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import EllipsisType
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from torch import nn
from zarr.errors import NodeNotFoundError

#: Of arrays that are in a folder as well, those beyond this are read again when they are needed.
MEMORY_BYTES = 2 * 2**30

#: What of an array is wanted; all of it is ``...``.
Where = EllipsisType | tuple[slice, ...]


class ArrayCache:
    """Float arrays by name, computed when they are first asked for.

    Parameters
    ----------
    folder
        Where groups of arrays are kept; None keeps them in memory alone, however many they are.
    key
        Says what the arrays were computed from: other data or weights, another key, another group.
    block
        Shape of the blocks that an array is written in; of one that is not in memory, those that hold what is wanted
        are read. None writes it as one.
    """

    def __init__(self, folder: Path | None, key: str, block: tuple[int, ...] | None = None) -> None:
        self._kept: dict[str, NDArray[np.float32]] = {}
        self._kept_bytes = 0
        self._group = None if folder is None else zarr.open_group(folder / f"{key}.zarr", mode="a", zarr_format=3)
        self._block = block
        self._complete: dict[str, zarr.Array[Any]] = {}

    def get(self, name: str, compute: Callable[[], NDArray[np.float32]], where: Where = ...) -> NDArray[np.float32]:
        """Return the array of that name, or part of it; computed where it is not there or not completely written."""
        if name in self._kept:
            return self._kept[name][where]
        with suppress(NodeNotFoundError, ValueError, OSError, RuntimeError):  # torn by a crash
            stored = self._stored(name)
            if stored is not None and self._has_room(stored.nbytes):
                return self._keep(name, np.asarray(stored[...]))[where]
            if stored is not None:
                return np.asarray(stored[where])
        array = compute().astype(np.float32, copy=False)
        if self._group is not None:
            self._complete[name] = self._written(self._group, name, array)
        return (self._keep(name, array) if self._has_room(array.nbytes) else array)[where]

    def _stored(self, name: str) -> "zarr.Array[Any] | None":
        """Return a stored array of which every block is there: a crash leaves out those that were to be written."""
        if name not in self._complete and self._group is not None and name in self._group:
            found = self._group[name]
            if isinstance(found, zarr.Array) and found.nchunks_initialized == found.nchunks:
                self._complete[name] = found
        return self._complete.get(name)

    def _written(self, group: zarr.Group, name: str, array: NDArray[np.float32]) -> "zarr.Array[Any]":
        block = array.shape if self._block is None else tuple(map(min, array.shape, self._block))
        return group.create_array(name, data=array, chunks=block, fill_value=float("nan"), overwrite=True)

    def _has_room(self, nbytes: int) -> bool:
        return self._group is None or self._kept_bytes + nbytes <= MEMORY_BYTES

    def _keep(self, name: str, array: NDArray[np.float32]) -> NDArray[np.float32]:
        self._kept[name] = array
        self._kept_bytes += array.nbytes
        return array


def digest_of(network: nn.Module) -> str:
    """Return a short name of a network's weights, for a key."""
    digest = hashlib.sha256()
    for tensor in network.state_dict().values():
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
