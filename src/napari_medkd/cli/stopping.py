"""Ctrl-C and a polite end by the system become the order to stop, so that a checkpoint and a last word are left."""

import contextlib
import os
import signal
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from napari_medkd.core.control import Wish
from napari_medkd.runs.orders import FolderControl

_ORDERS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK") if hasattr(signal, name))


class SignalledControl(FolderControl):
    """Orders to stop after a signal, and otherwise what was ordered in the run folder. Use it as a context.

    A second Ctrl-C ends the process at once, by KeyboardInterrupt.

    Parameters
    ----------
    path
        The run folder.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._is_stopping = False

    def ordered(self) -> Wish | None:
        """Return the last order that was given, or None."""
        return "stop" if self._is_stopping else super().ordered()

    def __enter__(self) -> Self:
        self._before = {order: signal.signal(order, self._hear) for order in _ORDERS if not _is_to_be_survived(order)}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for order, before in self._before.items():
            signal.signal(order, before)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self._is_stopping and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._is_stopping = True
        with contextlib.suppress(OSError):  # the terminal may be gone; print() is not safe in here
            os.write(2, b"\nStopping after this step, or the scoring under way. Press Ctrl-C again to end at once.\n")


def _is_to_be_survived(order: signal.Signals) -> bool:
    """Return whether a signal is the end of a session that this process was started to outlive, as by nohup.

    SIGINT is heard though shells let what a script starts in the background ignore it: there it is sent on purpose.
    """
    return order.name == "SIGHUP" and signal.getsignal(order) is signal.SIG_IGN
