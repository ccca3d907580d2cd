"""Docks in a window."""

import pytest


@pytest.fixture
def results_dock(make_napari_viewer_proxy, tmp_path, monkeypatch):
    """The Results dock in a window that is shown, with an empty folder of runs."""
    from napari_medkd.gui.widgets.results_dock import ResultsDock

    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    viewer = make_napari_viewer_proxy(show=True)
    dock = ResultsDock(viewer)
    viewer.window.add_dock_widget(dock, name="Results")
    dock.settle()
    return dock
