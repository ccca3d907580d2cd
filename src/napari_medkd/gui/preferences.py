"""The settings a person makes in napari's preferences: the Python that trains, and the runs folder."""

import os
import sys
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, ref

from napari_medkd.gui.state import Session

PLUGIN = "napari-medkd"


def prepare(session: Session) -> Session:
    """Give the session what the preferences say, now and whenever they change."""
    if session not in _FOLLOWERS:
        _FOLLOWERS[session] = _Follower(session, _training_preferences())
    return session


class _Follower:
    """Hands the preferences on to a session."""

    def __init__(self, session: Session, training: Any) -> None:
        self._session = ref(session)
        self._training = training
        if training is not None:
            training.events.connect(self.take)
        self.take()

    def take(self, event: Any = None) -> None:
        """Put the preferences into the session."""
        del event
        session = self._session()
        if session is not None:
            session.interpreter = _interpreter(getattr(self._training, "interpreter", ""))
            session.runs_folder = _runs_folder(getattr(self._training, "runs_folder", ""))


_FOLLOWERS: WeakKeyDictionary[Session, _Follower] = WeakKeyDictionary()


def _training_preferences() -> Any:
    """Return napari's settings of this plugin, or None where this napari (before 0.9) keeps none for plugins."""
    try:
        from napari.settings import get_plugin_settings

        return get_plugin_settings(PLUGIN).training
    except (ImportError, KeyError, AttributeError):
        return None


def _interpreter(chosen: str) -> Path:
    return Path(chosen).expanduser() if chosen.strip() else Path(sys.executable)


def _runs_folder(chosen: str) -> Path:
    from napari_medkd.runs.shelf import RUNS_VARIABLE, default_runs_folder

    if os.environ.get(RUNS_VARIABLE) or not chosen.strip():
        return default_runs_folder()
    return Path(chosen).expanduser().absolute()
