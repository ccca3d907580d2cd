"""An array on the disk as one of dask, of which only what is looked at is read and computed."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

_PIECE = "16 MiB"


def in_pieces(array: Any) -> Any:
    """Return the dask array of an array, or itself where it is one."""
    import dask.array

    return array if isinstance(array, dask.array.Array) else computed(array, np.asarray, array.dtype)


def computed(array: NDArray[Any], compute: Callable[[NDArray[Any]], NDArray[Any]], dtype: np.dtype[Any]) -> Any:
    """Return the dask array that ``compute`` makes of an array, number by number, where it is looked at."""
    import dask.array

    return dask.array.from_array(_Read(array, compute, dtype), chunks=_PIECE, name=False)  # type: ignore[no-untyped-call]


class _Read:
    """What dask reads windows of; an array of numpy itself it would copy whole, or read whole to name it."""

    def __init__(
        self, array: NDArray[Any], compute: Callable[[NDArray[Any]], NDArray[Any]], dtype: np.dtype[Any]
    ) -> None:
        self.shape, self.ndim, self.dtype = array.shape, array.ndim, dtype
        self._array, self._compute = array, compute

    def __getitem__(self, window: Any) -> NDArray[Any]:
        return self._compute(np.asarray(self._array[window]))
