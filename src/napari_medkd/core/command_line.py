"""A command as a person types it."""

import os
import shlex
import subprocess
from collections.abc import Sequence


def command_line(command: Sequence[str]) -> str:
    """Return the command as a person types it into this system's shell."""
    return subprocess.list2cmdline(command) if os.name == "nt" else shlex.join(command)
