import threading
from dataclasses import replace

import numpy as np
import pytest

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.annotating import save_annotation
from napari_medkd.files.manifest import MANIFEST, open_dataset
from napari_medkd.files.opening import read_mask
from napari_medkd.gui.members import Member
from tests.gui.annotating import annotation_on, begun, paint, unpainted
from tests.gui.presenting import Later, in_a_thread

pytestmark = pytest.mark.gui


@pytest.fixture
def annotation(make_napari_viewer_proxy, tiny_dataset, tmp_path):
    return annotation_on(make_napari_viewer_proxy(), unpainted(tiny_dataset, tmp_path))


def saved(folder):
    dataset = open_dataset(folder)
    return read_mask(dataset.case("case_0").annotations["structures"], dataset.task("structures"))


def test_nothing_is_written_before_anything_is_painted(annotation, tmp_path):
    presenter, state, _ = begun(annotation)

    presenter.look()

    assert list(tmp_path.iterdir()) == []
    assert state.saved == ""
    assert "Nothing is painted yet" in presenter.hint()


def test_what_is_painted_is_saved_and_the_other_docks_hear_of_it(annotation, tmp_path):
    presenter, state, session = begun(annotation)
    paint(annotation, 4)

    presenter.look()

    assert np.array_equal(saved(tmp_path).labels, annotation.snapshot().labels)
    assert state.saved
    assert session.dataset.labelled("structures")
    assert session.dataset_path == tmp_path / MANIFEST


def test_what_is_saved_of_a_dataset_that_is_not_current_leaves_the_current_one(annotation, tmp_path, tiny_dataset):
    presenter, _, session = begun(annotation)
    session.study = (Member(tmp_path, annotation.dataset, ("case_3",)),)
    session.dataset_path, session.dataset = tiny_dataset, open_dataset(tiny_dataset)
    paint(annotation, 4)

    presenter.look()

    assert session.dataset_path == tiny_dataset
    assert session.dataset.name == "tiny"
    assert session.dataset.labelled("shapes")
    painted = next(one for one in session.study if one.folder == tmp_path.resolve())
    assert painted.dataset.labelled("structures")
    assert (painted.path, painted.references) == (tmp_path / MANIFEST, ("case_3",))


def test_what_has_not_changed_is_not_written_again(annotation, tmp_path):
    presenter, state, _ = begun(annotation)
    paint(annotation, 4)
    presenter.look()
    path = next(tmp_path.rglob("case_0.nii.gz"))
    before = path.stat().st_mtime_ns
    state.saved = "earlier"

    presenter.look()

    assert path.stat().st_mtime_ns == before
    assert state.saved == "earlier"


def test_a_renamed_class_is_saved_without_a_stroke(annotation, tmp_path):
    presenter, _, _ = begun(annotation)

    presenter.change(lambda one: one.rename_class(1, "artery"))

    assert open_dataset(tmp_path).task("structures").classes == ("background", "artery")


def test_what_is_missing_is_said_step_by_step(annotation):
    presenter, _, _ = begun(annotation)
    paint(annotation, 4)
    paint(annotation, 6)
    presenter.look()
    assert presenter.hint() == "1 slice between painted ones is still empty."

    presenter.change(lambda one: one.interpolate())
    assert presenter.hint() == ""

    presenter.change(lambda one: one.add_class("vein"))
    assert presenter.hint() == "Not painted yet: vein."


def test_a_class_that_is_missing_between_its_slices_is_named_though_another_is_painted_there(annotation):
    presenter, state, _ = begun(annotation)
    annotation.add_class("vein")
    for z, value in ((4, 1), (5, 2), (6, 1), (7, 2)):
        paint(annotation, z, value=value)

    presenter.look()

    between = "Missing on slices between those it is painted on"
    assert presenter.hint() == f"{between}: structure 1 (1 slice), vein (1 slice)."
    presenter.change(lambda one: one.interpolate())
    assert "Nothing could be filled" in state.problem.problem


def test_what_cannot_be_done_is_told_and_nothing_is_lost(annotation):
    presenter, state, _ = begun(annotation)
    paint(annotation, 4)

    presenter.change(lambda one: one.add_class("structure 1"))

    assert "its own name" in state.problem.hint
    assert annotation.snapshot().labels.any()


