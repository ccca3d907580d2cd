import json
import sys
from pathlib import Path

import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog

from napari_medkd.core.errors import InputProblem, Problem
from napari_medkd.core.events import RunEnded
from napari_medkd.core.spec import MethodChoice, TrainSpec
from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.finished_run import Drawn, FinishedRun
from napari_medkd.gui.followers import followers_of
from napari_medkd.gui.presenters import train
from napari_medkd.gui.widgets.train_dock import TrainDock
from napari_medkd.runs.folder import RunFolder
from tests.gui.presenting import demo_card

pytestmark = pytest.mark.gui


@pytest.fixture
def answers(monkeypatch):
    """What the command line answers; a test may change it."""
    answers = {"describe": (demo_card("plain", "nothing"), demo_card("taught")), "check": [], "estimate": None}

    def cards_of(interpreter, ask_again=False, owner=None):
        if isinstance(answers["describe"], Exception):
            raise answers["describe"]
        return answers["describe"]

    monkeypatch.setattr(train, "cards_of", cards_of)
    monkeypatch.setattr(train, "ask", lambda interpreter, arguments, **_: answers[arguments[0]])
    return answers


@pytest.fixture
def dock(make_napari_viewer_proxy, qtbot, tmp_path, monkeypatch, answers):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    dock = TrainDock(make_napari_viewer_proxy())
    qtbot.addWidget(dock)
    dock.resize(380, 720)
    dock.show()
    dock.settle()
    qtbot.waitUntil(lambda: not dock.state.busy, timeout=10_000)
    return dock


@pytest.fixture
def ready(dock, tiny_dataset):
    """The dock with a dataset open."""
    dock.session.dataset_path = tiny_dataset
    dock.session.dataset = open_dataset(tiny_dataset)
    return dock


def test_without_a_dataset_the_dock_says_what_is_missing(dock):
    assert dock.hindrance.text() == "Open a dataset in the Data dock first."
    assert not dock.start.isEnabled()
    assert not dock.estimate.isEnabled()


def test_an_opened_dataset_makes_the_dock_ready(ready):
    assert "tiny" in ready.dataset.text()
    assert "4 cases to train, 1 to validate" in ready.dataset.text()
    assert ready.form.task.currentText() == "shapes"
    assert ready.start.isEnabled()


def test_a_method_is_chosen_with_the_keyboard_and_brings_its_settings(ready, qtbot):
    assert ready.form.method.currentText() == "Taught"

    qtbot.keyClick(ready.form.method, Qt.Key.Key_Up)

    assert ready.presenter.choices.spec().method.name == "plain"
    assert "method.settings.weight" in ready.form.of_method.fields


def test_a_preset_shows_its_values(ready, qtbot):
    qtbot.keyClick(ready.form.preset, Qt.Key.Key_Down)

    assert ready.state.preset == "heavy"
    assert ready.form.of_method.boxes["method.settings.weight"].value() == 9.0


def test_what_is_typed_into_a_field_reaches_the_spec(ready, qtbot):
    editor = ready.form.basic.boxes["schedule.epochs"].editor
    editor.selectAll()
    qtbot.keyClicks(editor, "3")
    qtbot.keyClick(editor, Qt.Key.Key_Return)

    assert ready.presenter.choices.spec().schedule.epochs == 3


def test_folded_sections_count_what_was_changed_in_them(ready):
    ready.presenter.choices.set_value("seed", 3)

    assert ready.form.advanced_section.title.text() == "Advanced (1 changed)"
    assert ready.form.method_section.title.text() == "Method settings"


def test_sections_unfold_with_a_click(ready, qtbot):
    assert not ready.form.advanced.isVisible()

    qtbot.mouseClick(ready.form.advanced_section.title, Qt.MouseButton.LeftButton)

    assert ready.form.advanced.isVisible()


def test_the_complete_run_can_be_read_before_the_start(ready, qtbot):
    qtbot.mouseClick(ready.spec_section.title, Qt.MouseButton.LeftButton)
    ready.presenter.choices.set_value("schedule.batch_size", 8)

    shown = json.loads(ready.spec_text.toPlainText())

    assert shown["schedule"]["batch_size"] == 8
    assert shown["method"]["settings"]["rounds"] == 3
    assert "medkd train spec.json" in ready.command.text()


