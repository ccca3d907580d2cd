import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QTextDocument
from qtpy.QtWidgets import QLineEdit, QMessageBox

from napari_medkd.core.events import Noticed, PreviewSaved, RunEnded, StepDone
from napari_medkd.gui.widgets.log_window import LogWindow
from napari_medkd.gui.widgets.runs_dock import RunsDock
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.orders import FolderControl

pytestmark = pytest.mark.gui


@pytest.fixture
def dock(viewer, qtbot, run_folder, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(run_folder.path.parent))
    dock = RunsDock(viewer)
    qtbot.addWidget(dock)
    dock.resize(380, 740)
    dock.show()
    dock.settle()
    qtbot.waitUntil(lambda: bool(dock.state.rows), timeout=10_000)
    yield dock
    dock.followers.leave_all()


def selected(dock, qtbot, run):
    dock.presenter.select(run.path)
    qtbot.waitUntil(lambda: run.path in dock.followers.latest, timeout=10_000)
    qtbot.waitUntil(lambda: run.path not in dock.followers.followed or dock.session.run_status.is_live, timeout=10_000)
    return dock


def click(qtbot, button):
    assert button.isEnabled()
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_a_click_on_a_run_shows_where_it_stands(dock, qtbot, run_folder):
    place = dock.list.visualRect(dock.list.model().index(0, 0)).center()

    qtbot.mouseClick(dock.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    qtbot.waitUntil(lambda: dock.details.plot is not None, timeout=10_000)

    assert dock.session.run == run_folder.path
    assert "scripted" in dock.details.name.text()
    assert dock.details.progress.format().startswith("75 %")
    assert dock.details.resume.isVisible()
    assert not dock.details.stop.isVisible()


def test_curves_of_the_stage_that_was_reached_are_drawn(dock, qtbot, run_folder):
    selected(dock, qtbot, run_folder)
    plot = dock.details.plot

    assert plot.stage == "student"
    assert {name for _, name in plot._drawn} == {"dice", "score"}
    steps, _ = plot._drawn[("loss", "dice")].getData()
    assert list(steps) == [1, 2, 3, 4, 5]


def test_the_name_of_a_curve_is_never_broken_between_two_lines(dock, qtbot, run_folder):
    run_folder.append(StepDone(stage="student", step=6, losses={"self-training": 0.011}, seconds_per_step=0.1))
    selected(dock, qtbot, run_folder)
    legend = dock.details.plot._loss_legend
    legend.setFixedWidth(legend.fontMetrics().horizontalAdvance("dice 0.500   self-trai"))
    document = QTextDocument()
    document.setDefaultFont(legend.font())
    document.setHtml(legend.text())
    document.setTextWidth(legend.width())
    last = document.lastBlock()

    lines = [last.layout().lineAt(at) for at in range(last.layout().lineCount())]

    words = [last.text()[line.textStart() : line.textStart() + line.textLength()].strip() for line in lines]
    assert [line for line in words if line.endswith(("-", "\N{NON-BREAKING HYPHEN}"))] == []
    assert "self\N{NON-BREAKING HYPHEN}training" in last.text()


def test_another_stage_can_be_picked(dock, qtbot, run_folder):
    selected(dock, qtbot, run_folder)
    plot = dock.details.plot

    click(qtbot, next(button for button in plot._buttons.buttons() if button.text() == "teacher"))

    assert plot.stage == "teacher"
    assert list(plot._drawn[("loss", "dice")].getData()[0]) == list(range(1, 11))


def test_a_logarithmic_axis_can_be_had(dock, qtbot, run_folder):
    selected(dock, qtbot, run_folder)

    click(qtbot, dock.details.plot.log_scale)

    assert dock.details.plot._losses.getPlotItem().getAxis("left").logMode


def test_a_diverged_loss_leaves_a_gap_and_no_error(dock, qtbot, run_folder):
    run_folder.append(StepDone(stage="student", step=6, losses={"dice": float("nan")}, seconds_per_step=0.1))

    selected(dock, qtbot, run_folder)

    assert list(dock.details.plot._drawn[("loss", "dice")].getData()[0]) == [1, 2, 3, 4, 5]


def test_a_run_that_waits_for_its_turn_says_so_and_can_be_let_go_or_stopped(dock, qtbot, run_folder):
    waiting = RunFolder.create(run_folder.path.parent, run_folder.spec())
    with Heartbeat(waiting.path, attempt=1) as heartbeat:
        heartbeat.say(device="cpu", waits_for=run_folder.name)
        selected(dock, qtbot, waiting)

        assert f"Waits until {run_folder.name!r} has ended" in dock.details.fault.text()
        assert dock.details.pause.isEnabled()
        assert dock.details.pause.text() == "Resume"
        click(qtbot, dock.details.stop)
        dock.followers.leave_all()

    assert FolderControl(waiting.path).wish() == "stop"


def test_a_run_that_is_live_is_followed_when_the_dock_opens(viewer, qtbot, run_folder, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(run_folder.path.parent))
    with Heartbeat(run_folder.path, attempt=1):
        dock = RunsDock(viewer)
        qtbot.addWidget(dock)
        dock.settle()
        qtbot.waitUntil(lambda: run_folder.path in dock.followers.live, timeout=10_000)
        run_folder.append(PreviewSaved(case="case_4", stage="student", epoch=2, path="previews/case_4"))
        qtbot.waitUntil(lambda: dock.session.preview is not None, timeout=10_000)
        run_folder.append(RunEnded(outcome="completed"))
    qtbot.waitUntil(lambda: not dock.followers.followed, timeout=20_000)

    assert dock.session.preview.run == run_folder.path
    assert dock.session.preview.event.path == "previews/case_4"


def test_pause_and_stop_are_orders_in_the_run_folder(dock, qtbot, run_folder):
    with Heartbeat(run_folder.path, attempt=1):
        dock.followers.leave_all()
        selected(dock, qtbot, run_folder)
        control = FolderControl(run_folder.path)

        dock.presenter._ordered.clear()
        dock.details.ordered.emit("pause")
        assert control.wish() == "pause"
        assert dock.details.headline.text() == "Pausing …"

        click(qtbot, dock.details.stop)
        assert control.wish() == "stop"
        assert dock.details.headline.text() == "Stopping …"
        assert not dock.details.stop.isEnabled()
        run_folder.append(RunEnded(outcome="cancelled"))
    qtbot.waitUntil(lambda: not dock.followers.followed, timeout=20_000)

    assert dock.details.headline.text().startswith("Stopped")


def test_a_failure_is_one_sentence_with_the_log_one_click_away(dock, qtbot, run_folder):
    run_folder.append(RunEnded(outcome="failed", message="The disk is full.", hint="Free some space."))
    run_folder.log_path.write_text("Traceback: the whole story", encoding="utf-8")
    selected(dock, qtbot, run_folder)

    assert dock.details.fault.text() == "The disk is full. Free some space."
    click(qtbot, dock.details.log)
    window = dock.findChild(LogWindow)
    assert window.isVisible()
    assert "the whole story" in window.text.toPlainText()
    window.close()


def test_a_log_grows_in_its_window(qtbot, run_folder):
    window = LogWindow(run_folder.path)
    qtbot.addWidget(window)
    assert "no log yet" in window.text.toPlainText()

    run_folder.log_path.write_text("first line\n", encoding="utf-8")
    window.read()

    assert window.text.toPlainText() == "first line\n"


def test_notices_stand_on_the_dock(dock, qtbot, run_folder):
    for number in range(5):
        run_folder.append(Noticed(message=f"notice {number}"))

    selected(dock, qtbot, run_folder)

    shown = dock.details.notices.text()
    assert "notice 4" in shown
    assert "2 earlier notices stand in the log." in shown


def test_a_run_is_renamed_in_the_list(dock, qtbot, run_folder):
    selected(dock, qtbot, run_folder)
    dock.list.setFocus()

    dock.details.rename.trigger()
    editor = dock.list.findChild(QLineEdit)
    assert editor.text() == run_folder.name
    editor.selectAll()
    qtbot.keyClicks(editor, "better name")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: [row.title for row in dock.state.rows] == ["better-name"], timeout=10_000)

    assert dock.session.run == run_folder.path.with_name("better-name")


