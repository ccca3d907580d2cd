"""Qt's pool of threads: as many as there are cores, and one more for each that only waits."""

from collections.abc import Iterator
from contextlib import contextmanager

from qtpy.QtCore import QThreadPool


def pool() -> QThreadPool:
    """Return the pool that all background work is done in."""
    found = QThreadPool.globalInstance()
    assert found is not None, "Qt has no thread pool"
    return found


@contextmanager
def room_for_another() -> Iterator[None]:
    """Let the pool have one thread more inside."""
    pool().releaseThread()
    try:
        yield
    finally:
        pool().reserveThread()
