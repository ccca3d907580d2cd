"""What becomes of the canvas and of a painted mask when a person closes a dock by its x, in a real window."""

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import Qt

from napari_medkd.core.annotation import Mask
from napari_medkd.core.events import PreviewSaved
from napari_medkd.core.prediction import Prediction
from napari_medkd.files.manifest import open_dataset, write_dataset
from napari_medkd.files.results import write_prediction
from napari_medkd.gui.canvas import pictures_on
from napari_medkd.gui.case_layers import case_layers
from napari_medkd.gui.comparison import grid_of_viewer
from napari_medkd.gui.presenters.side_by_side import panels_of
from napari_medkd.gui.state import Preview
from napari_medkd.gui.widgets.dock import bring_up, dock_of
from tests.gui.annotating import unpainted
from tests.gui.answered import graded, masked

pytestmark = pytest.mark.gui

PATIENCE = 20_000


@pytest.fixture
def viewer(make_napari_viewer, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    return make_napari_viewer(show=True)


@pytest.fixture
def case_4(viewer, tiny_dataset):
    """A case of the tiny dataset on the canvas; its picture."""
    dataset = open_dataset(tiny_dataset)
    for layer in case_layers(dataset, dataset.case("case_4")):
        viewer.add_layer(Layer.create(*layer))
    return pictures_on(viewer)[0]


def opened(viewer, qtbot, title):
    dock = bring_up(viewer, title)
    qtbot.waitUntil(lambda: dock._has_joined and dock._is_settled, timeout=PATIENCE)
    return dock


def close(dock, qtbot):
    """Press the x in the dock's title."""
    qtbot.mouseClick(dock.parent().title.close_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.parent() is None, timeout=PATIENCE)


def names(viewer):
    return [(layer.name, layer.visible) for layer in viewer.layers]


def test_panels_and_words_go_with_the_results_dock_and_trouble_the_next_one_no_more(viewer, case_4, qtbot):
    dock = opened(viewer, qtbot, "Results")
    labels = np.ones(case_4.grid.shape, np.uint8)
    dock.state.answers = (masked(case_4.grid, labels, labels), graded(case_4.grid, malignant=0.8))
    before = names(viewer)
    words = viewer.canvas.overlays.text
    assert words.visible
    dock.state.panels = panels_of(dock.state.answers, dock.state.difference, case_4)
    assert grid_of_viewer(viewer).enabled

    close(dock, qtbot)

    assert names(viewer) == before
    assert not grid_of_viewer(viewer).enabled
    assert not words.visible
    again = opened(viewer, qtbot, "Results")
    assert again is not dock
    assert [one.name for one in again.state.pictures] == ["case_4"]
    assert again.view.compare.text() == "Compare"


def test_what_is_predicted_is_stopped_with_the_results_dock(viewer, case_4, qtbot):
    dock = opened(viewer, qtbot, "Results")
    dock.state.busy = "The student looks at case_4 …"

    close(dock, qtbot)
    viewer.add_image(np.zeros((3, 4, 5)), name="another")

    assert dock.state.busy == ""
    assert [one.name for one in dock.state.pictures] == ["case_4"]


def tell_preview(session, run, grid, task, epoch):
    mask = Mask(np.ones(grid.shape, np.uint8), grid, task)
    write_prediction(Prediction("case_4", task, grid, "run", "student.best", mask), run / "previews")
    session.preview = Preview(run, (PreviewSaved(case="case_4", stage="student", epoch=epoch, path="previews/case_4"),))


def previews(viewer):
    return [layer.name for layer in viewer.layers if layer.name.startswith("preview")]


def test_a_preview_is_drawn_once_after_its_dock_was_closed_and_opened_again(
    viewer, case_4, qtbot, tiny_dataset, tmp_path
):
    task = open_dataset(tiny_dataset).task("shapes")
    dock = opened(viewer, qtbot, "Results")
    tell_preview(dock.session, tmp_path, case_4.grid, task, epoch=1)
    qtbot.waitUntil(lambda: previews(viewer) == ["preview · student, epoch 1"], timeout=PATIENCE)

    close(dock, qtbot)
    assert previews(viewer) == []
    tell_preview(dock.session, tmp_path, case_4.grid, task, epoch=2)
    qtbot.wait(300)
    assert previews(viewer) == []

    again = opened(viewer, qtbot, "Results")
    tell_preview(again.session, tmp_path, case_4.grid, task, epoch=3)
    qtbot.waitUntil(lambda: bool(previews(viewer)), timeout=PATIENCE)
    qtbot.wait(300)
    assert previews(viewer) == ["preview · student, epoch 3"]


def test_what_is_painted_is_saved_and_finished_when_the_data_dock_is_closed(viewer, qtbot, tiny_dataset, tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    write_dataset(unpainted(tiny_dataset, folder), folder)
    dock = opened(viewer, qtbot, "Data")
    dock.open_path(folder)
    qtbot.waitUntil(lambda: dock.session.dataset is not None, timeout=PATIENCE)
    dock.annotate("case_0")
    qtbot.waitUntil(lambda: dock.painted_case == "case_0", timeout=PATIENCE)
    layer = dock.annotating.presenter.annotation.layer
    layer.data_setitem((np.array([8]), np.array([9]), np.array([9])), 1)

    close(dock, qtbot)
    qtbot.waitUntil(lambda: dock.painted_case == "", timeout=PATIENCE)

    assert [case.id for case in open_dataset(folder).labelled("structures")] == ["case_0"]
    assert [case.id for case in dock.session.dataset.labelled("structures")] == ["case_0"]
    assert dock.session.save_at_closing is None
    assert not dock.annotating._timer.isActive()
    assert dock_of(viewer, "Data") is None
    assert opened(viewer, qtbot, "Data").cases.table.num_shown() == 6
