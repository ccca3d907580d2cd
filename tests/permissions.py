"""Permissions that bind, as on a computer that several people share; root may look at everything. POSIX only."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

_NOBODY = 65534


@contextlib.contextmanager
def shared_folder() -> Iterator[Path]:
    """Make a folder that everybody may look at; pytest's own are for one person alone."""
    with TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        yield folder


@contextlib.contextmanager
def as_a_person() -> Iterator[None]:
    """Do the block as nobody in particular where the tests run as root, else as who runs them."""
    is_root = os.geteuid() == 0
    if is_root:
        os.seteuid(_NOBODY)
    try:
        yield
    finally:
        if is_root:
            os.seteuid(0)
