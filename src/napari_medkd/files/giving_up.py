"""Reading that nobody waits for any more ends early: who starts it says until when, who reads asks now and then.

::

    with until(cancelled.is_set):
        volume = read_volume(path)  # raises GivenUp soon after
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from napari_medkd.core.errors import MedKDError

_is_over: ContextVar[Callable[[], bool] | None] = ContextVar("is_over", default=None)


class GivenUp(MedKDError):
    """Nobody waits for the result any more; nothing is wrong."""


@contextmanager
def until(is_over: Callable[[], bool]) -> Iterator[None]:
    """Let what is read inside, in this thread, end with `GivenUp` once ``is_over()``."""
    token = _is_over.set(is_over)
    try:
        yield
    finally:
        _is_over.reset(token)


def go_on_if_wanted() -> None:
    """Raise `GivenUp` where nobody waits any more; called between one file or block and the next."""
    is_over = _is_over.get()
    if is_over is not None and is_over():
        raise GivenUp("The reading was given up.")
