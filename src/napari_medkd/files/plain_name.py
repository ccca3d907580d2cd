"""Names of files and folders for what is called by any name elsewhere: a slash, a colon or ``..`` may be in that."""

import hashlib
import re

_LONGEST = 100
_LONGEST_WORDS = 80


def plain_name(name: str) -> str:
    """Return one part of a path that every file system takes: the name itself where it is one.

    So a manifest from elsewhere cannot have anything written outside the folder that is meant.
    """
    return name if name and name == _shortened(name) else distinct_name(name)


def distinct_name(name: str) -> str:
    """Return such a part of a path that a piece of a hash tells from those of all other names."""
    return f"{_shortened(name)}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def readable_name(words: str) -> str:
    """Return words as a part of a path that every system accepts: letters of all alphabets stay, other signs are ``-``.

    Different words may become the same, and nothing may be left of them.
    """
    return re.sub(r"[^\w.+-]+", "-", words).strip("-.")[:_LONGEST_WORDS]


def _shortened(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name).strip(".")[:_LONGEST]
