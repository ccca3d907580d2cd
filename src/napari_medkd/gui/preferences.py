"""The settings a person makes in napari's preferences: the Python that trains, the runs folder, how slices are seen."""

import os
import sys
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, ref

from napari_medkd.gui.sides import RADIOLOGICAL, SIDES
from napari_medkd.gui.state import Session

PLUGIN = "napari-medkd"


def prepare(session: Session) -> Session:
    """Give the session what the preferences say, now and whenever they change; keep the sides that it is told."""
    if session not in _FOLLOWERS:
        _FOLLOWERS[session] = _Follower(session, _preferences("training"), _preferences("viewing"))
    return session


class _Follower:
    """Hands the preferences on to a session, and back what a person chooses in the docks."""

    def __init__(self, session: Session, training: Any, viewing: Any) -> None:
        self._session = ref(session)
        self._training = training
        self._viewing = viewing
        for group in (training, viewing):
            if group is not None:
                group.events.connect(self.take)
        self.take()
        session.events.sides.connect(self._keep_sides)

    def take(self, event: Any = None) -> None:
        """Put the preferences into the session."""
        del event
        session = self._session()
        if session is not None:
            session.interpreter = _interpreter(getattr(self._training, "interpreter", ""))
            session.runs_folder = _runs_folder(getattr(self._training, "runs_folder", ""))
            sides = str(getattr(self._viewing, "sides", session.sides))
            session.sides = sides if sides in SIDES else RADIOLOGICAL

    def _keep_sides(self, sides: str) -> None:
        if self._viewing is not None and str(self._viewing.sides) != sides:
            self._viewing.sides = sides


_FOLLOWERS: WeakKeyDictionary[Session, _Follower] = WeakKeyDictionary()


def _preferences(group: str) -> Any:
    """Return a group of this plugin's settings, or None where this napari (before 0.9) keeps none for plugins."""
    try:
        from napari.settings import get_plugin_settings

        return getattr(get_plugin_settings(PLUGIN), group)
    except (ImportError, KeyError, AttributeError):
        return None


def _interpreter(chosen: str) -> Path:
    return Path(chosen).expanduser() if chosen.strip() else Path(sys.executable)


def _runs_folder(chosen: str) -> Path:
    from napari_medkd.runs.shelf import RUNS_VARIABLE, chosen_runs_folder, default_runs_folder

    if os.environ.get(RUNS_VARIABLE) or not chosen.strip():
        return default_runs_folder()
    return chosen_runs_folder(Path(chosen))
