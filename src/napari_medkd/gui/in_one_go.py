"""Several layers added or removed in one go: napari cleans up and lays its canvas out once, not after each of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from napari_medkd.gui.own_viewer import own_viewer

#: By viewer, whether somebody, napari itself perhaps, changes several layers in one go now.
_UNDER_WAY: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


@contextmanager
def in_one_go(viewer: Any) -> Iterator[None]:
    """Let what happens to the viewer's layers inside be drawn at the end; one by one with a napari that cannot.

    Inside another one this does nothing: napari would end the outer with the inner.
    """
    viewer = own_viewer(viewer)
    batched = getattr(viewer.layers, "batched_update", None)
    if batched is None or _is_under_way(viewer):
        yield
        return
    with batched():
        yield


def _is_under_way(viewer: Any) -> bool:
    if viewer not in _UNDER_WAY:
        _UNDER_WAY[viewer] = False
        events = viewer.layers.events
        events.begin_batch.connect(lambda: _UNDER_WAY.__setitem__(viewer, True))
        events.end_batch.connect(lambda: _UNDER_WAY.__setitem__(viewer, False))
    return _UNDER_WAY[viewer]
