"""Arrays that can be computed again, kept in memory while there is room, in Zarr v3 groups where a folder is given."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray
from torch import nn
from zarr.errors import NodeNotFoundError

#: Of arrays that are in a folder as well, those beyond this are read again when they are needed.
MEMORY_BYTES = 2 * 2**30


class ArrayCache:
    """Float arrays by name, computed when they are first asked for.

    Parameters
    ----------
    folder
        Where groups of arrays are kept; None keeps them in memory alone, however many they are.
    key
        Says what the arrays were computed from: other data or weights, another key, another group.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self._kept: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._kept_bytes = 0
        self._group = None if folder is None else zarr.open_group(folder / f"{key}.zarr", mode="a", zarr_format=3)

    def get(self, name: str, compute: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the array of that name; it is computed where it is not there or was not completely written."""
        if name in self._kept:
            self._kept.move_to_end(name)
            return self._kept[name]
        stored = self._stored(name)
        array = self._computed(name, compute) if stored is None else stored
        self._kept[name] = array
        self._kept_bytes += array.nbytes
        while self._group is not None and self._kept_bytes > MEMORY_BYTES and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.nbytes
        return array

    def _stored(self, name: str) -> NDArray[np.float32] | None:
        try:
            found = np.asarray(self._group[name]) if self._group is not None and name in self._group else None
        except (NodeNotFoundError, ValueError, OSError, RuntimeError):  # torn by a crash
            return None
        # A chunk that was never written reads as NaN.
        return None if found is None or np.isnan(found).any() else found.astype(np.float32)

    def _computed(self, name: str, compute: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        array = compute().astype(np.float32)
        if self._group is not None:
            self._group.create_array(name, data=array, chunks=array.shape, fill_value=float("nan"), overwrite=True)
        return array


def digest_of(network: nn.Module) -> str:
    """Return a short name of a network's weights, for a key."""
    digest = hashlib.sha256()
    for tensor in network.state_dict().values():
        digest.update(tensor.cpu().numpy().tobytes())
    return digest.hexdigest()[:16]
