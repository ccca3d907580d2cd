"""Who measures against what an expert said hears of it when that is corrected in the Data dock."""

from dataclasses import replace

import pytest
from qtpy.QtCore import Qt

from napari_medkd.files.manifest import open_dataset, write_dataset
from tests.gui.annotating import annotate, data_dock_on

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(make_napari_viewer_proxy, qtbot, tiny_dataset, tmp_path, monkeypatch):
    """A Data dock on the tiny dataset, whose masks lie where they were; its manifest is a copy."""
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    dataset = replace(open_dataset(tiny_dataset), folder=tmp_path / "scans")
    return data_dock_on(make_napari_viewer_proxy(show=True), dataset, qtbot)


@pytest.fixture
def heard(dock):
    heard = []
    dock.session.events.corrected.connect(lambda one: heard.append((one.folder.name, one.case)))
    return heard


def paint(dock, qtbot):
    page = annotate(dock, qtbot, "case_0")
    page.presenter.annotation.layer.data[5, 5:9, 5:9] = 1
    page.presenter.look()
    qtbot.waitUntil(lambda: bool(page.state.saved), timeout=10_000)
    return page


def test_a_mask_that_was_painted_on_is_corrected_once_it_is_done(dock, heard, qtbot):
    page = paint(dock, qtbot)
    assert heard == []

    qtbot.mouseClick(page.finish, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.presenter.annotation is None, timeout=10_000)

    assert heard == [("scans", "case_0")]


def test_a_mask_that_was_only_looked_at_is_not(dock, heard, qtbot):
    page = annotate(dock, qtbot, "case_0")

    qtbot.mouseClick(page.finish, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.presenter.annotation is None, timeout=10_000)

    assert heard == []


def test_a_discarded_mask_is_not(dock, heard, qtbot, monkeypatch):
    dock.session.dataset = replace(
        dock.session.dataset,
        cases=tuple(
            replace(case, annotations={}) if case.id == "case_0" else case for case in dock.session.dataset.cases
        ),
    )
    write_dataset(dock.session.dataset, dock.session.dataset.folder)
    monkeypatch.setattr("napari_medkd.gui.widgets.annotate_page.is_sure", lambda *_: True)
    page = paint(dock, qtbot)

    qtbot.mouseClick(page.discard, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.presenter.annotation is None, timeout=10_000)

    assert heard == []


def test_a_case_is_shown_with_what_its_labels_mean_now(dock, heard, qtbot):
    dock.show_case("case_1")
    qtbot.waitUntil(lambda: dock.session.opened is not None, timeout=20_000)
    dock._edit_labels()
    dock.labels.presenter.mean(1, "sphere")

    qtbot.mouseClick(dock.labels.save, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: heard == [("scans", "")], timeout=20_000)

    def classes():
        masks = [layer for layer in dock.viewer.layers if type(layer).__name__ == "Labels"]
        return [layer.metadata["medkd"]["task"]["classes"] for layer in masks]

    qtbot.waitUntil(lambda: classes() == [("background", "cube", "sphere")], timeout=20_000)
