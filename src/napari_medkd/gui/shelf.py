"""The runs in a session's folder: all docks look through them together, so that what happened is read once."""

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from napari_medkd.gui.state import Session

if TYPE_CHECKING:
    from napari_medkd.runs.shelf import Shelf

_SHELVES: "WeakKeyDictionary[Session, Shelf]" = WeakKeyDictionary()


def shelf_of(session: Session) -> "Shelf":
    """Return what looks through the runs folder that the session has now, the same for all its docks."""
    from napari_medkd.runs.shelf import Shelf

    shelf = _SHELVES.get(session)
    if shelf is None or shelf.folder != session.runs_folder:
        shelf = _SHELVES[session] = Shelf(session.runs_folder)
    return shelf
