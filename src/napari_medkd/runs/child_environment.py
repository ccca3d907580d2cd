"""The environment of the viewer's child processes, whatever the system and the place they are started in."""

import os


def child_environment() -> dict[str, str]:
    """Return the environment for a command: it speaks UTF-8, at once, and imports nothing from the current folder."""
    return os.environ | {"PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", "PYTHONSAFEPATH": "1"}