@pytest.mark.parametrize(
    ("answer", "is_left"), [(QMessageBox.StandardButton.Cancel, True), (QMessageBox.StandardButton.Yes, False)]
)
def test_a_run_is_deleted_only_after_asking(dock, qtbot, run_folder, monkeypatch, answer, is_left):
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answer)
    selected(dock, qtbot, run_folder)

    dock.details.delete.trigger()
    qtbot.waitUntil(lambda: bool(dock.state.rows) is is_left, timeout=10_000)

    assert run_folder.path.exists() is is_left


def test_a_run_started_elsewhere_appears_by_itself(dock, qtbot, run_folder):
    RunFolder.create(run_folder.path.parent, run_folder.spec().replace(name="from the command line"))

    qtbot.waitUntil(lambda: len(dock.state.rows) == 2, timeout=15_000)

    assert dock.state.rows[0].title == "from-the-command-line"


def test_a_run_selected_by_another_dock_is_shown(dock, qtbot, run_folder):
    dock.session.run = run_folder.path
    qtbot.waitUntil(lambda: run_folder.path in dock.followers.latest, timeout=10_000)

    assert dock.list.currentIndex().row() == 0
    assert "scripted" in dock.details.name.text()


def test_an_empty_runs_folder_says_how_to_start(viewer, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "nothing"))
    dock = RunsDock(viewer)
    qtbot.addWidget(dock)
    dock.show()
    dock.settle()

    assert dock.welcome.isVisible()
    assert "Train dock" in dock.welcome.text()


def test_a_launch_that_fails_is_said_in_the_dock(dock, qtbot, run_folder, tmp_path):
    selected(dock, qtbot, run_folder)
    dock.session.interpreter = tmp_path / "no python"

    click(qtbot, dock.details.resume)
    qtbot.waitUntil(lambda: bool(dock.state.message), timeout=10_000)

    assert "no python" in dock.message.text()


def test_the_dock_follows_the_theme(dock, qtbot, viewer, run_folder):
    selected(dock, qtbot, run_folder)
    before = dock.details.plot._colours

    viewer.theme = "light"

    assert before.is_dark
    assert not dock.details.plot._colours.is_dark
    assert {name for _, name in dock.details.plot._drawn} == {"dice", "score"}
