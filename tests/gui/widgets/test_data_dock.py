import shutil
import time
from pathlib import Path

import pytest
from qtpy.QtCore import QMimeData, QPoint, Qt, QUrl
from qtpy.QtGui import QDragEnterEvent, QDropEvent

from napari_medkd.gui.preferences import PLUGIN
from napari_medkd.gui.presenters import train
from napari_medkd.gui.widgets.data_dock import DataDock
from napari_medkd.gui.widgets.dock import bring_up
from tests.gui.presenting import demo_card

pytestmark = pytest.mark.gui

ESTIMATE = {
    "device": "cpu",
    "precision": "fp32",
    "plan": [{"name": "student", "epochs": 1, "steps_per_epoch": 100}],
    "seconds": 120.0,
    "seconds_per_step": {"student": 1.2},
    "peak_memory_bytes": 2**30,
    "parameters": 1_401_350,
}


@pytest.fixture
def dock(viewer, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    dock = DataDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(380, 700)
    dock.show()
    dock.settle()
    return dock


def opened(dock, qtbot, path):
    dock.open_path(path)
    qtbot.waitUntil(lambda: not dock.state.is_reading and not dock.state.is_checking, timeout=20_000)
    return dock


def names(viewer):
    return [layer.name for layer in viewer.layers]


def test_an_empty_dock_says_what_can_be_opened(dock):
    assert dock.pages.currentIndex() == 0
    assert dock.sample.isVisible()
    assert not dock.check_images.isVisible()


def test_a_typed_path_opens_a_dataset(dock, qtbot, tiny_dataset):
    dock.path.setText(str(tiny_dataset))
    qtbot.keyClick(dock.path, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dock.session.dataset is not None, timeout=20_000)

    assert dock.pages.currentIndex() == 1
    assert "tiny" in dock.cases.summary.text()
    assert dock.cases.table.num_shown() == 6


def test_a_dropped_folder_opens_a_dataset(dock, qtbot, tiny_dataset):
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tiny_dataset))])
    everything = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    entered = QDragEnterEvent(QPoint(5, 5), *everything)
    dock.dragEnterEvent(entered)
    dock.dropEvent(QDropEvent(QPoint(5, 5).toPointF(), *everything))
    qtbot.waitUntil(lambda: dock.session.dataset is not None, timeout=20_000)

    assert entered.isAccepted()


def test_something_else_is_not_taken_by_a_drop(dock):
    data = QMimeData()
    data.setUrls([QUrl("https://example.org/image.nii.gz")])
    entered = QDragEnterEvent(
        QPoint(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    )
    entered.ignore()
    dock.dragEnterEvent(entered)

    assert not entered.isAccepted()


def test_a_folder_that_is_no_dataset_is_a_problem_on_the_dock(dock, qtbot, tmp_path):
    opened(dock, qtbot, tmp_path)

    assert dock.problems.isVisible()
    assert tmp_path.name in dock.problems.toPlainText().replace("\u200b", "")
    assert dock.pages.currentIndex() == 0


def test_a_double_click_shows_image_and_mask(dock, qtbot, viewer, tiny_dataset):
    opened(dock, qtbot, tiny_dataset)
    table = dock.cases.table
    place = table.visualRect(table.model().index(2, 0)).center()

    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.mouseDClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: dock.session.opened is not None, timeout=20_000)

    assert names(viewer) == ["case_2", "case_2 · shapes (truth)"]
    assert dock.session.opened.case.id == "case_2"
    assert dock.session.opened.layers == tuple(layer.unique_id for layer in viewer.layers)


def test_only_the_look_at_every_voxel_can_be_cancelled(dock, qtbot, tiny_dataset, monkeypatch):
    opened(dock, qtbot, tiny_dataset)
    assert dock.check_images.text() == "Check every voxel"
    dock.state.is_checking = True
    assert not dock.check_images.isEnabled()
    dock.state.is_checking = False
    dock.session.interpreter = Path(shutil.which("sleep"))  # asked to check, it refuses at once

    qtbot.mouseClick(dock.check_images, Qt.MouseButton.LeftButton)
    assert dock.check_images.text() == "Cancel"
    assert dock.check_images.isEnabled()
    qtbot.waitUntil(lambda: not dock.state.is_checking, timeout=20_000)

    assert dock.check_images.text() == "Check every voxel"


def test_the_next_case_takes_the_place_of_the_one_before(dock, qtbot, viewer, tiny_dataset):
    opened(dock, qtbot, tiny_dataset)
    viewer.add_points([(1, 2, 3)], name="mine")
    for name in ("case_0", "case_1"):
        dock.show_case(name)
        qtbot.waitUntil(lambda name=name: f"{name} · shapes (truth)" in names(viewer), timeout=20_000)

    assert names(viewer) == ["mine", "case_1", "case_1 · shapes (truth)"]


