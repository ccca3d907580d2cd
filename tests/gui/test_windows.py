from typing import Any

import numpy as np
import pytest

from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.gui.layers import image_layers
from napari_medkd.gui.windows import show_window, widen_slider, window_of, windowed_layer, windows_for

napari_layers = pytest.importorskip("napari.layers")


def layer_of(modality: Modality, name: str = "scan") -> Any:
    values = np.random.default_rng(0).integers(-1024, 2000, (1, 6, 7, 8)).astype(np.int16)
    [data] = image_layers(Volume(values, Grid.upright((6, 7, 8)), modality=modality), name)
    return napari_layers.Layer.create(*data)


def test_a_layer_knows_its_window_until_black_or_white_is_moved() -> None:
    layer = layer_of(Modality.CT)
    assert window_of(layer) == "Soft tissue"

    show_window(layer, "Lung")
    assert window_of(layer) == "Lung"
    assert layer.contrast_limits == [-1350, 150]

    layer.contrast_limits = (-1350, 151)
    assert window_of(layer) == ""


def test_mr_is_first_shown_with_most_of_its_values_and_can_be_shown_with_all() -> None:
    layer = layer_of(Modality.MR)
    assert window_of(layer) == "Most values"

    show_window(layer, "Full range")

    assert window_of(layer) == "Full range"
    assert layer.contrast_limits == [layer.data.min(), layer.data.max()]


def test_layers_of_the_same_array_are_shown_alike() -> None:
    layer, other = layer_of(Modality.CT), layer_of(Modality.CT)
    panel = napari_layers.Image(layer.data)

    show_window(layer, "Bone", alike=[layer, panel, other])

    assert panel.contrast_limits == [-500, 1300]
    assert window_of(other) == "Soft tissue"


def test_the_slider_reaches_the_whole_image_and_the_window_stays() -> None:
    layer = layer_of(Modality.CT)
    assert layer.contrast_limits_range == [-160, 240]

    widen_slider(layer)

    assert layer.contrast_limits_range == [layer.data.min(), layer.data.max()]
    assert window_of(layer) == "Soft tissue"


def test_layers_of_others_and_colours_have_no_windows() -> None:
    grid = Grid.upright((1, 7, 8), unit="pixel")
    colours = Volume(np.zeros((3, 1, 7, 8), np.uint8), grid, ("red", "green", "blue"))
    [picture] = image_layers(colours, "photo")

    assert windows_for(napari_layers.Image(np.zeros((5, 6)))) == ()
    assert windows_for(napari_layers.Layer.create(*picture)) == ()


@pytest.mark.gui
def test_the_active_image_is_meant_else_the_topmost_that_is_seen(make_napari_viewer: Any) -> None:
    viewer = make_napari_viewer()
    lower, upper = layer_of(Modality.CT, "lower"), layer_of(Modality.MR, "upper")
    labels = napari_layers.Labels(np.zeros((6, 7, 8), int))
    for layer in (lower, upper, labels):
        viewer.add_layer(layer)

    assert windowed_layer(viewer) is upper
    upper.visible = False
    assert windowed_layer(viewer) is lower
    viewer.layers.selection.active = upper
    assert windowed_layer(viewer) is upper
