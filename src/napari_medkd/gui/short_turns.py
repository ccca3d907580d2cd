"""The interpreter's threads take short turns while one of them works for the window, so that the window need not wait.

Python lets a thread run for 5 ms before another may have the interpreter; a click that needs it a dozen times would
wait a dozen times as long.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_SECONDS = 0.0005
_lock = Lock()
_before: list[float] = []


@contextmanager
def short_turns() -> Iterator[None]:
    """Have short turns inside; of several at a time the last that ends restores what was before."""
    with _lock:
        _before.append(sys.getswitchinterval())
        sys.setswitchinterval(min(_SECONDS, _before[0]))
    try:
        yield
    finally:
        with _lock:
            longest = max(_before)
            _before.remove(min(_before))
            if not _before:
                sys.setswitchinterval(longest)
