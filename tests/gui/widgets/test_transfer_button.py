"""Reference, warped reference and student on the canvas of a real window."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import Qt

from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.case_layers import case_layers
from napari_medkd.gui.colours import hex_of, rgba_of
from napari_medkd.gui.comparison import grid_of_viewer
from napari_medkd.gui.planes import camera_of
from napari_medkd.gui.state import OpenedCase
from napari_medkd.gui.widgets.data_dock import DataDock
from napari_medkd.gui.widgets.results_dock import ResultsDock
from tests.gui.answered import masked
from tests.gui.answering_run import add_network
from tests.gui.transferred_run import CASE, learn, one_shot_run, register

pytestmark = pytest.mark.gui

PATIENCE = 30_000


@pytest.fixture
def run(tmp_path: Path, tiny_dataset: Path) -> Path:
    run = one_shot_run(tmp_path / "runs", tiny_dataset)
    register(run, tiny_dataset)
    learn(run, tiny_dataset)
    return run


@pytest.fixture
def dock(run: Path, results_dock: ResultsDock, qtbot: Any) -> ResultsDock:
    results_dock.session.run = run
    qtbot.waitUntil(lambda: bool(results_dock.state.runs), timeout=PATIENCE)
    return results_dock


def click(qtbot: Any, dock: ResultsDock) -> None:
    qtbot.mouseClick(dock.transfer, Qt.MouseButton.LeftButton)


def shown(qtbot: Any, dock: ResultsDock) -> None:
    click(qtbot, dock)
    qtbot.waitUntil(lambda: dock.comparison.is_shown, timeout=PATIENCE)


def open_case(dock: ResultsDock, dataset: Path, case: str) -> None:
    opened = open_dataset(dataset)
    for layer in case_layers(opened, opened.case(case)):
        dock.viewer.add_layer(Layer.create(*layer))
    dock.session.opened = OpenedCase(opened, opened.case(case))


def opened_data(dock: ResultsDock, qtbot: Any, dataset: Path) -> DataDock:
    """Return a Data dock beside the Results dock, with a dataset open."""
    data = DataDock(dock.viewer)
    dock.viewer.window.add_dock_widget(data, name="Data")
    data.settle()
    data.open_path(dataset)
    qtbot.waitUntil(lambda: bool(data.state.rows) and not data.state.is_checking, timeout=PATIENCE)
    return data


def colour(viewer: Any, column: int, row: int, columns: int, rows: int) -> Any:
    """Return the mean colour around the middle of a panel, strongest channel 1."""
    picture = viewer.screenshot(canvas_only=True, flash=False)[..., :3].astype(float)
    height, width = picture.shape[:2]
    y, x = height * (2 * row + 1) // (2 * rows), width * (2 * column + 1) // (2 * columns)
    mean = picture[y - 15 : y + 15, x - 15 : x + 15].mean(axis=(0, 1))
    return mean / mean.max()


def test_a_click_shows_three_panels_without_any_image_open(dock: ResultsDock, qtbot: Any) -> None:
    shown(qtbot, dock)

    overlays = dock.comparison.layers[1::2]
    assert [layer.name.splitlines()[0] for layer in overlays] == ["reference", "warped reference", "student, epoch 1"]
    assert grid_of_viewer(dock.viewer).shape == (1, 3)
    assert dock.transfer.isChecked()
    # The slider stands where the warped label is.
    plane = overlays[1].data[dock.viewer.dims.current_step[0]]
    assert plane.any()
    wanted = np.array(rgba_of(hex_of(1))[:3])
    np.testing.assert_allclose(colour(dock.viewer, 2, 0, 3, 1), wanted / wanted.max(), atol=0.3)


def test_another_click_restores_the_persons_layers(dock: ResultsDock, tiny_dataset: Path, qtbot: Any) -> None:
    open_case(dock, tiny_dataset, "case_5")
    before = [(layer.name, layer.visible, layer.unique_id) for layer in dock.viewer.layers]
    shown(qtbot, dock)

    click(qtbot, dock)

    assert not dock.comparison.is_shown
    assert [(layer.name, layer.visible, layer.unique_id) for layer in dock.viewer.layers] == before
    assert not dock.transfer.isChecked()


def test_an_answer_that_came_while_the_panels_stood_there_is_drawn_when_they_are_gone(
    dock: ResultsDock, tiny_dataset: Path, qtbot: Any
) -> None:
    open_case(dock, tiny_dataset, "case_5")
    picture = dock.selection.picture
    assert picture is not None
    shown(qtbot, dock)
    dock.state.answers = (masked(picture.grid, np.ones(picture.grid.shape, np.uint8), None),)

    click(qtbot, dock)

    assert dock.viewer.layers["student · case_5"].visible


def test_a_preview_that_came_while_the_panels_stood_there_is_drawn_when_they_are_gone(
    dock: ResultsDock, run: Path, tiny_dataset: Path, qtbot: Any
) -> None:
    open_case(dock, tiny_dataset, CASE)
    shown(qtbot, dock)
    dock.session.preview = learn(run, tiny_dataset, epoch=2, label=2)

    click(qtbot, dock)

    qtbot.waitUntil(lambda: dock.preview.layer is not None, timeout=PATIENCE)


def test_a_new_preview_is_written_into_the_same_layers(dock: ResultsDock, run: Path, tiny_dataset: Path, qtbot: Any):
    shown(qtbot, dock)
    layers = list(dock.comparison.layers)
    layers[5].opacity = 0.3
    camera_of(dock.viewer).zoom = zoom = camera_of(dock.viewer).zoom * 1.5

    register(run, tiny_dataset, epoch=4)
    dock.session.preview = learn(run, tiny_dataset, epoch=2, label=2)

    qtbot.waitUntil(lambda: layers[5].name.startswith("student, epoch 2"), timeout=PATIENCE)
    assert list(dock.comparison.layers) == layers
    assert (layers[5].data == 2).all()
    np.testing.assert_allclose(layers[2].data, layers[4].data + 4, rtol=1e-5)
    assert layers[3].name.splitlines()[1] == "registration, epoch 4"
    assert (layers[5].opacity, camera_of(dock.viewer).zoom) == (0.3, zoom)


def test_with_a_reconstruction_four_panels_stand_in_two_rows(
    dock: ResultsDock, run: Path, tiny_dataset: Path, qtbot: Any
) -> None:
    learn(run, tiny_dataset, label=2, reconstructs=True)

    shown(qtbot, dock)

    assert grid_of_viewer(dock.viewer).shape == (2, 2)
    wanted = np.array(rgba_of(hex_of(2))[:3])
    np.testing.assert_allclose(colour(dock.viewer, 0, 1, 2, 2), wanted / wanted.max(), atol=0.3)
    assert dock.viewer.layers.selection.active == dock.comparison.layers[5]


def test_naparis_grid_button_leaves_it(dock: ResultsDock, qtbot: Any) -> None:
    shown(qtbot, dock)

    grid_of_viewer(dock.viewer).enabled = False

    assert not dock.transfer.isChecked()
    assert not dock.state.transfer_is_on


def test_the_slice_of_a_person_who_looks_at_the_case_stays(dock: ResultsDock, tiny_dataset: Path, qtbot: Any) -> None:
    open_case(dock, tiny_dataset, CASE)
    dock.viewer.dims.set_current_step(0, 3)

    shown(qtbot, dock)

    assert dock.viewer.dims.point[0] == dock.comparison.layers[4].data_to_world((3, 0, 0))[0]


def test_the_live_overlay_waits_while_panels_are_shown(
    dock: ResultsDock, run: Path, tiny_dataset: Path, qtbot: Any
) -> None:
    open_case(dock, tiny_dataset, CASE)
    shown(qtbot, dock)

    dock.session.preview = learn(run, tiny_dataset, epoch=2)
    qtbot.waitUntil(lambda: dock.comparison.layers[5].name.startswith("student, epoch 2"), timeout=PATIENCE)
    assert dock.preview.layer is None
    click(qtbot, dock)
    dock.session.preview = learn(run, tiny_dataset, epoch=3)

    qtbot.waitUntil(lambda: dock.preview.layer is not None, timeout=PATIENCE)


def test_a_run_without_a_reference_is_told_in_the_dock(
    dock: ResultsDock, tmp_path: Path, tiny_dataset: Path, qtbot: Any
) -> None:
    dock.session.run = one_shot_run(tmp_path / "runs", tiny_dataset)

    click(qtbot, dock)

    qtbot.waitUntil(lambda: bool(dock.state.message), timeout=PATIENCE)
    assert not dock.transfer.isChecked()
    assert not dock.comparison.is_shown


def test_predicting_gives_the_canvas_back(dock: ResultsDock, run: Path, tiny_dataset: Path, qtbot: Any) -> None:
    open_case(dock, tiny_dataset, "case_5")
    add_network(run, "student")
    dock.selection.choose_run(None)
    dock.selection.choose_run(run)
    shown(qtbot, dock)

    qtbot.mouseClick(dock.view.predict, Qt.MouseButton.LeftButton)

    assert not dock.comparison.is_shown
    assert dock.state.busy
    qtbot.mouseClick(dock.view.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dock.state.busy, timeout=PATIENCE)


def test_a_case_is_annotated_without_the_panels_that_hide_it(dock: ResultsDock, qtbot: Any, tiny_dataset: Path) -> None:
    data = opened_data(dock, qtbot, tiny_dataset)
    data.show_case("case_1")
    qtbot.waitUntil(lambda: dock.session.opened is not None, timeout=PATIENCE)
    shown(qtbot, dock)

    data.annotate("case_1")

    assert data.painted_case == "case_1"
    assert not dock.comparison.is_shown
    assert [layer.name for layer in dock.viewer.layers if layer.visible] == ["case_1", "case_1 · shapes (painting)"]


def test_another_case_is_shown_in_place_of_the_panels(dock: ResultsDock, qtbot: Any, tiny_dataset: Path) -> None:
    data = opened_data(dock, qtbot, tiny_dataset)
    shown(qtbot, dock)

    data.show_case("case_1")
    qtbot.waitUntil(lambda: dock.session.opened is not None, timeout=PATIENCE)

    assert not dock.comparison.is_shown
    assert not dock.transfer.isChecked()
    assert not grid_of_viewer(dock.viewer).enabled
    assert [layer.name for layer in dock.viewer.layers] == ["case_1", "case_1 · shapes (truth)"]
