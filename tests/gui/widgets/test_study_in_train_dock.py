"""The tree of datasets and tasks in the Train dock, driven by the mouse; the spec it makes can be trained."""

import json

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QFileDialog

from napari_medkd.cli.inspection import problems_at
from napari_medkd.core.errors import Problem
from napari_medkd.core.events import RunEnded
from napari_medkd.core.spec import MethodChoice, TrainSpec
from napari_medkd.files.manifest import open_dataset
from napari_medkd.gui.members import Member
from napari_medkd.gui.presenters import train
from napari_medkd.gui.widgets.train_dock import TrainDock
from napari_medkd.runs.folder import RunFolder
from tests.gui.presenting import demo_card
from tests.pictures import write_pictures

pytestmark = pytest.mark.gui

KINDS = ("segmentation", "classification", "detection")
JOINT = demo_card("joint", "masks", needs="labels of several datasets").replace(tasks=KINDS)


@pytest.fixture
def folders(tmp_path):
    return [write_pictures(tmp_path / name, name, dark=name == "spots") for name in ("cells", "spots")]


@pytest.fixture
def dock(make_napari_viewer_proxy, qtbot, tmp_path, monkeypatch, folders, request):
    """The dock with a study of two datasets; cards of the real methods where a test is about those."""
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    if "engine" not in request.keywords:
        monkeypatch.setattr(train, "cards_of", lambda interpreter, **_: (demo_card(), JOINT))
    dock = TrainDock(make_napari_viewer_proxy())
    qtbot.addWidget(dock)
    dock.resize(380, 760)
    study = tuple(Member(folder, open_dataset(folder)) for folder in folders)
    dock.session.study = study
    dock.session.dataset_path, dock.session.dataset = folders[0], study[0].dataset
    dock.show()
    dock.settle()
    qtbot.waitUntil(lambda: bool(dock.state.cards), timeout=120_000)
    dock.presenter.choices.choose_method("joint" if "engine" not in request.keywords else "joint-teacher")
    return dock


def check(dock, qtbot, dataset, task=None):
    """Press the box of a dataset, or of one of its tasks."""
    tree = dock.form.targets.tree
    item = tree.topLevelItem(dataset)
    item = item if task is None else item.child(task)
    row = tree.visualItemRect(item)
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(row.left() + 9, row.center().y()))


def targets(dock):
    return [(one.dataset, one.task) for one in dock.presenter.choices.spec().targets]


def test_the_tree_stands_in_place_of_the_list_of_tasks(dock):
    assert dock.form.targets.isVisible()
    assert not dock.form.task.isVisible()
    assert "cells + spots" in dock.dataset.text()
    assert "16 cases to train, 4 to validate" in dock.dataset.text()

    dock.presenter.choices.choose_method("demo")

    assert not dock.form.targets.isVisible()
    assert dock.form.task.isVisible()


def test_boxes_are_checked_with_the_mouse(dock, qtbot):
    check(dock, qtbot, 0, 1)
    assert targets(dock) == [("cells", "shape"), ("cells", "border"), ("spots", "shape")]

    check(dock, qtbot, 1)
    assert targets(dock) == [("", "shape"), ("", "border")]
    assert "<b>cells</b>" in dock.dataset.text()


def test_with_nothing_checked_the_dock_says_so_beside_the_tree(dock, qtbot):
    check(dock, qtbot, 0)
    check(dock, qtbot, 1)

    assert dock.form.targets.fault.text() == "No task is chosen. Check one that is to be learned."
    assert not dock.start.isEnabled()


def test_what_the_check_finds_in_the_targets_stands_beside_the_tree(dock, qtbot, monkeypatch):
    found = Problem("targets[1].task", "Dataset 'spots' has no task 'shape'.", "Choose another.")
    monkeypatch.setattr(train, "ask", lambda interpreter, arguments, **_: [vars_of(found)])

    qtbot.mouseClick(dock.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(dock.state.problems), timeout=10_000)

    assert "has no task 'shape'" in dock.form.targets.fault.text()
    assert not dock.problems.isVisible()


def vars_of(found):
    return {"where": found.where, "problem": found.problem, "hint": found.hint}


def test_a_dataset_that_is_opened_joins_the_tree(dock, tmp_path):
    more = write_pictures(tmp_path / "more", "more", tasks="c")

    dock.session.study = (*dock.session.study, Member(more, open_dataset(more)))

    tree = dock.form.targets.tree
    assert [tree.topLevelItem(at).text(0) for at in range(3)] == ["cells", "spots", "more"]
    assert targets(dock)[-1] == ("more", "border")


def test_a_finished_run_is_chosen_as_the_expert_of_its_dataset_by_keys(dock, qtbot, tmp_path, folders):
    joint = JOINT.replace(name="experienced", stages=("expert", "teacher", "student"))
    spec = TrainSpec(name="first", datasets=(folders[1],), method=MethodChoice(name="supervised"))
    run = RunFolder.create(tmp_path / "runs", spec)
    run.append(RunEnded(outcome="completed"))
    dock.state.cards = (*dock.state.cards, joint)
    assert not dock.form.experts.isVisible()

    dock.presenter.choices.choose_method("experienced")
    dock.look_again()
    box = dock.form.experts.boxes["starts_from.expert-spots"].editor
    qtbot.waitUntil(lambda: box.count() == 2, timeout=10_000)
    qtbot.keyClick(box, Qt.Key.Key_Down)

    assert dock.form.experts.boxes["starts_from.expert-cells"].editor.count() == 1
    assert box.currentText().endswith("first · supervised")
    assert dock.presenter.choices.spec().starts_from == {"expert-spots": run.path}


def test_what_the_check_finds_wrong_with_an_expert_stands_beneath_its_field(dock, qtbot, monkeypatch):
    found = Problem("starts_from.expert-spots", "The run learned other classes.", "Name another.")
    monkeypatch.setattr(train, "ask", lambda interpreter, arguments, **_: [vars_of(found)])
    dock.state.cards = (JOINT.replace(stages=("expert", "teacher", "student")),)

    qtbot.mouseClick(dock.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(dock.state.problems), timeout=10_000)

    assert "learned other classes" in dock.form.experts._faults["starts_from.expert-spots"].text()
    assert not dock.problems.isVisible()


@pytest.mark.engine
@pytest.mark.process
def test_a_spec_made_by_mouse_passes_the_check(dock, qtbot, tmp_path, monkeypatch, folders):
    path = tmp_path / "spec.json"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(path), ""))
    for task in (1, 2):
        check(dock, qtbot, 0, task)
    qtbot.mouseClick(dock.spec_section.title, Qt.MouseButton.LeftButton)

    qtbot.mouseClick(dock.save_spec, Qt.MouseButton.LeftButton)

    written = json.loads(path.read_text())
    assert written["datasets"] == [str(folder) for folder in folders]
    assert [one["task"] for one in written["targets"]] == ["shape", "border", "places", "shape"]
    assert problems_at(path, read_images=True) == []
