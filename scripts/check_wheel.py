"""Refuse a built wheel that lacks what the sources have: the napari manifest, the typing mark, any module."""

import sys
import zipfile
from pathlib import Path

SOURCES = Path("src")


def main(folder: Path) -> int:
    """Compare the one wheel in the folder with the sources; print what is missing and return 1 if anything is."""
    (wheel,) = folder.glob("napari_medkd-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(SOURCES).as_posix()
        for path in SOURCES.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    missing = sorted(wanted - held)
    for name in missing:
        print(f"{wheel.name}: {name} is in {SOURCES}/ but not in the wheel.")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
