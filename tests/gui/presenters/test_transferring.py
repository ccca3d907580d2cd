"""When reference, warped reference and student are shown, and what they show."""

from pathlib import Path

import numpy as np
import pytest

from napari_medkd.core.spec import TrainSpec
from napari_medkd.files.manifest import open_dataset
from napari_medkd.files.opening import read_mask, read_volume
from napari_medkd.gui.panels import Panel
from napari_medkd.gui.presenters.transferring import Transferring
from napari_medkd.gui.state import ResultsState, Session
from napari_medkd.runs.folder import RunFolder
from tests.growing_dataset import copied, mask_of, paint_another_class
from tests.gui.presenting import Later, at_once
from tests.gui.transferred_run import CASE, REFERENCE, learn, one_shot_run, register


class Dock:
    """The thinking half of the button, with a one-shot run selected."""

    def __init__(self, run: Path, in_background=at_once) -> None:
        self.session, self.state = Session(run=run), ResultsState()
        self.presenter = Transferring(self.session, self.state, in_background)

    @property
    def titles(self) -> list[str]:
        return [panel.title.splitlines()[0] for panel in self.state.transfer.panels] if self.state.transfer else []


@pytest.fixture
def run(tmp_path, tiny_dataset):
    return one_shot_run(tmp_path / "runs", tiny_dataset)


def test_reference_warped_reference_and_student_stand_from_left_to_right(run, tiny_dataset):
    register(run, tiny_dataset, epoch=3)
    learn(run, tiny_dataset, epoch=5, label=2)
    dock = Dock(run)

    dock.presenter.switch(True)

    reference, warped, student = dock.state.transfer.panels
    assert reference.title == f"reference\n{REFERENCE}"
    assert warped.title == "warped reference\nregistration, epoch 3"
    assert student.title == f"student, epoch 5\n{CASE}"
    dataset = open_dataset(tiny_dataset)
    truth = read_mask(dataset.case(REFERENCE).annotations["shapes"], dataset.task("shapes"))
    np.testing.assert_array_equal(reference.labels, truth.labels)
    np.testing.assert_array_equal(warped.labels, np.roll(truth.labels, (2, 0, -1), (0, 1, 2)))
    assert (student.labels == 2).all()
    images = [read_volume(dataset.case(name).images).data[0] for name in (REFERENCE, CASE)]
    np.testing.assert_array_equal(reference.image[0], images[0])
    np.testing.assert_allclose(warped.image[0], images[1] + 3, rtol=1e-5)
    np.testing.assert_array_equal(student.image[0], images[1])


def test_the_reference_is_moved_as_a_whole_so_that_a_slice_cuts_the_same_place(run, tiny_dataset):
    register(run, tiny_dataset)
    dock = Dock(run)

    dock.presenter.switch(True)

    reference, warped, _ = dock.state.transfer.panels
    look, beside = reference.image[1], warped.image[1]
    # The warped label lies 2 voxels of 1.5 mm further down, and 1 of 1 mm further to the right.
    moved = np.subtract(look["translate"], beside["translate"])
    np.testing.assert_allclose(moved, (2 * 1.5, 0, -1), atol=1e-6)
    assert look["scale"] == beside["scale"] == (1.5, 1.0, 1.0)


def test_the_warped_reference_is_drawn_as_bright_as_the_reference(run, tiny_dataset):
    register(run, tiny_dataset, epoch=40)
    dock = Dock(run)

    dock.presenter.switch(True)

    reference, warped, _ = dock.state.transfer.panels
    assert warped.image[1]["contrast_limits"] == reference.image[1]["contrast_limits"]


def test_before_there_is_a_student_the_plain_case_stands_in_its_place(run, tiny_dataset):
    register(run, tiny_dataset)
    dock = Dock(run)

    dock.presenter.switch(True)

    assert dock.titles[2] == "student, not begun"
    assert not dock.state.transfer.panels[2].labels.any()


def test_a_class_that_was_painted_since_is_background_to_the_run(tiny_dataset, tmp_path):
    folder = copied(tiny_dataset, tmp_path / "data")
    run, before = one_shot_run(tmp_path / "runs", folder), mask_of(folder)
    register(run, folder)
    paint_another_class(folder)
    dock = Dock(run)

    dock.presenter.switch(True)

    assert dock.state.message == ""
    np.testing.assert_array_equal(dock.state.transfer.panels[0].labels, before.labels)


def test_a_teachers_reconstruction_is_the_fourth(run, tiny_dataset):
    register(run, tiny_dataset)
    learn(run, tiny_dataset, epoch=2, reconstructs=True)
    dock = Dock(run)

    dock.presenter.switch(True)

    assert dock.titles == ["reference", "warped reference", "student, epoch 2", "teacher's reconstruction"]
    assert dock.state.transfer.panels[3].task is None


