"""A run that trains, chosen in the Results dock while no Runs dock is open."""

import pytest
from qtpy.QtCore import Qt

from napari_medkd.core.events import PreviewSaved
from napari_medkd.gui.followers import followers_of
from napari_medkd.gui.widgets.results_dock import ResultsDock
from napari_medkd.runs.heartbeat import Heartbeat

pytestmark = pytest.mark.gui


def test_its_progress_and_previews_are_heard(make_napari_viewer_proxy, qtbot, run_folder, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(run_folder.path.parent))
    viewer = make_napari_viewer_proxy(show=True)
    dock = ResultsDock(viewer)
    viewer.window.add_dock_widget(dock, name="Results")
    dock.settle()
    with Heartbeat(run_folder.path, attempt=1):
        qtbot.waitUntil(lambda: dock.view.run.count() == 1, timeout=20_000)
        dock.view.run.setFocus()
        qtbot.keyClick(dock.view.run, Qt.Key.Key_Down)
        qtbot.waitUntil(lambda: dock.session.run_status.is_live, timeout=20_000)
        run_folder.append(PreviewSaved(case="case_4", stage="student", epoch=1, path="previews/case_4"))
        qtbot.waitUntil(lambda: dock.session.preview is not None, timeout=20_000)
        followers_of(dock.session).leave_all()

    assert dock.session.run == run_folder.path
