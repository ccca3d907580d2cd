import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_medkd.core.grid import Grid
from napari_medkd.core.status import RunStatus
from napari_medkd.core.volume import Volume
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import write_volume
from napari_medkd.gui.case_layers import case_layers
from napari_medkd.gui.comparison import grid_of_viewer
from napari_medkd.gui.shown_case import ShownCase
from napari_medkd.gui.widgets.dock import WIDTH
from napari_medkd.gui.widgets.results_dock import ResultsDock
from tests.gui.answering_run import add_network, make_run, scripted_python

pytestmark = [pytest.mark.gui, pytest.mark.process]

PATIENCE = 60_000


@pytest.fixture
def interpreter(tmp_path: Path) -> Path:
    return scripted_python(tmp_path)


@pytest.fixture
def dock(results_dock: ResultsDock, interpreter: Path) -> ResultsDock:
    results_dock.session.interpreter = interpreter
    return results_dock


@pytest.fixture
def ready(dock: ResultsDock, run: Path, tiny_dataset: Path, qtbot: Any) -> ResultsDock:
    """The dock with a run chosen and a case with known truth on the canvas."""
    qtbot.waitUntil(lambda: bool(dock.state.runs), timeout=PATIENCE)
    show(dock, tiny_dataset, "case_5")
    dock.selection.choose_run(run)
    return dock


def show(dock: ResultsDock, dataset: Path, case: str) -> None:
    opened = open_dataset(dataset)
    for layer in case_layers(opened, opened.case(case)):
        dock.viewer.add_layer(Layer.create(*layer))


def click(qtbot: Any, widget: QWidget) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)


def predicted(dock: ResultsDock, qtbot: Any, stages: int = 1) -> None:
    click(qtbot, dock.view.predict)
    qtbot.waitUntil(lambda: len(dock.state.answers) == stages and not dock.state.busy, timeout=PATIENCE)


def compared(dock: ResultsDock, qtbot: Any) -> None:
    click(qtbot, dock.view.compare)
    qtbot.waitUntil(lambda: dock.comparison.is_shown, timeout=PATIENCE)


def names(dock: ResultsDock) -> list[str]:
    return [layer.name for layer in dock.viewer.layers]


def test_the_dock_begins_by_saying_what_to_do(dock: ResultsDock, run: Path, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: dock.view.run.count() == 1, timeout=PATIENCE)

    assert dock.view.busy.text() == "Choose a run."
    assert not dock.view.predict.isEnabled()
    assert not dock.view.compare.isEnabled()


def test_choosing_a_run_offers_its_networks_by_what_they_see(ready: ResultsDock) -> None:
    words = [button.text() for button in ready.view.networks.buttons()]

    assert words == ["Student", "Teacher, given class means"]
    assert ready.view.networks.checkedButton().text() == "Student"
    assert ready.view.predict.isEnabled()


def test_a_predicted_mask_lies_on_the_image_and_the_truth_becomes_an_outline(ready: ResultsDock, qtbot: Any) -> None:
    predicted(ready, qtbot)

    image, truth, student = ready.viewer.layers
    assert student.name == "student · case_5"
    np.testing.assert_allclose(student.translate, image.translate)
    assert truth.contour == 1
    assert (
        "cube" in str(student.get_status((3, 15, 15), world=False)) or student.features["class"].tolist()[2] == "cube"
    )


def bright_corner() -> np.ndarray:
    """Return an image the scripted student calls a cube in one corner and a ball in another."""
    image = np.zeros((6, 40, 48), np.uint8)
    image[1, 32:36, 40:44], image[4, 2:5, 3:5] = 120, 80
    return image


def assert_the_answer_lies_on_its_voxels(dock: ResultsDock, qtbot: Any) -> None:
    predicted(dock, qtbot)
    image, student = dock.viewer.layers
    np.testing.assert_array_equal(student.data, np.digitize(image.data, (50, 110)))
    np.testing.assert_allclose(student.data_to_world((1, 2, 3)), image.data_to_world((1, 2, 3)))


