"""Painting a reference as a person does it: with the mouse on the canvas and the buttons of the dock."""

import threading

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QCloseEvent, QColor, QIcon
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QColorDialog, QLineEdit, QMessageBox

from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_mask
from napari_medkd.gui.case_layers import case_layers
from napari_medkd.gui.study import study_of
from napari_medkd.gui.widgets.closing import guard_closing
from tests.gui.annotating import annotate, data_dock_on, unpainted

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def dock(viewer, qtbot, tiny_dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    return data_dock_on(viewer, unpainted(tiny_dataset, tmp_path / "scans"), qtbot)


@pytest.fixture
def page(dock, qtbot):
    dock.cases.table.select("case_0")
    qtbot.mouseClick(dock.cases.annotate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.annotating.presenter.annotation is not None, timeout=20_000)
    return dock.annotating


def canvas_of(viewer):
    return viewer.__wrapped__.window._qt_viewer.canvas.native


def stroke(viewer, qtbot, *, down=0):
    """Draw a line across the middle of the canvas with the mouse."""
    canvas = canvas_of(viewer)
    y = canvas.height() // 2 + down
    points = [QPoint(canvas.width() // 2 + step, y) for step in range(-30, 31, 6)]
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=points[0])
    for point in points:
        QTest.mouseMove(canvas, point)
        qtbot.wait(5)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=points[-1])


def add_class(page, qtbot):
    rows = page.classes.rowCount()
    qtbot.mouseClick(page.add, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.classes.rowCount() == rows + 1, timeout=5_000)


def test_from_the_button_to_the_file(viewer, dock, page, qtbot, tmp_path):
    layer = page.presenter.annotation.layer
    layer.brush_size = 3
    for z in (8, 12):
        viewer.dims.set_current_step(0, z)
        qtbot.wait(50)
        stroke(viewer, qtbot)
    qtbot.waitUntil(lambda: bool(page.state.saved) and "3 slices" in page.hint.text(), timeout=10_000)

    qtbot.mouseClick(page.interpolate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.hint.text() == "", timeout=10_000)
    qtbot.mouseClick(page.finish, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.presenter.annotation is None, timeout=10_000)

    dataset = open_dataset(tmp_path / "scans")
    assert [case.id for case in dataset.labelled("structures")] == ["case_0"]
    assert dock.session.references == ("case_0",)
    assert dock.pages.currentWidget() is dock.cases
    assert dock.state.rows[0].labelled == ("structures",)


def test_smooth_and_interpolate_say_what_they_could_not_do(page, qtbot):
    layer = page.presenter.annotation.layer
    add_class(page, qtbot)
    layer.data[4, 4, 2:22] = 1
    layer.data[6, 4:20, 4:20] = 2
    page.presenter.look()
    qtbot.waitUntil(lambda: page.interpolate.isEnabled(), timeout=10_000)

    qtbot.mouseClick(page.smooth, Qt.MouseButton.LeftButton)
    assert "stays as it is painted" in page.problem.toPlainText()
    assert (layer.data[4] == 1).sum() == 20
    assert (layer.data[6] == 2).sum() == 16 * 16 - 4

    qtbot.mouseClick(page.interpolate, Qt.MouseButton.LeftButton)
    assert "Nothing could be filled" in page.problem.toPlainText()


def finish(page, qtbot):
    qtbot.mouseClick(page.finish, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.presenter.annotation is None, timeout=10_000)


def test_a_case_on_which_nothing_was_painted_is_no_reference_and_keeps_no_layer(viewer, dock, page, qtbot):
    finish(page, qtbot)

    assert dock.session.references == ()
    assert not dock.state.rows[0].labelled
    assert [layer.name for layer in viewer.layers] == ["case_0"]


@pytest.mark.parametrize("answer", [QMessageBox.StandardButton.Cancel, QMessageBox.StandardButton.Yes])
def test_discard_takes_back_what_was_saved_once_the_person_is_sure(dock, page, qtbot, tmp_path, monkeypatch, answer):
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answer)
    stroke(dock.viewer, qtbot)
    qtbot.waitUntil(lambda: bool(page.state.saved), timeout=10_000)

    qtbot.mouseClick(page.discard, Qt.MouseButton.LeftButton)

    is_sure = answer == QMessageBox.StandardButton.Yes
    assert (page.presenter.annotation is None) is is_sure
    assert bool(open_dataset(tmp_path / "scans").cases[0].annotations) is not is_sure
    assert dock.pages.currentWidget() is (dock.cases if is_sure else page)
    assert dock.session.references == ()


def test_a_second_case_begins_empty_and_what_was_painted_on_the_first_makes_room(viewer, dock, page, qtbot):
    stroke(viewer, qtbot)
    finish(page, qtbot)

    annotate(dock, qtbot, "case_1")

    assert not np.asarray(page.presenter.annotation.layer.data).any()
    assert [layer.name for layer in viewer.layers] == ["case_1", "case_1 · structures (painting)"]