def test_a_problem_of_a_field_unfolds_its_section_and_others_stand_below(ready, answers, qtbot):
    answers["check"] = [
        {"where": "network.widths", "problem": "Too deep.", "hint": "Take fewer levels."},
        {"where": "datasets[0].cases.case_1", "problem": "The mask is missing.", "hint": "Add it."},
    ]

    qtbot.mouseClick(ready.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(ready.state.problems) == 2, timeout=10_000)

    assert ready.form.advanced.isVisible()
    assert "The mask is missing." in ready.problems.toPlainText()
    assert "Too deep" not in ready.problems.toPlainText()


def test_a_start_brings_up_the_runs(ready, qtbot, monkeypatch):
    brought, started = [], []
    monkeypatch.setattr("napari_medkd.gui.widgets.train_dock.bring_up", lambda viewer, title: brought.append(title))
    monkeypatch.setattr(ready.presenter._runner, "start", started.append)

    qtbot.mouseClick(ready.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(started), timeout=10_000)

    assert brought == ["Runs"]
    assert ready.session.run == started[0]


def test_while_something_is_measured_it_can_be_cancelled(ready, qtbot, monkeypatch):
    ended = []
    monkeypatch.setattr(ready.presenter, "cancel", lambda: ended.append(True))
    ready.state.busy = "Measuring a few steps …"

    assert ready.estimate.text() == "Cancel"
    assert not ready.start.isEnabled()
    qtbot.mouseClick(ready.estimate, Qt.MouseButton.LeftButton)

    assert ended == [True]


def test_a_python_without_torch_shows_the_line_to_type(dock, answers, qtbot):
    line = "/envs/train/bin/python -m pip install torch"
    answers["describe"] = InputProblem.of([Problem("torch", "Training needs torch.", line)])

    dock.session.interpreter = Path("/envs/train/bin/python")
    qtbot.waitUntil(lambda: bool(dock.state.missing), timeout=10_000)

    assert line in dock.missing.toPlainText()
    assert not dock.form.isVisible()
    qtbot.mouseClick(dock.copy_line, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == line

    answers["describe"] = (demo_card(),)
    qtbot.mouseClick(dock.ask_again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not dock.state.missing, timeout=10_000)

    assert dock.form.isVisible()


def test_a_saved_spec_shows_its_command_line(ready, qtbot, tmp_path, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "my spec.json"), ""))
    qtbot.mouseClick(ready.spec_section.title, Qt.MouseButton.LeftButton)

    qtbot.mouseClick(ready.save_spec, Qt.MouseButton.LeftButton)

    assert (tmp_path / "my spec.json").is_file()
    assert "my spec.json" in ready.command.text().replace("&#8203;", "")


def test_marked_references_are_counted(ready):
    ready.session.references = ("case_0", "case_1")

    assert "2 marked as reference" in ready.dataset.text()


def test_the_references_that_teach_are_named(ready):
    ready.state.cards = (demo_card("few", needs="references"),)
    ready.presenter.choices.choose_method("few")

    ready.session.references = ("case_0",)
    assert "Learns from the label of case_0 alone" in ready.dataset.text()

    ready.session.references = ("case_0", "case_1")
    assert "Learns from the labels of case_0, case_1 alone" in ready.dataset.text()


def test_training_runs_in_the_python_that_runs_napari_unless_set(ready):
    assert ready.session.interpreter == Path(sys.executable)


def test_every_control_has_a_tooltip(ready):
    form = ready.form
    controls = [form.task, form.method, form.preset, ready.estimate, ready.start, ready.save_spec]
    controls += [box for part in form.forms for box in part.boxes.values()]

    assert [control for control in controls if not control.toolTip()] == []


def test_a_finished_run_is_chosen_to_start_from(ready, qtbot, tmp_path, tiny_dataset):
    spec = TrainSpec(name="first", datasets=(tiny_dataset,), method=MethodChoice(name="taught"))
    run = RunFolder.create(tmp_path / "runs", spec)
    run.append(RunEnded(outcome="completed"))
    assert ready.form.basic.boxes["start_from"].editor.count() == 1

    ready.hide()
    ready.show()
    qtbot.waitUntil(lambda: ready.form.basic.boxes["start_from"].editor.count() == 2, timeout=10_000)
    box = ready.form.basic.boxes["start_from"].editor
    qtbot.keyClick(box, Qt.Key.Key_Down)

    assert box.currentText().endswith("first · taught")
    assert ready.presenter.choices.spec().start_from == run.path