@pytest.mark.parametrize(
    ("placed", "unit"),
    [
        pytest.param({"scale": (2, 0.5, 0.5)}, "pixel", id="sized in pixels"),
        pytest.param({"translate": (3, -70, 800)}, "pixel", id="moved in pixels"),
        pytest.param({"scale": (900, 300, 300), "translate": (9e4, 0, 50), "units": ("um",) * 3}, "mm", id="in um"),
        pytest.param({"rotate": (0, 0, 30), "units": ("mm",) * 3}, "mm", id="turned"),
    ],
)
def test_the_answer_to_an_image_in_memory_lies_on_its_voxels(
    dock: ResultsDock, run: Path, qtbot: Any, placed: dict[str, Any], unit: str
) -> None:
    dock.viewer.add_image(bright_corner(), **placed)
    dock.selection.choose_run(run)

    assert_the_answer_lies_on_its_voxels(dock, qtbot)
    [answer] = dock.state.answers
    assert {one.distance_unit for one in answer.measures} == {unit}


def test_the_answer_to_a_single_plane_that_keeps_its_axis_lies_on_its_voxels(
    dock: ResultsDock, run: Path, qtbot: Any
) -> None:
    image = dock.viewer.add_image(bright_corner()[1:2])
    dock.selection.choose_run(run)

    predicted(dock, qtbot)
    student = dock.viewer.layers[-1]
    dock.view.compare.click()
    qtbot.waitUntil(lambda: bool(dock.state.panels), timeout=PATIENCE)

    np.testing.assert_array_equal(student.data, np.digitize(image.data, (50, 110)))


def test_the_answer_to_a_file_of_naparis_own_reader_lies_on_its_voxels_and_is_measured_in_the_files_size(
    dock: ResultsDock, run: Path, qtbot: Any, tmp_path: Path
) -> None:
    path = tmp_path / "scan.tif"
    write_volume(path, Volume(bright_corner()[None], Grid.upright((6, 40, 48), (0.5, 0.5, 0.5))))
    [image] = dock.viewer.open(path, plugin="napari")
    image.scale = (1, 1, 1)
    dock.selection.choose_run(run)

    assert_the_answer_lies_on_its_voxels(dock, qtbot)
    [answer] = dock.state.answers
    assert answer.measures[1].volume == pytest.approx(16 * 0.5**3 * 1e-3)


def test_the_table_measures_every_class_under_its_networks_title(ready: ResultsDock, qtbot: Any) -> None:
    predicted(ready, qtbot)
    ready.view.networks.buttons()[1].click()
    predicted(ready, qtbot, stages=2)

    tables = ready.view.answers.tables
    student = tables["student"]
    assert [student.item(row, 0).text() for row in range(2)] == ["ball", "cube"]
    assert float(student.item(0, 1).text()) > 0.9
    assert student.horizontalHeaderItem(2).text() == "HD95\nmm"
    assert "given class means of the true mask" in tables["teacher"].accessibleName()


def test_a_click_on_a_class_goes_to_its_middle_and_takes_its_label(ready: ResultsDock, qtbot: Any) -> None:
    predicted(ready, qtbot)
    table = ready.view.answers.tables["student"]

    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualItemRect(table.item(1, 0)).center())

    student = ready.viewer.layers["student · case_5"]
    voxel = tuple(round(at) for at in student.world_to_data(ready.viewer.dims.point))
    assert student.data[voxel] == 2
    assert student.selected_label == 2
    assert ready.viewer.layers.selection.active == student


def test_the_arrow_keys_go_through_the_classes(ready: ResultsDock, qtbot: Any) -> None:
    predicted(ready, qtbot)
    table = ready.view.answers.tables["student"]
    table.setFocus()

    qtbot.keyClick(table, Qt.Key.Key_Down)
    qtbot.keyClick(table, Qt.Key.Key_Down)

    assert ready.viewer.layers["student · case_5"].selected_label == 2


