"""The pictures of the Results dock in step with the list of layers, in a real window."""

from pathlib import Path

import numpy as np
import pytest
from napari.layers import Layer

from napari_medkd.core.grid import Grid
from napari_medkd.core.volume import Volume
from napari_medkd.gui.layers import image_layers
from napari_medkd.gui.panels import Panel
from napari_medkd.gui.widgets.results_dock import ResultsDock
from tests.gui.answered import ORGANS, boxed, graded

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(viewer, qtbot, tmp_path, monkeypatch):
    """The dock with one image, which a network is asked about."""
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    dock = ResultsDock(viewer)
    qtbot.addWidget(dock)
    viewer.add_image(np.zeros((4, 6, 8)), name="scan")
    dock.state.busy = "The student looks at scan …"
    return dock


def test_a_new_image_neither_stops_what_is_asked_about_another_nor_takes_its_place(dock, viewer):
    viewer.add_image(np.ones((4, 6, 8)), name="smoothed")

    assert dock.state.busy == "The student looks at scan …"
    assert dock.view.picture.currentText() == "scan"
    assert [one.name for one in dock.state.pictures] == ["scan", "smoothed"]


def test_what_was_selected_meanwhile_is_chosen_when_nothing_is_asked_any_more(dock, viewer):
    viewer.add_image(np.ones((4, 6, 8)), name="smoothed")

    dock.presenter.stop()

    assert dock.state.busy == ""
    assert dock.view.picture.currentText() == "smoothed"


def test_answers_are_not_thrown_away_for_what_was_selected_meanwhile(dock, viewer):
    answer = graded(dock.selection.picture.grid, malignant=0.8)
    viewer.add_image(np.ones((4, 6, 8)), name="smoothed")

    dock.state.answers = (answer,)
    dock.state.busy = ""

    assert dock.view.picture.currentText() == "scan"
    assert dock.state.answers == (answer,)


def test_what_the_person_chooses_in_the_dock_overtakes_what_was_selected_before(dock, viewer):
    viewer.add_image(np.ones((4, 6, 8)), name="smoothed")
    viewer.add_image(np.ones((4, 6, 8)), name="sharpened")

    dock.selection.choose_picture(dock.state.pictures[1].key)

    assert dock.view.picture.currentText() == "smoothed"
    assert dock.state.busy == ""


@pytest.fixture
def beside(dock, viewer):
    """The dock with the image chosen, while another one is selected in the list of layers."""
    dock.state.busy = ""
    viewer.add_image(np.ones((4, 6, 8)), name="smoothed")
    dock.selection.choose_picture(dock.state.pictures[0].key)
    return dock


def test_leaving_panels_chooses_no_other_picture(beside, viewer):
    answers = (graded(beside.selection.picture.grid, malignant=0.8),)
    beside.state.answers = answers

    beside.state.panels = (Panel("student", np.zeros((4, 6, 8), np.uint8), ORGANS),)
    beside.presenter.leave_comparison()

    assert viewer.layers.selection.active.name == "smoothed"
    assert beside.view.picture.currentText() == "scan"
    assert beside.state.answers == answers


def test_an_answer_that_leaves_the_selection_as_it_is_chooses_no_other_picture(beside, viewer):
    answers = (boxed(beside.selection.picture.grid, [(0, 1, 1, 2, 4, 4)], [0.9]),)

    beside.state.answers = answers

    assert "student · found · scan" in viewer.layers
    assert viewer.layers.selection.active.name == "smoothed"
    assert beside.view.picture.currentText() == "scan"
    assert beside.state.answers == answers


@pytest.fixture
def answered(dock, viewer):
    """The dock with an answer about a file of two channels, chosen beside the plain image."""
    volume = Volume(np.zeros((2, 4, 6, 8)), Grid.upright((4, 6, 8)), ("t1", "flair"), source=Path("head.nii.gz"))
    dock.state.busy = ""
    for layer in image_layers(volume, "head"):
        viewer.add_layer(Layer.create(*layer))
    dock.state.answers = (graded(dock.selection.picture.grid, malignant=0.8),)
    dock.state.busy = "The student looks at head …"
    return dock


@pytest.mark.parametrize(
    "change", [lambda layers: layers.move(2, 1), lambda layers: layers.remove("head · t1")], ids=["moved", "deleted"]
)
def test_a_picture_stays_chosen_while_any_layer_of_its_file_is_there(answered, viewer, change):
    before = answered.state.answers

    change(viewer.layers)

    assert answered.view.picture.currentText() == "head · flair"
    assert answered.selection.picture.layer == viewer.layers["head · flair"].unique_id
    assert answered.state.answers == before
    assert answered.state.busy == "The student looks at head …"


def test_any_layer_of_a_file_chooses_its_picture(answered, viewer):
    answered.state.busy = ""
    viewer.layers.selection.active = viewer.layers["scan"]
    assert answered.view.picture.currentText() == "scan"

    viewer.layers.selection.active = viewer.layers["head · flair"]

    assert answered.view.picture.currentText() == "head · t1"
