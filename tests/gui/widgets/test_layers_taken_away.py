"""Layers that a person takes off the canvas, in napari's own list, while a case is painted on or shown."""

from dataclasses import replace

import pytest
from qtpy.QtCore import Qt

from napari_medkd.files.manifest import open_dataset
from tests.gui.annotating import annotate, data_dock_on, unpainted

pytestmark = pytest.mark.gui


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    return make_napari_viewer_proxy(show=True)


@pytest.fixture
def dock(viewer, qtbot, tiny_dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    return data_dock_on(viewer, unpainted(tiny_dataset, tmp_path / "scans"), qtbot)


@pytest.fixture
def page(dock, qtbot):
    return annotate(dock, qtbot, "case_0")


def test_a_layer_that_is_taken_off_the_canvas_ends_painting_and_nothing_is_lost(viewer, dock, page, qtbot, tmp_path):
    layer = page.presenter.annotation.layer
    layer.data[5, 5:9, 5:9] = 1  # later than the last autosave

    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: page.presenter.annotation is None, timeout=10_000)

    dataset = open_dataset(tmp_path / "scans")
    assert [case.id for case in dataset.labelled("structures")] == ["case_0"]
    assert dock.session.references == ("case_0",)
    assert dock.pages.currentWidget() is dock.cases


def test_a_layer_that_cannot_be_saved_comes_back_when_it_is_taken_off_the_canvas(viewer, dock, page, qtbot):
    layer = page.presenter.annotation.layer
    layer.data[5, 5:9, 5:9] = 7  # of no class in the list

    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: page.state.problem is not None, timeout=10_000)

    assert layer in viewer.layers
    assert dock.painted_case == "case_0"
    assert "nothing is saved" in page.problem.toPlainText()


def test_a_case_whose_image_was_taken_off_the_canvas_is_shown_again_to_be_painted_on(viewer, dock, qtbot):
    dock.show_case("case_0")
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20_000)
    viewer.layers.clear()

    annotate(dock, qtbot, "case_0")

    assert [type(layer).__name__ for layer in viewer.layers] == ["Image", "Labels"]
    assert dock.pages.currentWidget() is dock.annotating


def test_where_an_image_cannot_be_read_a_later_look_at_it_does_not_begin_to_paint(viewer, dock, qtbot, tmp_path):
    image = open_dataset(tmp_path / "scans").case("case_0").images[0]
    away = image.with_name("away")
    image.rename(away)
    dock.cases.table.select("case_0")
    qtbot.mouseClick(dock.cases.annotate, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(dock.state.problems), timeout=20_000)
    away.rename(image)

    dock.show_case("case_0")
    qtbot.waitUntil(lambda: len(viewer.layers) == 1, timeout=20_000)
    qtbot.wait(100)

    assert dock.painted_case == ""


def test_the_dock_stays_narrow_whatever_a_case_is_called(dock, page, qtbot):
    annotation = page.presenter.annotation
    long = "1.3.6.1.4.1.14519.5.2.1.6279.6001.179049373636438705059720603192<b>-preoperative_registered"
    annotation.case = replace(annotation.case, id=long)
    page._show_tasks(annotation)

    assert page.minimumSizeHint().width() <= 380
    assert "<b>-" not in page.title.text()
