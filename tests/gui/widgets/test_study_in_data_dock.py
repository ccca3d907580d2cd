"""The study in the Data dock: several datasets, and what their labels mean; driven by mouse and keys."""

import pytest
from qtpy.QtCore import QMimeData, QPoint, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog

from napari_medkd.files.manifest import MANIFEST, open_dataset
from napari_medkd.gui.widgets.data_dock import DataDock
from tests.pictures import write_pictures

pytestmark = pytest.mark.gui

PATIENCE = 20_000


@pytest.fixture
def dock(make_napari_viewer_proxy, qtbot, tmp_path, monkeypatch, cells, spots):
    """The dock with two datasets, dropped together."""
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    dock = DataDock(make_napari_viewer_proxy())
    qtbot.addWidget(dock)
    dock.resize(380, 760)
    dock.show()
    dock.settle()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder)) for folder in (cells, spots)])
    everything = (Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    dock.dropEvent(QDropEvent(QPoint(5, 5).toPointF(), *everything))
    settled(dock, qtbot, 2)
    return dock


def settled(dock, qtbot, number):
    def is_so():
        rows = dock.state.members
        is_known = len(rows) == number and all(row.num_problems is not None for row in rows)
        return is_known and not dock.state.is_reading and not dock.state.is_checking

    qtbot.waitUntil(is_so, timeout=PATIENCE)


def words(dock):
    items = [dock.study.list.topLevelItem(at) for at in range(dock.study.list.topLevelItemCount())]
    return [tuple(item.text(column) for column in range(3)) for item in items]


def click_dataset(dock, qtbot, at):
    tree = dock.study.list
    place = tree.visualItemRect(tree.topLevelItem(at)).center()
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=place)


def test_dropped_datasets_are_listed_with_their_cases_and_problems(dock):
    assert words(dock) == [("cells", "12", "none"), ("spots", "12", "none")]
    assert dock.session.dataset.name == "cells"


def test_a_dataset_unfolds_into_its_tasks_with_their_kinds_and_classes(dock):
    tree = dock.study.list
    tree.setCurrentItem(tree.topLevelItem(0))
    height = tree.maximumHeight()

    QTest.keyClick(tree, Qt.Key.Key_Right)

    item = tree.topLevelItem(0)
    assert item.isExpanded()
    assert [item.child(at).text(0) for at in range(item.childCount())] == [
        "shape · mask: rectangle",
        "border · class: plain, framed",
        "places · boxes: rectangle",
    ]
    assert tree.maximumHeight() > height


def test_a_click_lists_the_cases_and_problems_of_a_dataset(dock, qtbot, spots):
    (spots / "mask3.png").unlink()
    dock.open_path(spots)
    settled(dock, qtbot, 2)
    click_dataset(dock, qtbot, 0)
    assert dock.cases.table.model().index(0, 0).data() == "cells0"
    assert not dock.problems.isVisible()

    click_dataset(dock, qtbot, 1)

    assert dock.cases.table.model().index(0, 0).data() == "spots0"
    assert words(dock)[1] == ("spots", "12", "1")
    assert "mask3.png" in dock.problems.toPlainText().replace("\u200b", "")


def test_add_dataset_asks_for_a_folder(dock, qtbot, tmp_path, monkeypatch):
    more = write_pictures(tmp_path / "more", "more", tasks="c")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(more))

    qtbot.mouseClick(dock.study.add, Qt.MouseButton.LeftButton)
    settled(dock, qtbot, 3)

    assert [name for name, *_ in words(dock)] == ["cells", "spots", "more"]
    assert dock.study.labels.isEnabled()  # classes are renamed there, too


def test_a_class_of_images_is_typed_another_one_and_saved(dock, qtbot, cells):
    qtbot.mouseClick(dock.study.labels, Qt.MouseButton.LeftButton)
    dock.labels.presenter.choose_task("border")
    qtbot.waitUntil(lambda: bool(dock.labels.state.cases), timeout=PATIENCE)
    editor = editor_of(dock, "framed")

    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, "with a frame")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.mouseClick(dock.labels.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.session.dataset.tasks["border"].classes[1] == "with a frame", timeout=PATIENCE)

    assert open_dataset(cells).case("cells1").annotations["border"].present == {"with a frame"}


def test_remove_takes_the_current_dataset_out(dock, qtbot):
    qtbot.mouseClick(dock.study.remove, Qt.MouseButton.LeftButton)
    assert [name for name, *_ in words(dock)] == ["spots"]
    assert dock.session.dataset.name == "spots"

    qtbot.mouseClick(dock.study.remove, Qt.MouseButton.LeftButton)
    assert dock.pages.currentIndex() == 0
    assert not dock.study.list.isVisible()


def editor_of(dock, label):
    return dock.labels._boxes[label].lineEdit()


def test_a_label_is_typed_another_class_and_saved(dock, qtbot, cells):
    qtbot.mouseClick(dock.study.labels, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(dock.labels.state.cases), timeout=PATIENCE)
    editor = editor_of(dock, 1)
    assert editor.text() == "rectangle"
    assert "spots · shape: background, rectangle" in dock.labels.elsewhere.text()

    editor.setFocus()
    editor.selectAll()
    qtbot.keyClicks(editor, "lesion")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert "0 background, 1 lesion" in dock.labels.outcome.text()
    qtbot.mouseClick(dock.labels.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.session.dataset.tasks["shape"].classes[1] == "lesion", timeout=PATIENCE)

    assert dock.pages.currentWidget() is dock.cases
    assert open_dataset(cells).tasks["shape"].classes == ("background", "lesion")
    assert dock.study.list.topLevelItem(0).child(0).text(0) == "shape · mask: lesion"


def test_a_class_of_another_dataset_is_chosen_from_the_list(dock, qtbot, spots):
    manifest = spots / MANIFEST
    manifest.write_text(manifest.read_text().replace('"rectangle"', '"lesion"'))
    dock.open_path(spots)
    settled(dock, qtbot, 2)
    click_dataset(dock, qtbot, 0)
    qtbot.mouseClick(dock.study.labels, Qt.MouseButton.LeftButton)
    box = dock.labels._boxes[1]
    assert [box.itemText(at) for at in range(box.count())] == ["background", "rectangle", "lesion", "counts nowhere"]

    qtbot.keyClick(box.lineEdit(), Qt.Key.Key_Down)

    assert dock.labels.state.meanings[1] == "lesion"


def test_labels_that_cannot_be_saved_say_why(dock, qtbot):
    qtbot.mouseClick(dock.study.labels, Qt.MouseButton.LeftButton)
    box = dock.labels._boxes[1]

    for _ in range(2):
        qtbot.keyClick(box.lineEdit(), Qt.Key.Key_Down)

    assert box.currentText() == "counts nowhere"
    assert not dock.labels.save.isEnabled()
    assert "Choose a class for at least one stored label." in dock.labels.outcome.text()


def test_another_dataset_leaves_the_labels_unsaved(dock, qtbot, cells):
    before = (cells / MANIFEST).read_bytes()
    qtbot.mouseClick(dock.study.labels, Qt.MouseButton.LeftButton)
    qtbot.keyClick(dock.labels._boxes[1].lineEdit(), Qt.Key.Key_Down)

    click_dataset(dock, qtbot, 1)

    assert dock.pages.currentWidget() is dock.cases
    assert (cells / MANIFEST).read_bytes() == before
