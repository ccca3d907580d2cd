"""The row of the Data dock that says how images are shown, with mouse and keys."""

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.gui.layers import image_layers
from napari_medkd.gui.planes import camera_of
from napari_medkd.gui.widgets.dock import bring_up

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def row(viewer, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    dock = bring_up(viewer, "Data")
    dock.session.asks_at_closing = False
    dock.settle()
    session, row = dock.session, dock.view
    yield row
    session.sides = "radiological"  # which is kept for the next time


def scan(modality, name="scan"):
    values = np.random.default_rng(0).integers(-1000, 2000, (1, 6, 16, 16)).astype(np.int16)
    [data] = image_layers(Volume(values, Grid.upright((6, 16, 16)), modality=modality), name)
    return Layer.create(*data)


def choose(combo, text):
    """Open the list with the mouse, and click an entry."""
    QTest.mouseClick(combo, Qt.MouseButton.LeftButton)
    view = combo.view()
    QTest.qWaitForWindowExposed(view.window())
    QTest.qWait(800)  # Qt takes a click on a list that has just been opened for the one that opened it
    place = view.visualRect(combo.model().index(combo.findText(text), 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    QTest.qWait(50)


def test_without_an_image_there_is_no_row(row):
    assert not row.isVisible()


def test_a_window_that_is_clicked_is_shown_and_its_name_stands_there(row, viewer):
    layer = scan(Modality.CT)
    viewer.add_layer(layer)
    assert row.isVisible()
    assert row.window_choice.currentText() == "Soft tissue"

    choose(row.window_choice, "Lung")

    assert layer.contrast_limits == [-1350, 150]
    assert row.window_choice.currentText() == "Lung"


def test_keys_go_through_the_windows(row, viewer):
    layer = scan(Modality.CT)
    viewer.add_layer(layer)
    row.window_choice.setFocus()

    QTest.keyClick(row.window_choice, Qt.Key.Key_Down)
    QTest.keyClick(row.window_choice, Qt.Key.Key_Down)

    assert row.window_choice.currentText() == "Bone"
    assert layer.contrast_limits == [-500, 1300]


def test_limits_moved_by_hand_leave_the_choice_without_a_name(row, viewer):
    layer = scan(Modality.CT)
    viewer.add_layer(layer)

    layer.contrast_limits = (-10, 90)

    assert row.window_choice.currentIndex() == -1
    assert row.window_choice.placeholderText() == "Set by hand"


def test_the_choice_is_about_the_selected_image(row, viewer):
    ct, mr = scan(Modality.CT, "ct"), scan(Modality.MR, "mr")
    viewer.add_layer(ct)
    viewer.add_layer(mr)
    assert row.window_choice.currentText() == "Most values"

    viewer.layers.selection.active = ct
    choose(row.window_choice, "Brain")

    assert ct.contrast_limits == [0, 80]
    assert mr.contrast_limits[1] > 1000


def test_the_side_that_is_clicked_turns_the_view(row, viewer):
    viewer.add_layer(scan(Modality.CT))
    camera = camera_of(viewer.__wrapped__)
    assert str(camera.orientation[2]) == "right"

    choose(row.sides, "Neurological")

    assert str(camera.orientation[2]) == "left"


def test_when_the_image_goes_the_row_goes(row, viewer):
    viewer.add_layer(scan(Modality.CT))

    viewer.layers.clear()

    assert not row.isVisible()


def test_a_closed_dock_hears_nothing_more(row, viewer, qtbot):
    layer = scan(Modality.CT)
    viewer.add_layer(layer)
    session = row._session

    viewer.window.remove_dock_widget("all")
    qtbot.wait(50)
    session.sides = "neurological"
    layer.contrast_limits = (0, 1)
    viewer.add_layer(scan(Modality.MR))

    assert len(viewer.layers) == 2
