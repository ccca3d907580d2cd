"""The Results dock on networks that draw a mask, tell a class and find boxes; driven by mouse and keys."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Layer
from qtpy.QtCore import QPoint, Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QFileDialog, QMessageBox

from napari_medkd.core.annotation import Boxes
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_mask, write_boxes
from napari_medkd.gui.case_layers import case_layers
from napari_medkd.gui.planes import camera_of
from napari_medkd.gui.widgets.dock import WIDTH
from napari_medkd.gui.widgets.results_dock import ResultsDock
from tests.gui.answering_run import add_network, make_run, scripted_python
from tests.gui.scripted_predictor import FOUND, GRADE, TASK

pytestmark = [pytest.mark.gui, pytest.mark.process]

PATIENCE = 60_000
CASE = "case_5"


@pytest.fixture
def dataset(tiny_dataset: Path, tmp_path: Path) -> Path:
    """The tiny dataset, in which the last case is graded and has the boxes of its ball and its cube."""
    document = json.loads((tiny_dataset / "medkd-dataset.json").read_text(encoding="utf-8"))
    folder = tmp_path / "tasks"
    folder.mkdir()
    for task in (GRADE, FOUND):
        document["tasks"][task.name] = {"kind": task.kind, "classes": list(task.classes)}
    for case in document["cases"]:
        case["images"] = [str(tiny_dataset / path) for path in case["images"]]
        case["annotations"] = {"shapes": str(tiny_dataset / case["annotations"]["shapes"])}
    true = read_mask(tiny_dataset / "labels" / f"{CASE}.nii.gz", TASK)
    write_boxes(folder / "boxes.json", Boxes.from_mask(true, FOUND))
    document["cases"][5]["annotations"] |= {"grade": {"present": ["large"]}, "found": "boxes.json"}
    (folder / "medkd-dataset.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


@pytest.fixture
def dock(
    make_napari_viewer_proxy: Any, qtbot: Any, tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> ResultsDock:
    """The dock after the student has answered about the last case."""
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("MEDKD_SCRIPT", "three tasks")
    run = make_run(tmp_path / "runs", dataset, networks=())
    for stage in ("student", "teacher"):
        cards = [{"name": one.name, "kind": one.kind, "classes": list(one.classes)} for one in (GRADE, FOUND)]
        add_network(run, stage, tasks=cards)
    viewer = make_napari_viewer_proxy(show=True)
    dock = ResultsDock(viewer)
    viewer.window.add_dock_widget(dock, name="Results")
    dock.settle()
    dock.session.interpreter = scripted_python(tmp_path)
    opened = open_dataset(dataset)
    for layer in case_layers(opened, opened.case(CASE)):
        viewer.add_layer(Layer.create(*layer))
    dock.selection.choose_run(run)
    qtbot.mouseClick(dock.view.predict, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(dock.state.answers) == 3 and not dock.state.busy, timeout=PATIENCE)
    return dock


def lines(dock: ResultsDock, whose: str = "student") -> Any:
    return dock.viewer.layers[f"{whose} · found · {CASE}"]


def text_of(dock: ResultsDock) -> Any:
    return dock.viewer.canvas.overlays.text


def through_menu(qtbot: Any, dock: ResultsDock, steps_down: int) -> None:
    """Open the export menu with the mouse and take an entry with the keys."""
    button = dock.view.answers.export
    menu = button.menu()

    def choose() -> None:
        for _ in range(steps_down):
            QTest.keyClick(menu, Qt.Key.Key_Down)
        QTest.keyClick(menu, Qt.Key.Key_Return)

    QTimer.singleShot(300, choose)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not menu.isVisible(), timeout=PATIENCE)


def test_every_answer_is_drawn_on_the_image_and_told_in_the_dock(dock: ResultsDock) -> None:
    names = [layer.name for layer in dock.viewer.layers]
    image = dock.viewer.layers[CASE]

    for name in (f"student · {CASE}", "student · looks at large", f"student · found · {CASE}", f"true found · {CASE}"):
        assert name in names
        np.testing.assert_allclose(dock.viewer.layers[name].translate, image.translate)
    assert not dock.viewer.layers["student · looks at large"].visible, "the mask would be hidden beneath it"
    assert not dock.viewer.layers[f"{CASE} · found (truth)"].visible, "the true boxes are dashed now"
    assert text_of(dock).visible
    assert (
        text_of(dock).text == "grade · true: large\nstudent\n━━━━━━━━━━── 0.80 large (right)\n━━────────── 0.20 small"
    )
    assert list(dock.view.answers.bars) == [GRADE]
    assert dock.view.answers.boxes[FOUND].tables["student"].rows.rowCount() >= 1


def test_the_slider_filters_canvas_and_table(dock: ResultsDock, qtbot: Any) -> None:
    view = dock.view.answers.boxes[FOUND]
    table, slider = view.tables["student"], view.slider
    scores = dock.state.answers[2].boxes.found.scores
    dock.viewer.layers[f"{CASE} · shapes (truth)"].contour = 0  # napari warns that outlines are not drawn in 3-D
    dock.viewer.dims.ndisplay = 3
    slider.setFocus()

    qtbot.keyClick(slider, Qt.Key.Key_Home)
    everything = (len(lines(dock).data) // 12, table.rows.rowCount())
    qtbot.keyClick(slider, Qt.Key.Key_End)
    nothing = len(lines(dock).data)

    assert everything == (len(scores), len(scores))
    assert nothing == 0
    assert table.rows.rowCount() == 2, "the two true boxes are missed now"
    assert view.least.text() == "1.00"
    assert dock.state.box_threshold == 1.0


def test_a_click_on_a_box_brings_slice_and_camera_there(dock: ResultsDock, qtbot: Any) -> None:
    table = dock.view.answers.boxes[FOUND].tables["student"]
    box = table.rows.at(0)
    camera_of(dock.viewer).center = (0, 500, 500)

    place = table.visualRect(table.rows.index(0, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)

    world = dock.viewer.layers[CASE].data_to_world(box.middle)
    np.testing.assert_allclose(camera_of(dock.viewer).center[-2:], world[1:], atol=1e-6)
    voxel = dock.viewer.layers[CASE].world_to_data(dock.viewer.dims.point)
    assert abs(voxel[0] - box.middle[0]) <= 0.5
    assert len(lines(dock).data) >= 4, "the box is on the slice that is shown"

    camera_of(dock.viewer).center = (0, 500, 500)
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)

    np.testing.assert_allclose(camera_of(dock.viewer).center[-2:], world[1:], atol=1e-6)


def test_in_a_coronal_view_a_click_brings_the_coronal_slice_there(dock: ResultsDock, qtbot: Any) -> None:
    table = dock.view.answers.boxes[FOUND].tables["student"]
    qtbot.mouseClick(dock.view.planes.buttons["Coronal"], Qt.MouseButton.LeftButton)

    place = table.visualRect(table.rows.index(0, 0)).center()
    qtbot.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=place)

    box = table.rows.at(0)
    voxel = dock.viewer.layers[CASE].world_to_data(dock.viewer.dims.point)
    assert abs(voxel[1] - box.middle[1]) <= 0.5
    assert np.ptp(lines(dock).data[:, 0, 1]) == 0, "the outline lies in the coronal slice"


def test_an_export_asks_before_files_of_other_names_are_lost(
    dock: ResultsDock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, questions = tmp_path / "case-boxes.csv", []
    mine.write_text("mine")
    monkeypatch.setattr(QMessageBox, "question", lambda *words: questions.append(words[2]))

    dock.view.answers.export.export_tables(tmp_path / "case.csv")

    assert "case-boxes.csv" in questions[0]
    assert mine.read_text() == "mine"
    assert dock.view.answers.saved.text() == ""


def test_teacher_and_student_stand_side_by_side_with_scores_and_boxes(dock: ResultsDock, qtbot: Any) -> None:
    before = [(layer.name, layer.visible) for layer in dock.viewer.layers]

    qtbot.mouseClick(dock.view.compare, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.comparison.is_shown, timeout=PATIENCE)

    assert [panel.title for panel in dock.state.panels] == ["teacher", "student", "difference:\nstudent vs true mask"]
    assert [panel.notes for panel in dock.state.panels] == [
        ("small 0.70 (wrong)", "true: large"),
        ("large 0.80 (right)", "true: large"),
        (),
    ]
    assert len(dock.comparison.layers) % 3 == 0
    drawn = [layer.name for layer in dock.comparison.layers]
    assert {"teacher · found", "student · found", "teacher · true found", "student · true found"} <= set(drawn)
    assert not text_of(dock).visible, "the scores stand in the panels"

    qtbot.mouseClick(dock.view.compare, Qt.MouseButton.LeftButton)

    after = [(layer.name, layer.visible) for layer in dock.viewer.layers]
    assert after[: len(before)] == before
    assert text_of(dock).text.splitlines()[1:] == [
        "student",
        "━━━━━━━━━━── 0.80 large (right)",
        "━━────────── 0.20 small",
        "teacher",
        "━━━━━━━━──── 0.70 small (wrong)",
        "━━━━──────── 0.30 large (missed)",
    ]


def test_the_slider_filters_the_panels_too(dock: ResultsDock, qtbot: Any) -> None:
    qtbot.mouseClick(dock.view.compare, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.comparison.is_shown, timeout=PATIENCE)
    slider = dock.view.answers.boxes[FOUND].slider
    slider.setFocus()

    qtbot.keyClick(slider, Qt.Key.Key_End)

    assert [len(dock.viewer.layers[f"{stage} · found"].data) for stage in ("student", "teacher")] == [0, 0]


def test_the_scores_can_be_taken_off_the_canvas(dock: ResultsDock, qtbot: Any) -> None:
    qtbot.mouseClick(dock.view.scores, Qt.MouseButton.LeftButton, pos=QPoint(10, dock.view.scores.height() // 2))

    assert not text_of(dock).visible
    assert text_of(dock).text == ""


def test_the_tables_are_exported_from_the_menu(
    dock: ResultsDock, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "out.csv"), ""))

    through_menu(qtbot, dock, 1)

    assert dock.view.answers.saved.text() == "Saved out-measures.csv, out-scores.csv, out-boxes.csv."
    rows = list(csv.DictReader((tmp_path / "out-boxes.csv").read_text().splitlines()))
    assert {row["task"] for row in rows} == {"found"}


def test_boxes_of_a_volume_are_not_offered_as_coco(dock: ResultsDock) -> None:
    export = dock.view.answers.export

    assert not export.coco.isEnabled()
    assert "flat images alone" in export.coco.toolTip()
    assert export.masks.isEnabled()


def test_all_of_it_fits_into_the_docks_width(dock: ResultsDock, qtbot: Any) -> None:
    inside = dock.view.widget()
    assert inside is not None
    qtbot.waitUntil(lambda: inside.height() >= inside.minimumSizeHint().height(), timeout=PATIENCE)

    assert inside.minimumSizeHint().width() <= WIDTH
    table = dock.view.answers.boxes[FOUND].tables["student"]
    room = table.viewport().width()
    assert sum(table.columnWidth(column) for column in range(5)) <= room
    assert table.columnWidth(0) >= 50
