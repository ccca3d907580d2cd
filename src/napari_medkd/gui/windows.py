"""The window that an image layer is shown with, by its name; for image layers of ours, through napari's public API.

A layer remembers its window in its metadata, so that it can be told for as long as nobody moves black or white.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from napari.layers import Image

from napari_medkd.gui.contrast import CT_WINDOWS, limits_of, names_after, reach_of
from napari_medkd.gui.layers import KEY

_WINDOW = "window"


def windowed_layer(viewer: Any) -> Any:
    """Return the image layer that a choice of a window is about: the active one, else the topmost that is seen."""
    layers = [layer for layer in viewer.layers if windows_for(layer)]
    active = viewer.layers.selection.active
    if active in layers:
        return active
    return next((layer for layer in reversed(layers) if layer.visible), None)


def windows_for(layer: Any) -> tuple[str, ...]:
    """Return the names of what an image layer can be shown with; none for colours and for layers that are not ours."""
    known = layer.metadata.get(KEY, {}).get(_WINDOW)
    is_grey = isinstance(layer, Image) and not layer.rgb
    return names_after(known["first"]) if known and is_grey else ()


def is_in_hounsfield_units(layer: Any) -> bool:
    """Return whether an image layer of ours is a CT: told so, or with air about as dark as air is in HU."""
    known = layer.metadata.get(KEY, {}).get(_WINDOW)
    return bool(known) and known["first"] in CT_WINDOWS


def window_of(layer: Any) -> str:
    """Return the name of the window an image layer is shown with; empty where the person set black and white."""
    known = layer.metadata.get(KEY, {}).get(_WINDOW)
    is_kept = known and np.allclose(layer.contrast_limits, known["limits"], rtol=1e-6, atol=1e-9)
    return str(known["name"]) if is_kept else ""


def show_window(layer: Any, name: str, alike: Iterable[Any] = ()) -> None:
    """Show an image layer with one of `windows_for` it, and those of the layers ``alike`` that show the same array."""
    limits = limits_of(_at_hand(layer), name)
    for one in {layer, *(other for other in alike if isinstance(other, Image) and other.data is layer.data)}:
        known = one.metadata.get(KEY, {}).get(_WINDOW)
        if known:
            one.metadata[KEY][_WINDOW] = known | {"name": name, "limits": limits}
        one.contrast_limits = limits  # after the name: whoever hears of it asks for that


def widen_slider(layer: Any) -> None:
    """Let napari's slider reach the darkest and brightest voxels of an image in memory, whatever is shown first."""
    values = _at_hand(layer)
    if isinstance(values, np.ndarray):
        (low, high), (black, white) = reach_of(values), layer.contrast_limits
        layer.contrast_limits_range = (min(low, float(black)), max(high, float(white)))


def _at_hand(layer: Any) -> Any:
    """Return a layer's voxels; of several resolutions the coarsest, for the others may lie far away."""
    return layer.data[-1] if layer.multiscale else layer.data