def test_a_case_is_painted_on_where_it_was_left(viewer, dock, page, qtbot):
    stroke(viewer, qtbot)
    painted = np.array(page.presenter.annotation.layer.data)
    finish(page, qtbot)
    viewer.layers[-1].visible = False

    annotate(dock, qtbot, "case_0")

    assert painted.any()
    assert np.array_equal(page.presenter.annotation.layer.data, painted)


@pytest.fixture
def slow_case_1(monkeypatch):
    """Reading case_1 takes until this event is set."""
    go_on = threading.Event()

    def read(dataset, case, answer=None):
        assert case.id != "case_1" or go_on.wait(20)
        return case_layers(dataset, case, answer)

    monkeypatch.setattr("napari_medkd.gui.case_layers.case_layers", read)
    yield go_on
    go_on.set()


def test_a_case_that_was_asked_for_before_does_not_come_under_the_brush(viewer, dock, qtbot, slow_case_1):
    dock.show_case("case_0")
    qtbot.waitUntil(lambda: dock.session.opened is not None, timeout=20_000)
    dock.show_case("case_1")
    dock.annotate("case_0")

    slow_case_1.set()
    qtbot.waitUntil(lambda: dock.cases.open_case.text() == "Show case", timeout=20_000)

    assert [layer.name for layer in viewer.layers] == ["case_0", "case_0 · structures (painting)"]
    assert dock.session.opened.case.id == "case_0"


def test_a_case_that_is_asked_for_while_another_is_painted_is_not_put_under_the_brush(
    viewer, dock, page, qtbot, slow_case_1
):
    slow_case_1.set()

    dock.show_case("case_1")
    qtbot.waitUntil(lambda: dock.cases.open_case.text() == "Show case", timeout=20_000)

    assert [layer.name for layer in viewer.layers] == ["case_0", "case_0 · structures (painting)"]


def test_keys_pick_a_class(viewer, page, qtbot):
    add_class(page, qtbot)
    canvas = canvas_of(viewer)
    canvas.setFocus()

    qtbot.keyClick(canvas, "1")
    assert page.presenter.annotation.layer.selected_label == 1

    qtbot.keyClick(canvas, "2")
    assert page.presenter.annotation.layer.selected_label == 2
    assert page.classes.selectedItems()[0].text() == "2"


def type_name(page, qtbot, name):
    """Write a name over that of the first class, as a person does."""
    rect = page.classes.visualItemRect(page.classes.item(0, 2))
    qtbot.mouseClick(page.classes.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    qtbot.mouseDClick(page.classes.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())
    editor = page.classes.findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClick(editor, Qt.Key.Key_Delete)
    qtbot.keyClicks(editor, name)
    qtbot.keyClick(editor, Qt.Key.Key_Return)


def test_a_double_click_renames_a_class(page, qtbot):
    type_name(page, qtbot, "hippocampus")

    classes = ("background", "hippocampus")
    qtbot.waitUntil(lambda: page.presenter.annotation.task.classes == classes, timeout=5_000)


def test_a_name_that_is_cleared_comes_back(page, qtbot):
    type_name(page, qtbot, "")

    qtbot.waitUntil(lambda: "has no name" in page.problem.toPlainText(), timeout=5_000)
    qtbot.waitUntil(lambda: page.classes.item(0, 2).text() == "structure 1", timeout=5_000)
    assert page.presenter.annotation.task.classes == ("background", "structure 1")


def test_the_key_of_a_class_that_was_taken_off_picks_nothing(viewer, page, qtbot):
    add_class(page, qtbot)
    qtbot.mouseClick(page.remove, Qt.MouseButton.LeftButton)
    canvas = canvas_of(viewer)
    canvas.setFocus()

    qtbot.keyClick(canvas, "2")

    assert page.presenter.annotation.layer.selected_label == 1


def test_a_click_on_a_row_paints_with_its_class(page, qtbot):
    add_class(page, qtbot)
    rect = page.classes.visualItemRect(page.classes.item(0, 2))

    qtbot.mouseClick(page.classes.viewport(), Qt.MouseButton.LeftButton, pos=rect.center())

    assert page.presenter.annotation.layer.selected_label == 1


def test_the_colour_beside_the_selected_class_is_the_one_it_is_painted_with(page):
    colour = page.presenter.annotation.painted(page.presenter.annotation.snapshot()).classes[0].colour
    assert page.classes.item(0, 1).isSelected()

    shown = page.classes.item(0, 1).icon().pixmap(14, 14, QIcon.Mode.Selected).toImage().pixelColor(7, 7)

    assert shown.name() == colour


def test_a_name_that_is_taken_is_told(page, qtbot):
    add_class(page, qtbot)
    page.classes.item(1, 2).setText("structure 1")

    assert "its own name" in page.problem.toPlainText()
    qtbot.waitUntil(lambda: page.classes.item(1, 2).text() == "structure 2", timeout=5_000)


def test_a_stroke_can_be_taken_back(viewer, page, qtbot):
    layer = page.presenter.annotation.layer
    stroke(viewer, qtbot)
    assert layer.data.any()

    canvas = canvas_of(viewer)
    canvas.setFocus()
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)

    assert not np.asarray(layer.data).any()


