from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.gui


@pytest.mark.parametrize(("key", "window"), [("t1", None), ("t2", None), ("ct", [-160.0, 240.0])])
def test_a_sample_opens_from_the_menu_with_image_organs_and_lesions(
    make_napari_viewer: Any, key: str, window: list[float] | None
) -> None:
    viewer = make_napari_viewer()

    viewer.open_sample("napari-medkd", f"phantom-{key}")

    kinds = [type(layer).__name__ for layer in viewer.layers]
    assert kinds == ["Image", "Labels", "Shapes", "Vectors"]
    assert len({str(layer.units) for layer in viewer.layers}) == 1
    image, organs, boxes, _ = viewer.layers
    assert image.data.shape == organs.data.shape
    assert {"liver", "spleen"} <= set(organs.metadata["medkd"]["task"]["classes"])
    assert set(boxes.features["class"]) == {"lesion"}
    assert window is None or image.contrast_limits == window
    np.testing.assert_allclose(image.translate, organs.translate)
