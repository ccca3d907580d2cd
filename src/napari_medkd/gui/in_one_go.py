"""Several layers added or removed in one go: napari cleans up and lays its canvas out once, not after each of them."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any


def in_one_go(viewer: Any) -> AbstractContextManager[None]:
    """Let what happens to the viewer's layers inside be drawn at the end; with napari before 0.9, one by one."""
    batched = getattr(viewer.layers, "batched_update", None)
    return nullcontext() if batched is None else batched()