def test_a_folder_that_cannot_be_written_is_told_and_painting_goes_on(annotation, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    annotation.dataset = replace(annotation.dataset, folder=file)
    presenter, state, _ = begun(annotation)
    paint(annotation, 4)
    over = []

    presenter.finish(lambda: over.append(True))

    assert state.problem is not None
    assert over == []
    assert presenter.annotation is annotation


def test_done_saves_the_last_stroke_first(annotation, tmp_path):
    presenter, _, _ = begun(annotation)
    paint(annotation, 4)
    presenter.look()
    paint(annotation, 5)
    over = []

    presenter.finish(lambda: over.append(saved(tmp_path).labels[5].any()))

    assert over == [True]
    assert presenter.annotation is None


def test_what_is_painted_during_a_slow_save_is_saved_as_soon_as_that_ends(annotation, tmp_path):
    later = Later()
    presenter, _, _ = begun(annotation, later)
    paint(annotation, 4)
    presenter.look()
    work, then, _failed = later.waiting.pop()
    result = work()
    paint(annotation, 5)
    presenter.look()  # the timer, while the save is under way

    then(result)
    while later.waiting:
        later.do()

    assert saved(tmp_path).labels[5].any()
    assert not later.waiting, "nothing is looked at again before the timer says so"


def test_done_during_a_save_waits_for_it_and_saves_what_came_after(annotation, tmp_path):
    later = Later()
    presenter, _, _ = begun(annotation, later)
    paint(annotation, 4)
    presenter.look()
    later.do()
    presenter.look()
    over = []
    presenter.finish(lambda: over.append(True))
    work, then, _failed = later.waiting.pop()
    result = work()
    paint(annotation, 5)
    then(result)

    while later.waiting:
        later.do()

    assert over == [True]
    assert saved(tmp_path).labels[5].any()


def test_done_during_a_save_is_heard_though_something_else_is_wanted_before_it_ends(annotation, tmp_path):
    later, over = Later(), []
    presenter, _, _ = begun(annotation, later)
    paint(annotation, 4)
    presenter.look()

    presenter.finish(lambda: over.append("done"))
    presenter.put_away(lambda: over.append("another dataset"))
    while later.waiting:
        later.do()

    assert over == ["done", "another dataset"]
    assert saved(tmp_path).labels[4].any()


def test_done_comes_before_what_was_wanted_earlier(annotation):
    later, over = Later(), []
    presenter, _, _ = begun(annotation, later)
    paint(annotation, 4)

    presenter.put_away(lambda: over.append("another dataset"))
    presenter.finish(lambda: over.append("done"))
    while later.waiting:
        later.do()

    assert over == ["done", "another dataset"]


def test_what_is_painted_is_saved_at_once_when_the_window_closes(annotation, tmp_path):
    presenter, _, _ = begun(annotation, Later())
    paint(annotation, 5)

    assert presenter.save_now() is None

    assert saved(tmp_path).labels[5].any()


def test_a_slow_save_under_way_does_not_overwrite_the_one_at_closing(annotation, tmp_path, monkeypatch):
    presenter, _, _ = begun(annotation, in_a_thread)
    has_begun, go_on = threading.Event(), threading.Event()

    def slow(dataset, case, mask):
        if not has_begun.is_set():
            has_begun.set()
            go_on.wait(0.5)  # without a lock, the other save comes meanwhile and sets it
        changed = save_annotation(dataset, case, mask)
        go_on.set()
        return changed

    monkeypatch.setattr("napari_medkd.files.annotating.save_annotation", slow)
    paint(annotation, 4)
    presenter.look()
    assert has_begun.wait(20)
    paint(annotation, 5)

    assert presenter.save_now() is None

    for thread in threading.enumerate():
        if thread.name.endswith("(at_once)"):
            thread.join(20)
    assert saved(tmp_path).labels[5].any()


def test_a_stroke_during_the_last_save_is_saved_as_well(annotation, tmp_path):
    later = Later()
    presenter, _, _ = begun(annotation, later)
    paint(annotation, 4)
    over = []
    presenter.finish(lambda: over.append(True))
    work, then, _failed = later.waiting.pop()
    result = work()
    paint(annotation, 5)
    then(result)

    while later.waiting:
        later.do()

    assert over == [True]
    assert saved(tmp_path).labels[5].any()


def test_a_save_that_fails_at_closing_is_told(annotation, monkeypatch):
    presenter, state, _ = begun(annotation)
    paint(annotation, 5)

    def full(*_):
        raise VolumeProblem("scans", "No space left on the disk.", "Free some.")

    monkeypatch.setattr("napari_medkd.files.annotating.save_annotation", full)

    assert "No space" in presenter.save_now().problem
    assert "No space" in state.problem.problem


def test_whatever_goes_wrong_at_closing_is_told(annotation):
    annotation.dataset = replace(annotation.dataset, name="")  # no manifest can hold it: its model raises
    presenter, state, _ = begun(annotation)
    paint(annotation, 5)

    assert "name" in presenter.save_now().problem

    assert "name" in state.problem.problem


def test_what_could_not_be_saved_is_not_complained_of_once_it_is_taken_back(annotation):
    presenter, state, _ = begun(annotation)
    paint(annotation, 4)
    presenter.look()
    paint(annotation, 4, value=7)
    presenter.look()
    assert "labels [7]" in state.problem.problem

    paint(annotation, 4)
    presenter.look()

    assert state.problem is None
