import os
import subprocess
import sys

import pytest

OPEN_EVERYTHING = """
import importlib, pkgutil, sys, time
import napari
import napari_medkd.gui
from qtpy.QtWidgets import QApplication

for module in pkgutil.walk_packages(napari_medkd.gui.__path__, "napari_medkd.gui."):
    importlib.import_module(module.name)
viewer = napari.Viewer(show=True)
for name in ("Data", "Train", "Runs", "Results", "Sheet"):
    _, widget = viewer.window.add_plugin_dock_widget("napari-medkd", name)
    widget.settle()
    QApplication.processEvents()
viewer.open_sample("napari-medkd", "phantom-t1")
QApplication.processEvents()
heavy = {"torch", "monai", "lightning", "napari_medkd.engine", "napari_medkd.methods", "napari_medkd.cli"}
print("LOADED", sorted(heavy & set(sys.modules)), len(viewer.layers) > 0)
viewer.close()
from superqt.utils import WorkerBase
from napari_medkd.gui.command import end_questions
end_questions()
WorkerBase.await_workers(20000)
"""


@pytest.mark.gui
@pytest.mark.process
def test_the_viewers_process_never_loads_torch(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", OPEN_EVERYTHING],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "MEDKD_RUNS": str(tmp_path / "runs")},
    )

    assert "LOADED [] True" in done.stdout, done.stderr[-3000:]


IMPORT_WHAT_THE_MANIFEST_NAMES = """
import sys
from importlib import import_module
import napari
from npe2 import PluginManifest

before = set(sys.modules)
for command in PluginManifest.from_distribution("napari-medkd").contributions.commands:
    import_module(str(command.python_name).split(":")[0])
costly = {"torch", "dask.array", "zarr", "nibabel", "tifffile", "pydicom", "napari_medkd.core.settings"}
print("LOADED", sorted(costly & (set(sys.modules) - before)))
"""


@pytest.mark.gui
@pytest.mark.process
def test_what_napari_imports_of_the_plugin_is_light():
    """The settings' models and readers of formats come when they are needed."""
    command = [sys.executable, "-c", IMPORT_WHAT_THE_MANIFEST_NAMES]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    assert "LOADED []" in done.stdout, done.stdout + done.stderr[-3000:]
