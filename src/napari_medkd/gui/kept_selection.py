"""What is selected in the list of layers while the program adds or removes some: that is no choice of the person's."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from napari_medkd.gui.own_viewer import own_viewer

_KEPT: WeakSet[Any] = WeakSet()


@contextmanager
def no_choice(viewer: Any) -> Iterator[None]:
    """Tell whoever follows the selection that nobody chooses what becomes active inside; see `is_choice`."""
    viewer = own_viewer(viewer)
    if viewer in _KEPT:
        yield
        return
    _KEPT.add(viewer)
    try:
        yield
    finally:
        _KEPT.discard(viewer)


@contextmanager
def kept_selection(viewer: Any) -> Iterator[None]:
    """Select at the end what was selected before."""
    layers = viewer.layers
    selected, active = set(layers.selection), layers.selection.active
    with no_choice(viewer):
        yield
        layers.selection = selected
        layers.selection.active = active


def is_choice(viewer: Any) -> bool:
    """Return whether it may be the person who changes the selection now."""
    return own_viewer(viewer) not in _KEPT