def test_another_dataset_is_opened_after_what_is_painted_is_saved(viewer, dock, page, qtbot, tiny_dataset, tmp_path):
    stroke(viewer, qtbot)

    dock.open_path(tiny_dataset)
    qtbot.waitUntil(lambda: dock.session.dataset_path == tiny_dataset, timeout=20_000)

    assert page.presenter.annotation is None
    assert dock.pages.currentWidget() is dock.cases
    assert [case.id for case in open_dataset(tmp_path / "scans").labelled("structures")] == ["case_0"]
    assert dock.session.references == ()


@pytest.fixture
def slow_dataset(tiny_dataset, monkeypatch):
    """Opening the tiny dataset takes until this event is set."""
    go_on = threading.Event()

    def read(path):
        assert path != tiny_dataset or go_on.wait(20)
        return open_dataset(path)

    monkeypatch.setattr("napari_medkd.files.manifest.open_dataset", read)
    yield go_on
    go_on.set()


def test_a_dataset_that_is_read_while_a_case_is_painted_takes_neither_its_place_nor_its_reference(
    viewer, dock, qtbot, tiny_dataset, tmp_path, slow_dataset
):
    dock.open_path(tiny_dataset)
    page = annotate(dock, qtbot, "case_0")
    stroke(viewer, qtbot)
    qtbot.waitUntil(lambda: bool(page.state.saved), timeout=10_000)

    slow_dataset.set()
    qtbot.waitUntil(lambda: len(dock.state.members) == 2, timeout=20_000)
    finish(page, qtbot)

    scans, tiny = study_of(dock.session)
    assert dock.session.dataset.folder == tmp_path / "scans"
    assert (scans.references, tiny.references) == (("case_0",), ())
    assert [case.id for case in open_dataset(tmp_path / "scans").labelled("structures")] == ["case_0"]


def test_a_case_to_paint_whose_dataset_is_not_current_any_more_when_it_is_read_is_shown_alone(
    viewer, dock, qtbot, tiny_dataset
):
    dock.cases.table.select("case_0")
    qtbot.mouseClick(dock.cases.annotate, Qt.MouseButton.LeftButton)
    dock.session.dataset = open_dataset(tiny_dataset)  # it has a case_0 of its own

    qtbot.waitUntil(lambda: dock.session.opened is not None, timeout=20_000)
    qtbot.wait(200)

    assert dock.session.opened.dataset.folder.name == "scans"
    assert dock.annotating.presenter.annotation is None


def test_closing_the_window_saves_what_is_painted(viewer, dock, page, qtbot, tmp_path):
    guard_closing(viewer.__wrapped__.window._qt_window, dock.session)
    page._timer.stop()
    stroke(viewer, qtbot)

    QApplication.sendEvent(viewer.__wrapped__.window._qt_window, QCloseEvent())

    assert [case.id for case in open_dataset(tmp_path / "scans").labelled("structures")] == ["case_0"]


def test_a_class_is_drawn_and_kept_in_the_colour_that_was_picked(page, qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr(QColorDialog, "getColor", lambda *_: QColor("#123456"))
    annotation = page.presenter.annotation

    place = page.classes.visualItemRect(page.classes.item(0, 1)).center()
    qtbot.mouseClick(page.classes.viewport(), Qt.MouseButton.LeftButton, pos=place)

    np.testing.assert_allclose(annotation.layer.get_color(1)[:3], [0x12 / 255, 0x34 / 255, 0x56 / 255], atol=1e-3)
    qtbot.waitUntil(lambda: bool(page.state.saved), timeout=10_000)
    assert open_dataset(tmp_path / "scans").task("structures").colours == ("#123456",)


def test_a_brush_of_three_dimensions_paints_on_the_slices_around(viewer, page, qtbot, tmp_path):
    layer = page.presenter.annotation.layer
    layer.brush_size, layer.n_edit_dimensions = 5, 3
    viewer.dims.set_current_step(0, 10)
    qtbot.wait(50)

    stroke(viewer, qtbot)
    qtbot.mouseClick(page.finish, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.presenter.annotation is None, timeout=10_000)

    dataset = open_dataset(tmp_path / "scans")
    stored = read_mask(dataset.case("case_0").annotations["structures"], dataset.task("structures")).labels
    # A ball of 5 mm across; slices are 1.5 mm thick.
    assert np.flatnonzero((stored == 1).any(axis=(1, 2))).tolist() == [9, 10, 11]
    assert (stored[10] == 1).sum() > (stored[9] == 1).sum()
    np.testing.assert_array_equal(stored, layer.data)
