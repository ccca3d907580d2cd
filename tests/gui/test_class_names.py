from typing import Any

import numpy as np
import pytest
from napari.layers import Layer

from napari_medkd.core.annotation import Mask
from napari_medkd.core.grid import Grid
from napari_medkd.core.task import Task
from napari_medkd.gui.class_names import keep_class_names
from napari_medkd.gui.layers import mask_layer

pytestmark = pytest.mark.gui

TASK = Task("organs", "segmentation", ("background", "liver", "spleen"))


def _mask() -> Any:
    mask = Mask(np.full((3, 4, 5), 2, np.uint8), Grid.upright((3, 4, 5)), TASK)
    return Layer.create(*mask_layer(mask, "organs"))


def test_the_status_bar_names_the_class_under_the_pointer(make_napari_viewer_proxy: Any) -> None:
    viewer = make_napari_viewer_proxy()
    viewer.add_layer(_mask())

    keep_class_names(viewer)
    viewer.add_layer(_mask())

    for layer in viewer.layers:
        assert "spleen" in str(layer.get_status((1, 1, 1), world=False))


def test_a_mask_can_come_in_3d_before_the_pointer_was_on_the_canvas(make_napari_viewer_proxy: Any) -> None:
    viewer = make_napari_viewer_proxy(ndisplay=3)
    keep_class_names(viewer)
    keep_class_names(viewer)

    viewer.add_layer(_mask())
    viewer.dims.ndisplay = 2

    assert viewer.layers.selection.active == viewer.layers[0]
    assert "spleen" in str(viewer.layers[0].get_status((1, 1, 1), world=False))


def test_masks_of_others_are_left_alone(make_napari_viewer_proxy: Any) -> None:
    viewer = make_napari_viewer_proxy()
    keep_class_names(viewer)

    theirs = viewer.add_labels(np.ones((3, 4, 5), int), features={"index": [1], "area": [60]})
    viewer.dims.ndisplay = 3

    assert list(theirs.features.columns) == ["index", "area"]


@pytest.mark.parametrize("columns", [{"area": [0, 60]}, {"class": ["air", "tumour"], "area": [0, 60]}], ids=str)
def test_what_another_plugin_stored_on_a_mask_of_ours_stays(
    make_napari_viewer_proxy: Any, columns: dict[str, Any]
) -> None:
    viewer = make_napari_viewer_proxy()
    keep_class_names(viewer)
    mask = _mask()
    mask.features = {"index": [0, 1]} | columns

    viewer.add_layer(mask)
    viewer.dims.ndisplay = 3
    viewer.dims.ndisplay = 2

    assert mask.features.to_dict("list") == {"index": [0, 1]} | columns
