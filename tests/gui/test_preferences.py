import sys
from pathlib import Path

import pytest

from napari_medkd.gui import preferences
from napari_medkd.gui.preferences import PLUGIN, prepare
from napari_medkd.gui.state import Session
from napari_medkd.runs.shelf import default_runs_folder

pytestmark = pytest.mark.gui


@pytest.fixture
def viewing(make_napari_viewer):
    """napari's settings of how slices are seen."""
    from napari.settings import get_plugin_settings

    make_napari_viewer()
    viewing = get_plugin_settings(PLUGIN).viewing
    yield viewing
    viewing.sides = "radiological"


@pytest.fixture
def training(make_napari_viewer):
    """napari's settings of this plugin."""
    from napari.settings import get_plugin_settings

    make_napari_viewer()
    training = get_plugin_settings(PLUGIN).training
    before = training.interpreter, training.runs_folder
    yield training
    training.interpreter, training.runs_folder = before


def test_empty_preferences_mean_this_python_and_the_usual_folder(training, monkeypatch):
    monkeypatch.delenv("MEDKD_RUNS", raising=False)

    session = prepare(Session())

    assert session.interpreter == Path(sys.executable)
    assert session.runs_folder == default_runs_folder()


def test_a_changed_preference_reaches_the_session(training, monkeypatch, tmp_path):
    monkeypatch.delenv("MEDKD_RUNS", raising=False)
    session = prepare(Session())

    training.interpreter = "/envs/train/bin/python"
    training.runs_folder = str(tmp_path)

    assert session.interpreter == Path("/envs/train/bin/python")
    assert session.runs_folder == tmp_path


def test_the_environment_names_the_runs_folder_before_all(training, monkeypatch, tmp_path):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "from environment"))
    training.runs_folder = str(tmp_path / "from preferences")

    assert prepare(Session()).runs_folder == tmp_path / "from environment"


def test_a_napari_that_keeps_no_settings_of_plugins_gets_the_usual_ones(monkeypatch):
    def no_settings(plugin):
        raise KeyError(plugin)

    monkeypatch.setattr("napari.settings.get_plugin_settings", no_settings)

    assert preferences.prepare(Session()).interpreter == Path(sys.executable)


def test_the_sides_a_person_chose_are_those_of_the_next_session(viewing):
    first = prepare(Session())
    assert first.sides == "radiological"

    first.sides = "neurological"

    assert viewing.sides == "neurological"
    assert prepare(Session()).sides == "neurological"


def test_sides_set_in_the_preferences_reach_the_session(viewing):
    session = prepare(Session())

    viewing.sides = "neurological"

    assert session.sides == "neurological"
