"""Waiting for another process, with an end."""

import time
from collections.abc import Callable
from typing import TypeVar

Answer = TypeVar("Answer")


def wait_until(condition: Callable[[], Answer], seconds: float = 30.0) -> Answer:
    """Return the first true answer of the condition; fail where there is none in time."""
    until = time.monotonic() + seconds
    while not (answer := condition()):
        if time.monotonic() > until:
            message = f"Nothing came of {condition} within {seconds} s; the last answer was {answer!r}."
            raise AssertionError(message)
        time.sleep(0.01)
    return answer
