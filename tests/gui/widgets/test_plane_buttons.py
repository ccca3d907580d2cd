import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_medkd.gui.widgets.results_dock import ResultsDock

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def buttons(viewer, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    dock = ResultsDock(viewer)
    viewer.window.add_dock_widget(dock, name="Results")
    dock.settle()
    return dock.view.planes.buttons


def can_be_pressed(buttons):
    return [name for name, button in buttons.items() if button.isEnabled()]


def test_planes_are_offered_of_a_volume_alone(viewer, buttons):
    before = can_be_pressed(buttons)
    viewer.add_image(np.zeros((20, 30)), name="picture")
    of_a_picture = can_be_pressed(buttons)
    viewer.add_image(np.zeros((8, 20, 30)), name="volume")
    of_a_volume = can_be_pressed(buttons)
    viewer.layers.remove("volume")

    assert (before, of_a_picture) == ([], [])
    assert of_a_volume == ["Axial", "Coronal", "Sagittal", "3D"]
    assert can_be_pressed(buttons) == []


def test_a_volume_that_is_there_before_the_dock_is_shown_in_planes(viewer, qtbot, request):
    viewer.add_image(np.zeros((8, 20, 30)))
    buttons = request.getfixturevalue("buttons")

    qtbot.mouseClick(buttons["Coronal"], Qt.MouseButton.LeftButton)

    assert tuple(viewer.dims.order) == (1, 0, 2)
