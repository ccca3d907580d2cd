"""Arrays that can be computed again, kept in memory and, where a folder is given, in Zarr v3 groups."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.errors import NodeNotFoundError


class ArrayCache:
    """Float arrays by name, computed when they are first asked for.

    Parameters
    ----------
    folder
        Where groups of arrays are kept; None keeps them in memory alone.
    key
        Says what the arrays were computed from: other data or weights, another key, another group.
    """

    def __init__(self, folder: Path | None, key: str) -> None:
        self._kept: dict[str, NDArray[np.float32]] = {}
        self._group = None if folder is None else zarr.open_group(folder / f"{key}.zarr", mode="a", zarr_format=3)

    def get(self, name: str, compute: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
        """Return the array of that name; it is computed where it is not there or was not completely written."""
        if name not in self._kept:
            stored = self._stored(name)
            self._kept[name] = self._computed(name, compute) if stored is None else stored
        return self._kept[name]

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
