"""A folder with several DICOM images is opened by picking one, with the mouse or the keyboard."""

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QDialogButtonBox, QMainWindow

from napari_medkd.files.dicom_series import list_series
from napari_medkd.files.series_path import picking
from napari_medkd.gui.preferences import PLUGIN
from napari_medkd.gui.series_dialog import SeriesDialog
from napari_medkd.gui.widgets.data_dock import DataDock
from tests.files.dicom_series_made import PATIENT, save_series
from tests.gui.person import Person

pytestmark = pytest.mark.gui


@pytest.fixture
def folder(tmp_path):
    """A folder with a CT of 3 slices and an MR of 2, in files without a suffix, as a scanner writes them."""
    ct, mr = np.full((3, 8, 8), 7, np.uint16), np.full((2, 8, 8), 9, np.uint16)
    mr_tags = {"Modality": "MR", "SeriesDate": None, "SeriesDescription": f"Brain of {PATIENT}"}
    save_series(tmp_path / "scans", ct, names=["a1", "a2", "a3"], spacing=(2.5, 1, 0.5))
    save_series(tmp_path / "scans", mr, names=["b1", "b2"], **mr_tags)
    return tmp_path / "scans"


@pytest.fixture
def person():
    person = Person(SeriesDialog)
    yield person
    person.leave()


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    """A viewer in a window that can be seen."""
    viewer = make_napari_viewer_proxy(show=True)
    assert any(isinstance(one, QMainWindow) and one.isVisible() for one in QApplication.topLevelWidgets())
    return viewer


def rows_of(dialog):
    table = dialog.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())] for row in range(table.rowCount())
    ]


def place_of(dialog, row):
    return dialog.table.visualItemRect(dialog.table.item(row, 0)).center()


def double_click(row):
    def act(dialog):
        port, place = dialog.table.viewport(), place_of(dialog, row)
        QTest.mouseClick(port, Qt.MouseButton.LeftButton, pos=place)
        QTest.mouseDClick(port, Qt.MouseButton.LeftButton, pos=place)

    return act


def press(*keys):
    def act(dialog):
        for key in keys:
            QTest.keyClick(dialog.focusWidget(), key)

    return act


def click_and_open(dialog):
    QTest.mouseClick(dialog.table.viewport(), Qt.MouseButton.LeftButton, pos=place_of(dialog, 1))
    QTest.mouseClick(dialog.buttons.button(QDialogButtonBox.StandardButton.Open), Qt.MouseButton.LeftButton)


def test_the_images_are_told_by_what_a_person_knows_them_by(viewer, folder, person):
    rows = []

    def act(dialog):
        rows.extend(rows_of(dialog))
        press(Qt.Key.Key_Escape)(dialog)

    person.will(act)
    viewer.open(str(folder), plugin=PLUGIN)

    assert rows == [
        ["Thorax 1 mm", "CT", "3", "8 × 8", "2.5 × 1 × 0.5", "2024-02-29"],
        [f"Brain of {PATIENT}", "MR", "2", "8 × 8", "2 × 1 × 0.5", ""],
    ]


@pytest.mark.parametrize(
    "act",
    [double_click(1), click_and_open, press(Qt.Key.Key_Down, Qt.Key.Key_Return)],
    ids=["double click", "click and button", "keyboard"],
)
def test_the_picked_image_is_opened_and_names_nobody(viewer, folder, person, act):
    mr = list_series(folder).series[1]
    person.will(act)

    [layer] = viewer.open(str(folder), plugin=PLUGIN)

    assert (layer.name, layer.data.shape, int(layer.data.max())) == ("scans", (2, 8, 8), 9)
    assert layer.metadata["medkd"]["source"] == str(picking(folder, mr.key))
    assert PATIENT not in str(layer.metadata)


def test_enter_opens_the_largest(viewer, folder, person):
    person.will(press(Qt.Key.Key_Return))

    [layer] = viewer.open(str(folder), plugin=PLUGIN)

    assert layer.data.max() == 7


def test_escape_opens_nothing_and_is_no_error(viewer, folder, person):
    person.will(press(Qt.Key.Key_Escape))

    assert viewer.open(str(folder), plugin=PLUGIN) == []
    assert len(viewer.layers) == 0


def test_damaged_files_are_told_in_the_dialog(viewer, folder, person):
    content = (folder / "b2").read_bytes()
    (folder / "b2").write_bytes(content[: content.index(b"\x20\x00\x0e\x00UI") + 80])
    (folder / "c1").write_bytes(content[:200])
    told, rows = [], []

    def act(dialog):
        rows.extend(rows_of(dialog))
        told.append(dialog.told.text() if dialog.told.isVisible() else "")
        press(Qt.Key.Key_Escape)(dialog)

    person.will(act)
    viewer.open(str(folder), plugin=PLUGIN)

    assert [row[0] for row in rows] == ["Thorax 1 mm", f"⚠ 1 damaged · Brain of {PATIENT}"]
    assert "c1: The file is incomplete" in told[0]
    assert "b2" not in told[0]


def test_one_image_alone_is_opened_without_a_question(viewer, folder):
    for name in ("b1", "b2"):
        (folder / name).unlink()

    [layer] = viewer.open(str(folder), plugin=PLUGIN)

    assert layer.data.shape == (3, 8, 8)


def test_a_folder_of_slices_is_opened_as_an_image_by_the_data_dock(
    viewer, folder, person, qtbot, tmp_path, monkeypatch
):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    dock = DataDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    dock.settle()
    person.will(double_click(1))
    dock.path.setText(str(folder))

    qtbot.keyClick(dock.path, Qt.Key.Key_Return)

    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20_000)
    assert viewer.layers[0].data.max() == 9
    assert dock.session.dataset is None
    assert "Open it as an image" in dock.problems.toPlainText().replace("\u200b", "")


def test_a_damaged_image_that_is_picked_in_the_data_dock_is_a_problem_there(
    viewer, folder, person, qtbot, tmp_path, monkeypatch
):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    (folder / "a2").unlink()
    save_series(folder, np.zeros((4, 8, 8), np.uint16), names=["c1", "c2", "c3", "c4"], RescaleSlope=[1, 1, 1, 0])
    dock = DataDock(viewer)
    qtbot.addWidget(dock)
    dock.settle()
    person.will(double_click(0))

    dock.open_path(folder)

    qtbot.waitUntil(lambda: len(dock.state.problems) == 2, timeout=20_000)
    assert dock.state.problems[0].where == str(folder / "c4")
    assert len(viewer.layers) == 0
