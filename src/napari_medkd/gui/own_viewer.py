"""The viewer itself behind the proxy that napari hands to plugins, and what is set up once for each viewer."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from weakref import WeakSet


def own_viewer(viewer: Any) -> Any:
    """Return the viewer itself, of its proxy or of itself."""
    return getattr(viewer, "__wrapped__", viewer)


def once_per_viewer(set_up: Callable[[Any], None]) -> Callable[[Any], None]:
    """Let a function set up each viewer itself once; a second call for the same viewer changes nothing."""
    done: WeakSet[Any] = WeakSet()

    @wraps(set_up)
    def set_up_once(viewer: Any) -> None:
        viewer = own_viewer(viewer)
        if viewer not in done:
            done.add(viewer)
            set_up(viewer)

    return set_up_once
