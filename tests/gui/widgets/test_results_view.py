import pytest
from qtpy.QtCore import Qt

from napari_medkd.gui.widgets.results_dock import ResultsDock
from tests.gui.answering_run import make_run

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(make_napari_viewer_proxy, tmp_path, tiny_dataset, monkeypatch):
    """The dock with a run of a student and a teacher chosen."""
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    viewer = make_napari_viewer_proxy(show=True)
    dock = ResultsDock(viewer)
    viewer.window.add_dock_widget(dock, name="Results")
    dock.settle()
    dock.selection.choose_run(make_run(tmp_path / "runs", tiny_dataset))
    return dock


def test_the_arrow_keys_go_through_the_networks(dock, qtbot):
    window, student = dock.window(), dock.view.networks.checkedButton()
    window.activateWindow()
    student.setFocus()
    qtbot.waitUntil(student.hasFocus, timeout=5_000)
    stages = []

    for key in (Qt.Key.Key_Down, Qt.Key.Key_Up, Qt.Key.Key_Down):
        qtbot.keyClick(window.focusWidget(), key)
        stages.append(dock.state.network)

    assert stages == ["teacher", "student", "teacher"]
    assert window.focusWidget() is dock.view.networks.checkedButton()
    assert dock.view.networks.checkedButton().property("stage") == "teacher"


def test_a_network_that_is_offered_anew_in_the_same_words_is_told_in_the_new_tip(dock):
    student, teacher = dock.view.networks.buttons()

    dock.view.show_networks([("student", student.text(), "new"), ("teacher", teacher.text(), "")], "teacher")

    assert student.toolTip() == "new"
    assert dock.view.networks.checkedButton() is teacher
