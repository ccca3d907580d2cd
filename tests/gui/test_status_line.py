from typing import Any

import numpy as np
import pytest

from napari_medkd.gui.status_line import keep_on_one_line

pytestmark = pytest.mark.gui


def test_a_layer_name_of_two_lines_is_told_on_one(make_napari_viewer_proxy: Any) -> None:
    viewer = make_napari_viewer_proxy()
    keep_on_one_line(viewer)
    keep_on_one_line(viewer)
    layer = viewer.add_labels(np.ones((4, 4), int), name="student, epoch 1\ncase_0")

    viewer.__wrapped__.status = layer.get_status((1, 1), world=False)

    assert viewer.__wrapped__.status["layer_base"] == "student, epoch 1 · case_0"
    assert viewer.__wrapped__.window._status_bar._layer_base.text() == "student, epoch 1 · case_0"


def test_other_words_in_the_status_bar_stay(make_napari_viewer_proxy: Any) -> None:
    viewer = make_napari_viewer_proxy().__wrapped__
    keep_on_one_line(viewer)
    layer = viewer.add_labels(np.ones((4, 4), int), name="case_0")

    viewer.status = "Ready"
    assert viewer.status == "Ready"
    viewer.status = layer.get_status((1, 1), world=False)

    assert viewer.status == layer.get_status((1, 1), world=False)
