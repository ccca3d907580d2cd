import gc
from pathlib import Path

import numpy as np
import pytest
from qtpy.QtWidgets import QDockWidget

from napari_medkd.core.spec import TrainSpec
from napari_medkd.gui.followers import followers_of
from napari_medkd.gui.preferences import PLUGIN
from napari_medkd.gui.widgets.closing import ClosingGuard
from napari_medkd.gui.widgets.dock import Dock, bring_up, dock_of
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 800)
    return viewer


def docks(window):
    return {
        frame.windowTitle(): frame for frame in window.findChildren(QDockWidget) if isinstance(frame.widget(), Dock)
    }


def opened(viewer, qtbot, *titles):
    window = viewer.window._qt_window
    for title in titles:
        viewer.window.add_plugin_dock_widget(PLUGIN, title)
        # it takes its title when it joins the others
        qtbot.waitUntil(lambda title=title: title in docks(window), timeout=10_000)
    bring_up(viewer, titles[-1])
    return window


def test_the_docks_stand_as_tabs_on_one_another(viewer, qtbot):
    titles = ("Data", "Train", "Runs", "Results", "Sheet")
    window = opened(viewer, qtbot, *titles)
    found = docks(window)

    assert set(found) == set(titles)
    assert set(window.tabifiedDockWidgets(found["Runs"])) == {found[title] for title in titles if title != "Runs"}


def test_the_docks_are_no_wider_than_they_must_be(viewer, qtbot):
    window = opened(viewer, qtbot, "Data", "Train", "Runs")

    assert 320 <= docks(window)["Runs"].width() <= 400


def test_a_dock_of_the_last_title_stands_in_front(viewer, qtbot):
    opened(viewer, qtbot, "Data", "Train")

    widget = bring_up(viewer, "Data")
    qtbot.waitUntil(lambda: not widget.visibleRegion().isEmpty(), timeout=5_000)


def test_a_dock_looks_again_when_its_tab_comes_to_the_front(viewer, qtbot, monkeypatch):
    opened(viewer, qtbot, "Train", "Data")
    train = dock_of(viewer, "Train")
    train.settle()
    looks = []
    monkeypatch.setattr(train, "look_again", lambda: looks.append(True))

    bring_up(viewer, "Train")

    qtbot.waitUntil(lambda: bool(looks), timeout=5_000)


def test_a_run_that_began_behind_the_results_stands_in_their_list(viewer, qtbot, tmp_path):
    spec = TrainSpec(datasets=(tmp_path / "data",))
    first = RunFolder.create(tmp_path / "runs", spec).path
    opened(viewer, qtbot, "Results", "Data")
    results = dock_of(viewer, "Results")
    results.settle()
    qtbot.waitUntil(lambda: [path for path, _ in results.state.runs] == [first], timeout=10_000)

    second = RunFolder.create(tmp_path / "runs", spec).path
    bring_up(viewer, "Results")

    qtbot.waitUntil(lambda: {path for path, _ in results.state.runs} == {first, second}, timeout=30_000)


def test_bringing_a_dock_up_opens_it_once(viewer, qtbot):
    assert bring_up(viewer, "Runs") is bring_up(viewer, "Runs")


def test_the_window_is_guarded_once_for_all_docks(viewer, qtbot):
    window = opened(viewer, qtbot, "Data", "Runs")

    assert len(window.findChildren(ClosingGuard)) == 1


def test_a_closed_dock_leaves_the_others_working(viewer, qtbot):
    window = opened(viewer, qtbot, "Data", "Runs")
    viewer.window.remove_dock_widget(docks(window)["Data"])
    qtbot.wait(50)

    viewer.theme = "light"

    assert set(docks(window)) == {"Runs"}


def test_what_happens_after_a_dock_was_closed_troubles_nobody(viewer, qtbot, run_folder):
    window = opened(viewer, qtbot, "Data", "Train", "Runs", "Results")
    session = bring_up(viewer, "Runs").session
    for title in ("Runs", "Train", "Results"):
        viewer.window.remove_dock_widget(docks(window)[title])
    qtbot.wait(100)
    gc.collect()

    with Heartbeat(run_folder.path, attempt=1):
        session.run = run_folder.path
        session.references = ("case_0",)
        session.interpreter = Path("another-python")
        session.opened = None
        followers_of(session).follow(run_folder.path)
        qtbot.waitUntil(lambda: run_folder.path in followers_of(session).latest, timeout=10_000)
        viewer.add_image(np.zeros((4, 4, 4)))
        viewer.theme = "light"
        followers_of(session).leave_all()
        qtbot.wait(300)

    assert set(docks(window)) == {"Data"}


def test_a_closed_dock_can_be_opened_again(viewer, qtbot):
    window = opened(viewer, qtbot, "Data", "Runs")
    viewer.window.remove_dock_widget(docks(window)["Runs"])
    qtbot.wait(100)

    again = bring_up(viewer, "Runs")
    qtbot.waitUntil(lambda: again.isVisible() and "Runs" in docks(window), timeout=10_000)

    assert set(docks(window)) == {"Data", "Runs"}
