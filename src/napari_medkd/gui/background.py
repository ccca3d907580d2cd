"""Work that would freeze the window, done in a thread; its result comes back to the window's thread."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from qtpy.compat import isalive
from qtpy.QtCore import QObject
from superqt.utils import create_worker

from napari_medkd.gui.lent_threads import lent
from napari_medkd.gui.short_turns import short_turns
from napari_medkd.gui.thread_pool import room_for_another

T = TypeVar("T")


class Background:
    """Threads for one widget; what they find is dropped once the widget is gone with its window.

    Parameters
    ----------
    owner
        The widget that shows the results.
    """

    def __init__(self, owner: QObject) -> None:
        self._owner = owner

    def __call__(self, work: Callable[[], T], then: Callable[[T], Any], failed: Callable[[Exception], Any]) -> None:
        """Run ``work`` in a thread, and afterwards ``then`` with its result, or ``failed`` with what it raised."""
        in_background(
            work,
            lambda value: then(value) if self._is_there() else None,
            lambda error: failed(error) if self._is_there() else None,
        )

    def _is_there(self) -> bool:
        return bool(isalive(self._owner))  # type: ignore[no-untyped-call]


def in_background(work: Callable[[], T], then: Callable[[T], Any], failed: Callable[[Exception], Any]) -> None:
    """Run ``work`` in a thread, and afterwards ``then`` with its result, or ``failed`` with what it raised."""

    def answer() -> tuple[T | None, Exception | None]:
        try:
            with short_turns(), lent(room_for_another):
                return work(), None
        except Exception as error:  # noqa: BLE001 - whatever it is, the dock has to say it
            return None, error

    def back(result: tuple[T | None, Exception | None]) -> None:
        value, error = result
        if error is None:
            then(cast("T", value))
        else:
            failed(error)

    worker = create_worker(answer, _start_thread=False)
    worker.returned.connect(back)
    worker.start()
