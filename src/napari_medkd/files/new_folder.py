"""Folders that nobody else has made."""

from pathlib import Path


def new_folder(parent: Path, name: str) -> Path:
    """Make a folder, and its parent where that is missing; with a number behind its name where that is taken."""
    parent.mkdir(parents=True, exist_ok=True)
    number = 1
    while True:
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            number += 1
        else:
            return folder
