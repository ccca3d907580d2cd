"""A thread that only waits makes room for other work: who lends it says how, who waits in it says when. No Qt.

::

    with only_waiting():  # in a lent thread
        child.communicate()
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from typing import TypeAlias

#: Makes room, until it is left.
MakesRoom: TypeAlias = Callable[[], AbstractContextManager[None]]

_makes_room: ContextVar[MakesRoom] = ContextVar("makes_room", default=nullcontext)


@contextmanager
def lent(makes_room: MakesRoom) -> Iterator[None]:
    """Let what waits inside, in this thread, make room."""
    token = _makes_room.set(makes_room)
    try:
        yield
    finally:
        _makes_room.reset(token)


def only_waiting() -> AbstractContextManager[None]:
    """Make room inside, where nothing but another process is waited for; nothing where the thread is not lent."""
    return _makes_room.get()()
