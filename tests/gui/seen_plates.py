"""The lettered phantom on a real canvas, and where its plates are seen on a screenshot."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_medkd.gui.planes import PLANES, show_plane
from tests.gui.lettered_phantom import LETTERS_AT_MM, PLATES, save_phantom

_PURE = {"R": (1, 0, 0), "L": (0, 1, 0), "A": (0, 0, 1), "P": (1, 1, 0), "S": (0, 1, 1), "I": (1, 0, 1)}


def open_phantom(viewer: Any, folder: Path, orientation: str, *, tilt_degrees: float = 0.0) -> None:
    """Open image and labels, each plate in a colour of its own."""
    for path in save_phantom(folder, orientation, tilt_degrees=tilt_degrees):
        viewer.open(path, plugin="napari-medkd")
    labels = viewer.layers[1]
    labels.opacity = 1
    colours = {PLATES[letter]: (*colour, 1.0) for letter, colour in _PURE.items()}
    labels.colormap = DirectLabelColormap(color_dict={None: (0, 0, 0, 0), 0: (0, 0, 0, 0)} | colours)


def show_letters(viewer: Any, plane: str) -> None:
    """Show the slice of a plane that has the letters on it."""
    show_plane(viewer, plane)
    normal = PLANES[plane][0]
    middle = float(viewer.layers[0].extent.world[:, normal].mean())
    viewer.dims.set_point(normal, middle - LETTERS_AT_MM)


def shot_of(viewer: Any, name: str) -> NDArray[np.uint8]:
    """Return a picture of the canvas; kept as a file where MEDKD_SCREENSHOTS names a folder."""
    picture: NDArray[np.uint8] = viewer.screenshot(canvas_only=True, flash=False)
    folder = os.environ.get("MEDKD_SCREENSHOTS")
    if folder:
        from PIL import Image

        Image.fromarray(picture).save(Path(folder) / f"{name}.png")
    return picture


def seen_plates(picture: NDArray[np.uint8]) -> dict[str, NDArray[np.float64]]:
    """Return where each plate's colour is seen, as (row, column); plates that are not seen are left out."""
    colours = picture[..., :3].astype(float) / 255
    places = {}
    for letter, pure in _PURE.items():
        wanted = np.array(pure, dtype=bool)
        strong = colours[..., wanted].min(axis=-1) - colours[..., ~wanted].max(axis=-1) > 0.35
        if strong.sum() >= 20:
            places[letter] = np.argwhere(strong).mean(axis=0)
    return places