def test_a_run_of_corrected_references_says_what_it_goes_on_from(ready, qtbot, tiny_dataset):
    ready.state.cards = (demo_card("few", needs="references"),)
    ready.session.references = ("case_0", "case_2")
    earlier = FinishedRun(Path("runs/2026-11-21_0210_few_liver"), "few", (tiny_dataset.resolve(),))
    ready.session.drawn = Drawn("case_2", earlier)

    ready.begin_from_references()
    qtbot.waitUntil(lambda: not ready.state.busy, timeout=10_000)

    goes_on = "Goes on from 11-21 02:10 · liver · few; <i>Start from: scratch</i> begins anew."
    assert goes_on in ready.dataset.text()
    qtbot.keyClick(ready.form.basic.boxes["start_from"].editor, Qt.Key.Key_Up)
    assert ready.presenter.choices.spec().start_from is None
    assert goes_on not in ready.dataset.text()


def offered(dock):
    """Return what a run can start from."""
    box = dock.form.basic.boxes["start_from"].editor
    return [box.itemText(at) for at in range(box.count())]


def made(tmp_path, dataset, name):
    spec = TrainSpec(name=name, datasets=(dataset,), method=MethodChoice(name="taught"))
    return RunFolder.create(tmp_path / "runs", spec)


def test_a_run_that_ends_while_the_dock_is_open_is_offered_to_start_from(ready, qtbot, tmp_path, tiny_dataset):
    run = made(tmp_path, tiny_dataset, "first")
    run.append(RunEnded(outcome="completed"))

    followers_of(ready.session).follow(run.path)

    qtbot.waitUntil(lambda: len(offered(ready)) == 2, timeout=10_000)
    assert offered(ready)[1].endswith("first · taught")


def test_runs_that_come_into_the_folder_or_are_deleted_are_noticed(ready, qtbot, tmp_path, tiny_dataset):
    first = made(tmp_path, tiny_dataset, "first")
    first.append(RunEnded(outcome="completed"))
    ready.session.events.runs_folder.emit(tmp_path / "runs", tmp_path / "runs")
    qtbot.waitUntil(lambda: len(offered(ready)) == 2, timeout=10_000)

    first.delete()

    qtbot.waitUntil(lambda: offered(ready) == ["scratch"], timeout=10_000)


def test_opening_the_list_looks_for_runs_that_ended_elsewhere(ready, qtbot, tmp_path, tiny_dataset):
    run = made(tmp_path, tiny_dataset, "first")
    ready.session.events.runs_folder.emit(tmp_path / "runs", tmp_path / "runs")
    qtbot.wait(200)
    run.append(RunEnded(outcome="completed"))
    box = ready.form.basic.boxes["start_from"].editor
    assert offered(ready) == ["scratch"]

    qtbot.mouseClick(box, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: len(offered(ready)) == 2, timeout=10_000)
    qtbot.keyClick(box.view(), Qt.Key.Key_Down)
    qtbot.keyClick(box.view(), Qt.Key.Key_Return)

    assert ready.presenter.choices.spec().start_from == run.path


def test_a_run_to_start_from_that_is_not_listed_is_shown_by_its_name(ready):
    ready.presenter.choices.set_value("start_from", Path("elsewhere/2026-11-22_0825_taught_first"))

    assert ready.form.basic.boxes["start_from"].editor.currentText() == "11-22 08:25 · first · taught"


def test_a_case_is_chosen_to_be_looked_at(ready, qtbot):
    ready.form.advanced_section.show_content(True)
    box = ready.form.advanced.boxes["preview_case"].editor
    assert box.currentText() == "automatic"

    for _ in range(2):
        qtbot.keyClick(box, Qt.Key.Key_Down)

    assert ready.presenter.choices.spec().preview_case == "case_1"
    assert ready.form.advanced.boxes["preview_case"].value() == "case_1"