def test_a_new_preview_is_shown_in_the_same_scene(run, tiny_dataset):
    register(run, tiny_dataset)
    dock = Dock(run)
    dock.presenter.switch(True)
    scene = dock.state.transfer.scene

    dock.session.preview = learn(run, tiny_dataset, epoch=7)

    assert dock.titles[2] == "student, epoch 7"
    assert dock.state.transfer.scene is scene


def test_a_preview_of_another_run_changes_nothing(run, tiny_dataset, tmp_path):
    register(run, tiny_dataset)
    other = one_shot_run(tmp_path / "others", tiny_dataset)
    dock = Dock(run)
    dock.presenter.switch(True)
    shown = dock.state.transfer

    dock.session.preview = register(other, tiny_dataset)

    assert dock.state.transfer is shown


def test_previews_that_come_while_one_is_read_are_read_once_afterwards(run, tiny_dataset):
    register(run, tiny_dataset)
    later = Later()
    dock = Dock(run, later)
    dock.presenter.switch(True)

    for epoch in (1, 2, 3):
        dock.session.preview = learn(run, tiny_dataset, epoch)
    assert len(later.waiting) == 1
    later.do()
    later.do()

    assert dock.titles[2] == "student, epoch 3"
    assert not later.waiting


def test_a_run_that_has_warped_nothing_says_so_and_the_switch_goes_back(run):
    dock = Dock(run)

    dock.presenter.switch(True)

    assert "has written no warped reference" in dock.state.message
    assert "first epoch of registration" in dock.state.hint
    assert (dock.state.transfer, dock.state.transfer_is_on) == (None, False)


def test_a_preview_that_is_replaced_while_it_is_read_is_left_out(run, tiny_dataset):
    register(run, tiny_dataset)
    dock = Dock(run)
    dock.presenter.switch(True)
    preview = learn(run, tiny_dataset)
    (run / preview.event.path / "mask.nii.gz").write_bytes(b"half")

    dock.session.preview = preview

    assert dock.titles[2] == "student, not begun"
    assert (dock.state.message, dock.state.transfer_is_on) == ("", True)


def test_another_run_is_shown_when_it_is_selected(run, tiny_dataset, tmp_path):
    register(run, tiny_dataset)
    other = one_shot_run(tmp_path / "others", tiny_dataset)
    register(other, tiny_dataset, epoch=9)
    dock = Dock(run)
    dock.presenter.switch(True)

    dock.session.run = other

    assert dock.state.transfer.panels[1].title == "warped reference\nregistration, epoch 9"


@pytest.mark.parametrize("selected", ["none", "another method's"])
def test_where_the_next_run_has_none_the_panels_go(run, tiny_dataset, tmp_path, selected):
    register(run, tiny_dataset)
    dock = Dock(run)
    dock.presenter.switch(True)

    plain = RunFolder.create(tmp_path / "others", TrainSpec(datasets=(tiny_dataset,))).path
    dock.session.run = None if selected == "none" else plain

    assert (dock.state.transfer, dock.state.transfer_is_on) == (None, False)
    assert dock.state.message


def test_it_makes_room_for_the_comparison_and_takes_its_place(run, tiny_dataset):
    register(run, tiny_dataset)
    dock = Dock(run)
    comparison = (Panel("student", np.zeros((2, 2, 2), np.uint8)),)
    dock.presenter.switch(True)

    dock.state.panels = comparison
    assert (dock.state.transfer, dock.state.transfer_is_on) == (None, False)
    dock.presenter.switch(True)

    assert dock.state.transfer is not None
    assert dock.state.panels == ()


def test_switched_off_while_it_is_read_nothing_is_shown(run, tiny_dataset):
    register(run, tiny_dataset)
    later = Later()
    dock = Dock(run, later)
    dock.presenter.switch(True)

    dock.presenter.switch(False)
    later.do()

    assert dock.state.transfer is None


def test_a_reference_whose_mask_is_gone_is_named(run, tiny_dataset, tmp_path):
    import json

    register(run, tiny_dataset)
    document = json.loads((tiny_dataset / "medkd-dataset.json").read_text())
    for case in document["cases"]:
        case["images"] = [str(tiny_dataset / path) for path in case["images"]]
        case["annotations"] = {}
    folder = tmp_path / "unlabelled"
    folder.mkdir()
    (folder / "medkd-dataset.json").write_text(json.dumps(document))
    spec = json.loads((run / "spec.json").read_text()) | {"datasets": [str(folder)]}
    (run / "spec.json").write_text(json.dumps(spec))
    dock = Dock(run)

    dock.presenter.switch(True)

    assert f"case {REFERENCE}: There is no mask for 'shapes' any more." in dock.state.message