def test_a_mask_that_was_painted_on_stays_hidden(dock, qtbot, viewer, tiny_dataset):
    opened(dock, qtbot, tiny_dataset)
    dock.show_case("case_0")
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=20_000)
    viewer.layers["case_0 · shapes (truth)"].paint((4, 4, 4), 1)

    dock.show_case("case_1")
    qtbot.waitUntil(lambda: "case_1" in names(viewer), timeout=20_000)

    assert names(viewer) == ["case_0 · shapes (truth)", "case_1", "case_1 · shapes (truth)"]
    assert not viewer.layers["case_0 · shapes (truth)"].visible


def test_of_two_cases_asked_for_quickly_the_last_is_shown(dock, qtbot, viewer, tiny_dataset):
    opened(dock, qtbot, tiny_dataset)
    dock.show_case("case_0")
    dock.show_case("case_5")
    qtbot.waitUntil(lambda: dock.session.opened is not None, timeout=20_000)
    time.sleep(0.3)
    qtbot.wait(100)

    assert names(viewer) == ["case_5", "case_5 · shapes (truth)"]


def test_a_damaged_case_is_a_problem_and_leaves_the_viewer_alone(dock, qtbot, viewer, tiny_dataset, tmp_path):
    shutil.copytree(tiny_dataset, tmp_path / "copy")
    (tmp_path / "copy" / "images" / "case_1.nii.gz").write_bytes(b"no image")
    opened(dock, qtbot, tmp_path / "copy")

    dock.show_case("case_1")
    qtbot.waitUntil(lambda: bool(dock.state.problems) and dock.cases.open_case.text() == "Show case", timeout=20_000)

    assert "case_1.nii.gz" in str(dock.state.problems[0])
    assert names(viewer) == []


def test_selected_cases_are_marked_as_references_by_the_button(dock, qtbot, tiny_dataset):
    opened(dock, qtbot, tiny_dataset)
    dock.cases.table.select("case_3")

    qtbot.mouseClick(dock.cases.use_as_reference, Qt.MouseButton.LeftButton)
    assert dock.session.references == ("case_3",)
    assert dock.cases.use_as_reference.text() == "No longer a reference"

    qtbot.mouseClick(dock.cases.use_as_reference, Qt.MouseButton.LeftButton)
    assert dock.session.references == ()


def test_the_filter_says_how_many_are_left(dock, qtbot, tiny_dataset):
    opened(dock, qtbot, tiny_dataset)

    qtbot.keyClicks(dock.cases.filter, "case_4")

    assert dock.cases.table.num_shown() == 1
    assert "1 of 6 shown" in dock.cases.summary.text()


def test_a_second_dock_of_the_viewer_shows_the_same_dataset(dock, qtbot, viewer, tiny_dataset):
    opened(dock, qtbot, tiny_dataset)
    second = DataDock(viewer)
    qtbot.addWidget(second)
    second.settle()

    assert second.cases.table.num_shown() == 6


def test_the_sample_is_written_beside_the_runs_and_opened(dock, qtbot, tmp_path, monkeypatch):
    from napari_medkd.files import sample

    whole = sample.write_sample
    monkeypatch.setattr(
        sample,
        "write_sample",
        lambda folder: whole(folder, cases_per_domain=2, shape=(16, 16, 16), domains=("t1-like",)),
    )

    qtbot.mouseClick(dock.sample, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.session.dataset is not None, timeout=60_000)

    assert dock.session.dataset_path == tmp_path / "medkd-sample"
    assert dock.cases.table.num_shown() == 2


def test_train_from_this_reference_sets_the_run_up_in_the_train_dock(
    make_napari_viewer, qtbot, tiny_dataset, monkeypatch
):
    cards = (demo_card(), demo_card("few", needs="references"))
    monkeypatch.setattr(train, "cards_of", lambda interpreter, **_: cards)
    monkeypatch.setattr(train, "ask", lambda interpreter, arguments, **_: ESTIMATE)
    viewer = make_napari_viewer(show=True)
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Data")
    opened(dock, qtbot, tiny_dataset)
    assert not dock.cases.train.isEnabled()
    dock.cases.table.select("case_3")
    qtbot.mouseClick(dock.cases.use_as_reference, Qt.MouseButton.LeftButton)

    qtbot.mouseClick(dock.cases.train, Qt.MouseButton.LeftButton)

    training = bring_up(viewer, "Train")
    qtbot.waitUntil(lambda: training.state.estimate is not None, timeout=20_000)
    assert training.form.method.currentText() == "Few"
    assert "case_3" in training.dataset.text()
    assert "2 min" in training.estimate_text.text()
    assert training.start.isEnabled()


def test_a_suggestion_says_how_much_the_case_is_like_the_others(dock, qtbot, tiny_dataset):
    opened(dock, qtbot, tiny_dataset)
    dock.state.suggestion = {"case_2": 0.914, "case_0": 0.903, "case_1": 0.7}

    said = "the most like the others of 3 cases, mean correlation 0.91; case_0 comes next with 0.90."
    assert dock.cases.suggestion.text() == f"case_2: {said}"
    assert [row.id for row in dock.cases.table.selected_rows()] == ["case_2"]

    dock.state.suggestion = {"case_1": 0.7}
    assert dock.cases.suggestion.text() == "case_1: the only one without a mask, mean correlation 0.70."