def test_comparing_and_leaving_restores_what_the_person_had(ready: ResultsDock, qtbot: Any) -> None:
    predicted(ready, qtbot)
    ready.viewer.layers.selection.active = ready.viewer.layers[1]
    before = [(layer.name, layer.visible) for layer in ready.viewer.layers]

    compared(ready, qtbot)
    assert ready.view.compare.text() == "Leave the comparison"
    assert ready.view.picture.count() == 1
    assert len(ready.comparison.layers) == 6
    click(qtbot, ready.view.compare)

    after = [(layer.name, layer.visible) for layer in ready.viewer.layers]
    assert after == [*before, ("teacher, given class means of the true mask · case_5", False)]
    assert ready.viewer.layers.selection.active == ready.viewer.layers[1]
    assert not grid_of_viewer(ready.viewer).enabled
    assert ready.view.compare.text() == "Compare"


def test_leaving_by_naparis_grid_button_is_noticed(ready: ResultsDock, qtbot: Any) -> None:
    compared(ready, qtbot)

    grid_of_viewer(ready.viewer).enabled = False

    assert ready.view.compare.text() == "Compare"
    assert ready.state.panels == ()


def test_another_difference_is_drawn_in_place(ready: ResultsDock, qtbot: Any) -> None:
    compared(ready, qtbot)
    marks = ready.comparison.layers[5].data

    ready.view.difference.setCurrentIndex(1)
    ready.view.difference.activated.emit(1)

    assert ready.view.difference.currentText() == "student vs teacher"
    assert ready.comparison.layers[5].data is not marks
    assert ready.comparison.layers[5].name == "difference:\nstudent vs teacher"
    assert len(ready.comparison.layers) == 6


def test_showing_another_case_while_comparing_leaves_and_takes_the_answers_away(
    dock: ResultsDock, run: Path, tiny_dataset: Path, qtbot: Any
) -> None:
    dataset, shown = open_dataset(tiny_dataset), ShownCase(dock.viewer)
    shown.show(case_layers(dataset, dataset.case("case_5")))
    dock.selection.choose_run(run)
    compared(dock, qtbot)

    shown.show(case_layers(dataset, dataset.case("case_4")))

    assert names(dock) == ["case_4", "case_4 · shapes (truth)"]
    assert all(layer.visible for layer in dock.viewer.layers)
    assert not dock.comparison.is_shown
    assert dock.state.answers == ()
    assert dock.view.picture.currentText() == "case_4"


def test_a_painted_answer_survives_its_image(ready: ResultsDock, qtbot: Any) -> None:
    predicted(ready, qtbot)
    student = ready.viewer.layers["student · case_5"]
    student.data_setitem((np.array([0]), np.array([0]), np.array([0])), 1)
    student.events.paint(value=[])

    ready.viewer.layers.remove("case_5")

    assert "student · case_5" in names(ready)
    assert not ready.viewer.layers["student · case_5"].visible


def test_the_masks_of_a_run_are_not_seen_when_another_is_chosen(ready: ResultsDock, tmp_path: Path, qtbot: Any) -> None:
    predicted(ready, qtbot)

    ready.selection.choose_run(make_run(tmp_path / "runs", tmp_path))

    assert not ready.viewer.layers["student · case_5"].visible


def test_the_image_selected_in_the_list_of_layers_is_the_one_that_is_asked_about(
    ready: ResultsDock, tiny_dataset: Path
) -> None:
    show(ready, tiny_dataset, "case_4")
    ready.viewer.layers.selection.active = ready.viewer.layers["case_5"]

    assert ready.view.picture.currentText() == "case_5"

    ready.viewer.layers.selection.active = ready.viewer.layers["case_4"]

    assert ready.view.picture.currentText() == "case_4"
    assert [ready.view.picture.itemText(row) for row in range(2)] == ["case_4", "case_5"]


