import numpy as np
import pytest

from napari_medkd.core.grid import Grid
from napari_medkd.core.prediction import Attention, Prediction
from napari_medkd.core.volume import Volume

napari_layers = pytest.importorskip("napari.layers")

from napari_medkd.gui.answers import answer_of  # noqa: E402 - napari first
from napari_medkd.gui.attention_layers import attention_layer  # noqa: E402
from napari_medkd.gui.canvas import placed_like  # noqa: E402
from napari_medkd.gui.layers import image_layers  # noqa: E402
from tests.gui.answered import GRADE, ramp  # noqa: E402


def test_attention_is_clear_where_the_network_does_not_look_and_never_hides_the_image():
    grid = Grid.upright((4, 5, 6), (5.0, 1.0, 1.0))
    image = napari_layers.Layer.create(*image_layers(Volume(np.zeros((1, *grid.shape), np.float32), grid), "scan")[0])

    layer = attention_layer(Attention("malignant", ramp(grid)), "teacher", ramp(grid), placed_like(image))

    assert layer.name == "teacher · looks at malignant"
    clear, strongest = layer.colormap.map(np.array([0.0, 1.0]))
    assert clear[3] == 0
    assert 0.3 < strongest[3] * layer.opacity < 0.7
    np.testing.assert_allclose(layer.data_to_world((1, 2, 3)), image.data_to_world((1, 2, 3)))
    assert layer.contrast_limits == [0, 1]


def test_attention_of_a_coarser_grid_is_brought_to_the_image():
    fine = Grid.upright((4, 8, 8), (2.0, 1.0, 1.0))
    affine = Grid.upright((2, 4, 4), (4.0, 2.0, 2.0)).affine.copy()
    affine[:3, 3] = fine.to_world(np.array([[0.5, 0.5, 0.5]]))[0]
    coarse = Grid((2, 4, 4), affine)
    looked = np.zeros(coarse.shape, np.float32)
    looked[1, 2, 3] = 1
    prediction = Prediction("case", GRADE, coarse, "run", "student.done", attention=Attention("benign", looked))

    answer = answer_of(prediction, fine, None)

    assert answer.attention is not None
    found = answer.attention.map_ZYX
    assert found.shape == fine.shape
    # Voxel (1, 2, 3) spans the fine voxels (2, 3) x (4, 5) x (6, 7); its middle is the most looked at.
    assert np.unravel_index(found.argmax(), found.shape)[0] in (2, 3)
    assert found[2:4, 4:6, 6:8].min() > 0.2
    assert found[0].max() == 0


def test_attention_on_the_images_own_grid_is_left_as_it_is():
    grid = Grid.upright((1, 5, 6), unit="pixel")
    attention = Attention("benign", ramp(grid))
    prediction = Prediction("case", GRADE, grid, "run", "student.done", attention=attention)

    assert answer_of(prediction, grid, None).attention is attention
