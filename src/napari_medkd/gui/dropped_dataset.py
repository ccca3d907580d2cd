"""A folder that napari is given: whether it is a dataset, told at a glance, and opening it in the Data dock."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

MANIFEST = "medkd-dataset.json"
_MOST_LOOKED_AT = 100


def is_dataset(folder: Path) -> bool:
    """Return whether a folder has a layout of medical datasets: ours, the Decathlon's, nnU-Net's, or images and masks.

    Looks at a few names and at no content; what it takes for a dataset may still turn out to be none.
    """
    if (folder / MANIFEST).is_file():
        return True
    if (folder / "dataset.json").is_file() and (folder / "imagesTr").is_dir():
        return True
    images = _stems_in(folder / "images")
    return bool(images and any(images & _stems_in(folder / name) for name in ("labels", "masks")))


def open_in_data_dock(paths: Sequence[Path]) -> bool:
    """Open datasets in the Data dock and show the first one's first case, where a person at a window wants them.

    Returns
    -------
    Whether that is so; a script gets layers instead.
    """
    from napari_medkd.gui.window_in_sight import is_person_at_work

    if not is_person_at_work():
        return False
    import napari

    from napari_medkd.gui.widgets.dock import bring_up

    viewer = napari.current_viewer()
    if viewer is None:
        return False
    dock = bring_up(viewer, "Data")
    dock.open_path(*paths)
    if dock.state.is_reading:
        _show_first_case(dock, paths[0])
    return True


def _show_first_case(dock: Any, path: Path) -> None:
    """Show the first case as soon as the dataset is read, unless that is cancelled or fails."""
    from qtpy.QtCore import QTimer

    events, session = dock.state.events, dock.session

    def look(is_reading: bool) -> None:
        if not is_reading:
            events.is_reading.disconnect(look)
            QTimer.singleShot(0, show)  # the dataset is taken in after this

    def show() -> None:
        if session.dataset is not None and session.dataset.cases and session.dataset_path == path:
            dock.show_case(session.dataset.cases[0].id)

    events.is_reading.connect(look)


def _stems_in(folder: Path) -> set[str]:
    """Return the names, without suffix, of a few images in a folder."""
    from napari_medkd.files.opening import stem_of, suffix_of

    try:
        return {stem_of(path) for path in islice(folder.iterdir(), _MOST_LOOKED_AT) if suffix_of(path)}
    except OSError:
        return set()
