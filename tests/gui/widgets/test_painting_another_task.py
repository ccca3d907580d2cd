"""A dataset with masks of two kinds: each can be painted, with the dock's own list of tasks."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.core.task import Task
from napari_medkd.files.manifest import open_dataset
from tests.gui.annotating import annotate, data_dock_on, unpainted

pytestmark = pytest.mark.gui

TASKS = (
    Task("organs", "segmentation", ("background", "liver")),
    Task("finding", "classification", ("absent", "present")),
    Task("lesions", "segmentation", ("background", "cyst", "tumour")),
)


@pytest.fixture
def dock(make_napari_viewer_proxy, qtbot, tiny_dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    viewer = make_napari_viewer_proxy(show=True)
    dataset = unpainted(tiny_dataset, tmp_path / "scans")
    dock = data_dock_on(viewer, replace(dataset, tasks={task.name: task for task in TASKS}), qtbot)
    annotate(dock, qtbot, "case_0")
    return dock


def task_of(dock):
    annotation = dock.annotating.presenter.annotation
    return None if annotation is None else annotation.task.name


def choose_next(dock, qtbot):
    """Go down the list of tasks with the keyboard, as a person does."""
    dock.annotating.tasks.setFocus()
    qtbot.keyClick(dock.annotating.tasks, Qt.Key.Key_Down)


def paint(dock, value):
    layer = dock.annotating.presenter.annotation.layer
    layer.data[5, 5:12, 5:12] = value
    layer.refresh()


def test_both_masks_are_painted_and_saved(dock, qtbot, tmp_path):
    page = dock.annotating
    assert [page.tasks.itemText(at) for at in range(page.tasks.count())] == ["organs", "lesions"]
    assert (task_of(dock), page.tasks.currentText()) == ("organs", "organs")
    paint(dock, 1)

    choose_next(dock, qtbot)
    qtbot.waitUntil(lambda: task_of(dock) == "lesions", timeout=20_000)
    assert page.isVisible()
    assert [page.classes.item(row, 2).text() for row in range(page.classes.rowCount())] == ["cyst", "tumour"]
    paint(dock, 2)
    qtbot.mouseClick(page.finish, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: page.presenter.annotation is None, timeout=20_000)

    assert set(open_dataset(tmp_path / "scans").case("case_0").annotations) == {"organs", "lesions"}
    assert dock.session.references == ("case_0",)


def test_a_mask_that_cannot_be_saved_is_painted_on(dock, qtbot, monkeypatch):
    paint(dock, 1)

    def full(*_):
        raise VolumeProblem("scans", "No space left on the disk.", "Free some.")

    monkeypatch.setattr("napari_medkd.files.annotating.save_annotation", full)
    choose_next(dock, qtbot)
    qtbot.waitUntil(lambda: "No space" in dock.annotating.problem.toPlainText(), timeout=20_000)

    assert task_of(dock) == dock.annotating.tasks.currentText() == "organs"
    assert np.asarray(dock.annotating.presenter.annotation.layer.data).any()


def test_of_one_task_there_is_nothing_to_choose(dock):
    page = dock.annotating
    annotation = page.presenter.annotation
    annotation.dataset = replace(annotation.dataset, tasks={"organs": TASKS[0]})

    page._show_tasks(annotation)

    assert not page.tasks.isVisible()
    assert "organs" in page.title.text()
