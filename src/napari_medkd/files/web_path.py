"""Addresses on the web as paths: a ``Path`` makes ``http:/`` of ``http://``, and a folder may have come before it.

So manifests, specs and command lines can name an image on a server wherever they can name a file.
"""

from pathlib import Path

_SCHEMES = ("http:", "https:")


def web_address(path: Path) -> str | None:
    """Return the address that a path stands for, or None where it is one of this machine."""
    parts = path.parts
    first = next((number for number, part in enumerate(parts) if part.lower() in _SCHEMES), None)
    return None if first is None else f"{parts[first].lower()}//{'/'.join(parts[first + 1 :])}"


def is_there(path: Path) -> bool:
    """Return whether there is a file or folder; an address is believed, as the one who opens it has to wait for it."""
    return web_address(path) is not None or path.exists()