def test_a_prediction_can_be_stopped(ready: ResultsDock, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDKD_SCRIPT", "wait")
    click(qtbot, ready.view.predict)
    qtbot.waitUntil(lambda: "looks at" in ready.view.busy.text(), timeout=PATIENCE)
    assert ready.view.stop.isEnabled()

    click(qtbot, ready.view.stop)
    qtbot.waitUntil(lambda: not ready.state.busy, timeout=PATIENCE)

    assert "stopped" in ready.view.problems.toPlainText()
    assert ready.view.predict.isEnabled()


def test_a_refusal_is_one_sentence_with_the_log_a_click_away(
    ready: ResultsDock, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDKD_SCRIPT", "fail")

    click(qtbot, ready.view.predict)
    qtbot.waitUntil(lambda: bool(ready.state.message), timeout=PATIENCE)

    assert "The image is upside down." in ready.view.problems.toPlainText()
    assert "Turn it round." in ready.view.problems.toPlainText()
    assert ready.view.log.isVisible()


def test_an_interpreter_that_is_not_there_is_a_problem_on_the_dock(ready: ResultsDock, qtbot: Any) -> None:
    ready.session.interpreter = Path("/nowhere/python")

    click(qtbot, ready.view.predict)
    qtbot.waitUntil(lambda: bool(ready.state.message), timeout=PATIENCE)

    assert "/nowhere/python" in ready.state.message
    assert not ready.state.busy


def test_the_tables_are_exported(ready: ResultsDock, qtbot: Any, tmp_path: Path) -> None:
    predicted(ready, qtbot)

    ready.view.answers.export.export_tables(tmp_path / "case_5.csv")

    rows = list(csv.DictReader((tmp_path / "case_5.csv").read_text().splitlines()))
    assert [(row["network"], row["class"]) for row in rows] == [("student", "ball"), ("student", "cube")]


def test_tables_that_cannot_be_saved_are_a_problem_on_the_dock(ready: ResultsDock, qtbot: Any, tmp_path: Path) -> None:
    predicted(ready, qtbot)

    ready.view.answers.export.export_tables(tmp_path / "nowhere" / "case_5.csv")

    assert "Nothing was saved" in ready.view.problems.toPlainText()


def test_the_plane_buttons_turn_the_sliders(ready: ResultsDock, qtbot: Any) -> None:
    orders = []
    for name in ("Coronal", "Sagittal", "Axial"):
        click(qtbot, ready.view.planes.buttons[name])
        orders.append((tuple(ready.viewer.dims.order), ready.viewer.dims.ndisplay))
    click(qtbot, ready.view.planes.buttons["3D"])

    assert orders == [((1, 0, 2), 2), ((2, 0, 1), 2), ((0, 1, 2), 2)]
    assert ready.viewer.dims.ndisplay == 3


def test_a_network_that_is_saved_while_the_dock_is_open_appears(ready: ResultsDock, tmp_path: Path) -> None:
    live = make_run(tmp_path / "runs", tmp_path, networks=())
    ready.selection.choose_run(live)
    assert "first epoch" in ready.view.busy.text()

    add_network(live, "student")
    ready.session.run_status = RunStatus(checkpoint="checkpoints/student.best.safetensors")

    assert [button.text() for button in ready.view.networks.buttons()] == ["Student"]


def test_everything_fits_into_the_docks_width(ready: ResultsDock, qtbot: Any) -> None:
    predicted(ready, qtbot)

    inside = ready.view.widget()

    assert inside is not None
    assert inside.minimumSizeHint().width() <= WIDTH
    table = ready.view.answers.tables["student"]
    assert not table.verticalScrollBar().isVisible()
    assert table.viewport().height() >= table.rowCount() * table.rowHeight(0)


def test_networks_that_are_no_longer_offered_are_not_seen(ready):
    before = list(ready.view.networks.buttons())

    ready.view.show_networks([("student", "Student", "")], "student")

    assert not any(button.isVisibleTo(ready.view) for button in before)
