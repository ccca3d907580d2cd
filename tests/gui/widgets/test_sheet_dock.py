"""The sheet as a person uses it: mouse and keys in a real window, from Predict all to a second reference."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import QPoint, Qt

from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_mask
from napari_medkd.gui.finished_run import Drawn, FinishedRun
from napari_medkd.gui.widgets.data_dock import DataDock
from napari_medkd.gui.widgets.results_dock import ResultsDock
from napari_medkd.gui.widgets.sheet_dock import SheetDock
from tests.gui.answering_run import finish, make_run, scripted_python
from tests.gui.asked_run import asked_about, scans_with_one_reference

pytestmark = pytest.mark.gui

PATIENCE = 60_000
UNSURE = {"case_0": 0.1, "case_1": 0.3, "case_2": 0.9, "case_3": 0.5}


@pytest.fixture
def run(tmp_path: Path, scans: Path) -> Path:
    return make_run(tmp_path / "runs", scans)


@pytest.fixture
def viewer(make_napari_viewer_proxy: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    viewer = make_napari_viewer_proxy(show=True)
    viewer.window.resize(1280, 800)
    return viewer


@pytest.fixture
def data(viewer: Any, qtbot: Any, scans: Path, run: Path) -> DataDock:
    """The Data dock with the dataset open and its annotated case marked, and the run chosen."""
    dock = DataDock(viewer)
    viewer.window.add_dock_widget(dock, name="Data")
    dock.settle()
    dock.open_path(scans)
    qtbot.waitUntil(lambda: bool(dock.state.rows) and not dock.state.is_checking, timeout=PATIENCE)
    dock.presenter.mark_references(["case_0"], on=True)
    dock.session.run = run
    return dock


@pytest.fixture
def sheet(data: DataDock, viewer: Any, qtbot: Any, run: Path, tiny_dataset: Path) -> SheetDock:
    """The sheet of four answers that were given before, with all its pictures."""
    asked_about(run, tiny_dataset, None, UNSURE)
    return sheet_of(viewer, qtbot, cases=4)


def sheet_of(viewer: Any, qtbot: Any, cases: int) -> SheetDock:
    dock = SheetDock(viewer)
    viewer.window.add_dock_widget(dock, name="Sheet")
    dock.settle()
    pictured(dock, qtbot, cases)
    return dock


def pictured(dock: SheetDock, qtbot: Any, cases: int) -> None:
    def is_done() -> bool:
        rows = dock.state.rows
        return len(rows) == cases and all(dock.thumbnails.of(row.answer) for row in rows)

    qtbot.waitUntil(is_done, timeout=PATIENCE)
    qtbot.waitUntil(lambda: dock.view.visualRect(dock.view.model().index(0)).width() > 0, timeout=PATIENCE)


def place_of(dock: SheetDock, case: str) -> QPoint:
    at = [row.answer.case for row in dock.state.rows].index(case)
    return dock.view.visualRect(dock.view.model().index(at)).center()


def click(qtbot: Any, widget: Any, pos: QPoint | None = None) -> None:
    qtbot.mouseClick(widget, Qt.MouseButton.LeftButton, pos=pos or QPoint())


def opened(dock: SheetDock, qtbot: Any, case: str) -> None:
    qtbot.waitUntil(lambda: dock.session.opened is not None and dock.session.opened.case.id == case, timeout=PATIENCE)


def correct(sheet: SheetDock, data: DataDock, qtbot: Any, case: str) -> Any:
    """Press the button on a case, and return the page it is painted on."""
    click(qtbot, sheet.view.viewport(), place_of(sheet, case))
    click(qtbot, sheet.correct_case)
    qtbot.waitUntil(lambda: data.painted_case == case, timeout=PATIENCE)
    return data.annotating


def done(data: DataDock, qtbot: Any) -> None:
    click(qtbot, data.annotating.finish)
    qtbot.waitUntil(lambda: data.pages.currentWidget() is data.cases, timeout=PATIENCE)


def stored(scans: Path, case: str) -> np.ndarray:
    dataset = open_dataset(scans)
    return read_mask(dataset.case(case).annotations["shapes"], dataset.task("shapes")).labels


def test_the_sheet_stands_in_columns_with_the_least_certain_first(sheet: SheetDock) -> None:
    index = sheet.view.model().index
    first, second, last = (sheet.view.visualRect(index(at)) for at in (0, 1, 3))

    assert [row.answer.case for row in sheet.state.rows] == ["case_2", "case_3", "case_1", "case_0"]
    assert first.top() == second.top()
    assert first.left() < second.left()
    assert last.top() > first.top()
    assert "★ reference" in index(3).data(Qt.ItemDataRole.ToolTipRole)
    assert "uncertainty 0.90" in index(0).data(Qt.ItemDataRole.AccessibleTextRole)


def test_a_tile_is_drawn_with_its_picture_and_a_reference_is_marked(sheet: SheetDock, qtbot: Any) -> None:
    qtbot.wait(100)
    picture = sheet.view.viewport().grab().toImage()

    def colours_at(case: str) -> set[str]:
        at = [row.answer.case for row in sheet.state.rows].index(case)
        tile = sheet.view.visualRect(sheet.view.model().index(at))
        points = [(x, y) for x in range(tile.left(), tile.right()) for y in range(tile.top(), tile.bottom())]
        return {picture.pixelColor(x, y).name() for x, y in points}

    def frame_of(case: str) -> str:
        tile = sheet.view.visualRect(
            sheet.view.model().index([row.answer.case for row in sheet.state.rows].index(case))
        )
        return picture.pixelColor(tile.left() + 4, tile.center().y() - 20).name()

    assert len(colours_at("case_2")) > 100
    assert {"#e69f00", "#56b4e9"} & colours_at("case_2")
    assert frame_of("case_0") == sheet.colours().caution
    assert frame_of("case_1") != sheet.colours().caution


def test_wider_it_has_more_columns(sheet: SheetDock, qtbot: Any) -> None:
    sheet.view.resize(620, 400)
    qtbot.wait(50)

    tops = {sheet.view.visualRect(sheet.view.model().index(at)).top() for at in range(4)}

    assert len(tops) == 1


def test_a_double_click_shows_the_case_with_the_students_mask_on_its_slice(
    sheet: SheetDock, viewer: Any, qtbot: Any
) -> None:
    port, place = sheet.view.viewport(), place_of(sheet, "case_2")

    click(qtbot, port, place)
    qtbot.mouseDClick(port, Qt.MouseButton.LeftButton, pos=place)
    opened(sheet, qtbot, "case_2")

    image, student = viewer.layers
    assert student.name == "student · case_2"
    assert isinstance(student, Labels)
    assert student.visible
    np.testing.assert_allclose(student.translate, image.translate)
    counts = np.count_nonzero(student.data, axis=(1, 2))
    assert viewer.dims.current_step[0] == counts.argmax() != student.data.shape[0] // 2


def test_enter_shows_the_selected_case_and_the_arrows_choose_another(sheet: SheetDock, qtbot: Any) -> None:
    click(qtbot, sheet.view.viewport(), place_of(sheet, "case_2"))

    qtbot.keyClick(sheet.view, Qt.Key.Key_Right)
    qtbot.keyClick(sheet.view, Qt.Key.Key_Return)

    opened(sheet, qtbot, "case_3")


def test_beside_the_students_mask_the_true_one_is_an_outline(sheet: SheetDock, viewer: Any, qtbot: Any) -> None:
    click(qtbot, sheet.view.viewport(), place_of(sheet, "case_0"))
    click(qtbot, sheet.show_case)
    opened(sheet, qtbot, "case_0")

    assert [layer.name for layer in viewer.layers] == ["case_0", "case_0 · shapes (truth)", "student · case_0"]
    assert viewer.layers[1].contour == 1


def test_a_mask_that_is_fine_becomes_a_second_reference_by_done_alone(
    sheet: SheetDock, data: DataDock, scans: Path, run: Path, tiny_dataset: Path, qtbot: Any
) -> None:
    finish(run)
    first = stored(scans, "case_0")
    page = correct(sheet, data, qtbot, "case_2")
    assert data.pages.currentWidget() is page
    assert "what the student drew" in page.hint.text()
    drawn = page.presenter.annotation.snapshot().labels

    done(data, qtbot)

    truth = read_mask(tiny_dataset / "labels" / "case_2.nii.gz", open_dataset(tiny_dataset).task("shapes"))
    np.testing.assert_array_equal(drawn, truth.labels)
    np.testing.assert_array_equal(stored(scans, "case_2"), drawn)
    np.testing.assert_array_equal(stored(scans, "case_0"), first)
    assert data.session.references == ("case_0", "case_2")
    assert data.session.drawn == Drawn("case_2", FinishedRun(run, "shape-intensity", (scans.resolve(),)))
    qtbot.waitUntil(lambda: [row.is_reference for row in sheet.state.rows] == [True, False, False, True])


def test_what_was_corrected_is_what_is_saved(sheet: SheetDock, data: DataDock, scans: Path, qtbot: Any) -> None:
    page = correct(sheet, data, qtbot, "case_3")
    layer = page.presenter.annotation.layer
    layer.data_setitem((np.array([0]), np.array([1]), np.array([2])), 2)

    done(data, qtbot)

    assert stored(scans, "case_3")[0, 1, 2] == 2


def test_correcting_the_case_that_is_shown_hides_the_students_layer(
    sheet: SheetDock, data: DataDock, viewer: Any, qtbot: Any
) -> None:
    click(qtbot, sheet.view.viewport(), place_of(sheet, "case_2"))
    click(qtbot, sheet.show_case)
    opened(sheet, qtbot, "case_2")

    correct(sheet, data, qtbot, "case_2")

    shown = [layer.name for layer in viewer.layers if layer.visible]
    assert shown == ["case_2", "case_2 · shapes (painting)"]


def test_a_mask_whose_labels_mean_other_classes_by_now_is_not_corrected_but_told(
    sheet: SheetDock, data: DataDock, scans: Path, qtbot: Any
) -> None:
    dataset = open_dataset(scans)
    turned = replace(dataset.task("shapes"), classes=("background", "cube", "ball"))
    sheet.session.dataset = replace(dataset, tasks={"shapes": turned})

    click(qtbot, sheet.view.viewport(), place_of(sheet, "case_2"))
    click(qtbot, sheet.correct_case)

    told = "The run's classes are background, ball, cube; the dataset's are background, cube, ball"
    qtbot.waitUntil(lambda: told in data.problems.toPlainText().replace("\u200b", ""), timeout=PATIENCE)
    assert data.painted_case == ""
    assert [case.id for case in open_dataset(scans).labelled("shapes")] == ["case_0"]


def test_a_discarded_correction_is_no_annotation_and_no_reference(
    sheet: SheetDock, data: DataDock, scans: Path, qtbot: Any
) -> None:
    page = correct(sheet, data, qtbot, "case_2")
    page.presenter.look()

    click(qtbot, page.discard)

    assert data.pages.currentWidget() is data.cases
    assert data.session.references == ("case_0",)
    assert [case.id for case in open_dataset(scans).labelled("shapes")] == ["case_0"]


def test_while_one_case_is_painted_on_no_other_takes_its_place(sheet: SheetDock, data: DataDock, qtbot: Any) -> None:
    correct(sheet, data, qtbot, "case_2")

    click(qtbot, sheet.view.viewport(), place_of(sheet, "case_3"))
    click(qtbot, sheet.show_case)
    click(qtbot, sheet.correct_case)
    qtbot.waitUntil(lambda: "being painted on" in sheet.problems.toPlainText(), timeout=PATIENCE)

    assert data.painted_case == "case_2"
    assert sheet.session.opened is not None
    assert sheet.session.opened.case.id == "case_2"


def test_a_mask_is_not_laid_on_another_datasets_case_of_that_name(
    sheet: SheetDock, data: DataDock, tiny_dataset: Path, tmp_path: Path, qtbot: Any
) -> None:
    first = sheet.session.dataset_path
    other = scans_with_one_reference(tiny_dataset, tmp_path / "others")
    data.open_path(other)
    qtbot.waitUntil(lambda: sheet.session.dataset_path == other, timeout=PATIENCE)
    assert first is not None
    data.presenter.choose(first)
    pictured(sheet, qtbot, cases=4)

    click(qtbot, sheet.view.viewport(), place_of(sheet, "case_2"))
    click(qtbot, sheet.correct_case)
    data.presenter.choose(other)

    told = "Another dataset was chosen while the student's mask was read"
    qtbot.waitUntil(lambda: told in sheet.problems.toPlainText() or data.painted_case != "", timeout=PATIENCE)
    assert data.painted_case == ""


def test_a_mask_that_waits_for_its_case_is_not_laid_on_another_datasets(
    sheet: SheetDock, data: DataDock, tiny_dataset: Path, tmp_path: Path, qtbot: Any
) -> None:
    mask = sheet.presenter.draft(sheet.state.rows[0].answer)
    other = scans_with_one_reference(tiny_dataset, tmp_path / "others")
    first = sheet.session.dataset_path
    assert first is not None
    data.open_path(other)
    qtbot.waitUntil(lambda: sheet.session.dataset_path == other, timeout=PATIENCE)
    data.presenter.choose(first)

    data.annotate("case_2", mask)
    data.presenter.choose(other)
    data.show_case("case_2")
    opened(sheet, qtbot, "case_2")

    assert data.painted_case == ""


def test_a_reference_is_not_corrected_from_the_students_mask(sheet: SheetDock, qtbot: Any) -> None:
    click(qtbot, sheet.view.viewport(), place_of(sheet, "case_0"))
    assert not sheet.correct_case.isEnabled()
    assert "reference already" in sheet.advice.text()

    click(qtbot, sheet.view.viewport(), place_of(sheet, "case_1"))
    assert sheet.correct_case.isEnabled()


def test_an_answer_that_is_gone_is_told(sheet: SheetDock, qtbot: Any) -> None:
    row = sheet.state.rows[0]
    (row.answer.folder / "mask.nii.gz").unlink()

    click(qtbot, sheet.view.viewport(), place_of(sheet, row.answer.case))
    click(qtbot, sheet.correct_case)

    qtbot.waitUntil(sheet.problems.isVisible, timeout=PATIENCE)
    assert "mask.nii.gz" in sheet.problems.toPlainText().replace("\u200b", "")


def test_the_selected_case_stays_selected_when_the_order_changes(sheet: SheetDock, qtbot: Any) -> None:
    click(qtbot, sheet.view.viewport(), place_of(sheet, "case_3"))

    sheet.state.rows = sheet.state.rows[::-1]

    row = sheet.view.row()
    assert row is not None
    assert row.answer.case == "case_3"


def test_another_theme_is_drawn_in_its_colours(sheet: SheetDock, viewer: Any) -> None:
    dark = sheet.view.styleSheet()

    viewer.theme = "light"

    assert sheet.view.styleSheet() != dark
    assert sheet.colours().background in sheet.view.styleSheet()


@pytest.mark.process
def test_from_predict_all_to_the_sheet(data: DataDock, viewer: Any, qtbot: Any, tmp_path: Path) -> None:
    results = ResultsDock(viewer)
    viewer.window.add_dock_widget(results, name="Results")
    results.settle()
    results.session.interpreter = scripted_python(tmp_path)
    box = results.view.all_cases

    click(qtbot, box.predict)
    assert box.predict.text() == "Stop"
    qtbot.waitUntil(lambda: box.predict.text() == "Predict all", timeout=PATIENCE)
    assert box.problems.toPlainText() == ""
    assert box.sheet.text() == "Open Sheet"
    click(qtbot, box.sheet)
    sheets = [widget for widget in viewer.window.dock_widgets.values() if isinstance(widget, SheetDock)]
    qtbot.waitUntil(lambda: len(sheets[0].state.rows) == 6, timeout=PATIENCE)

    assert sheets[0].state.rows[0].answer.case == "case_5"
    assert "All 6 cases predicted" in sheets[0].summary.text()


@pytest.mark.process
def test_predict_all_says_how_far_it_is_and_can_be_cancelled(
    data: DataDock, viewer: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDKD_SCRIPT", "wait after one")
    results = ResultsDock(viewer)
    viewer.window.add_dock_widget(results, name="Results")
    results.settle()
    results.session.interpreter = scripted_python(tmp_path)
    sheet = SheetDock(viewer)
    viewer.window.add_dock_widget(sheet, name="Sheet")
    sheet.settle()
    box = results.view.all_cases

    click(qtbot, box.predict)
    qtbot.waitUntil(lambda: box.words.text() == "1 of 6 cases are predicted …", timeout=PATIENCE)
    assert (box.progress.value(), box.progress.maximum()) == (1, 6)
    data.show_case("case_4")
    opened(sheet, qtbot, "case_4")
    click(qtbot, box.predict)
    qtbot.waitUntil(lambda: not box.state.busy, timeout=PATIENCE)

    assert box.problems.toPlainText() == ""
    assert [row.answer.case for row in sheet.state.rows] == ["case_0"]
    assert "1 of 6 cases predicted" in sheet.summary.text()
