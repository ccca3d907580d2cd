import threading
from dataclasses import replace

import numpy as np
import pytest

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.annotating import save_annotation
from napari_medkd.files.manifest import MANIFEST, open_dataset
from napari_medkd.files.opening import read_mask
from napari_medkd.gui.presenters.annotate import AnnotatePresenter
from napari_medkd.gui.state import AnnotateState, Session
from tests.gui.annotating import annotation_on, draft_on, drawn_by_a_student, paint, unpainted
from tests.gui.presenting import Later, at_once, in_a_thread

pytestmark = pytest.mark.gui


@pytest.fixture
def annotation(make_napari_viewer_proxy, tiny_dataset, tmp_path):
    return annotation_on(make_napari_viewer_proxy(), unpainted(tiny_dataset, tmp_path))


def begun(annotation, in_background=at_once):
    state, session = AnnotateState(), Session(dataset=annotation.dataset)
    presenter = AnnotatePresenter(session, state, in_background)
    presenter.begin(annotation)
    return presenter, state, session


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


def test_a_layer_that_is_taken_away_ends_painting(annotation):
    presenter, state, _ = begun(annotation)
    annotation._viewer.layers.remove(annotation.layer)

    presenter.look()

    assert presenter.annotation is None
    assert state.painted is None


def test_what_is_painted_is_saved_at_once_when_the_window_closes(annotation, tmp_path):
    presenter, _, _ = begun(annotation, Later())
    paint(annotation, 5)

    assert presenter.save_now()

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

    assert presenter.save_now()

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

    assert not presenter.save_now()
    assert "No space" in state.problem.problem


def test_whatever_goes_wrong_at_closing_is_told(annotation):
    annotation.dataset = replace(annotation.dataset, name="")  # no manifest can hold it: its model raises
    presenter, state, _ = begun(annotation)
    paint(annotation, 5)

    assert not presenter.save_now()

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


@pytest.fixture
def draft(make_napari_viewer_proxy, tiny_dataset, tmp_path):
    start = drawn_by_a_student(tiny_dataset)
    return draft_on(make_napari_viewer_proxy(), unpainted(tiny_dataset, tmp_path), start)


def test_a_draft_that_nobody_has_changed_is_not_saved_while_it_stands(draft, tmp_path):
    presenter, state, session = begun(draft)

    presenter.look()
    presenter.look()

    assert list(tmp_path.iterdir()) == []
    assert state.saved == ""
    assert session.dataset.cases[0].annotations == {}
    assert "what the student drew" in presenter.hint()


def test_a_draft_whose_classes_were_renamed_says_how(make_napari_viewer_proxy, tiny_dataset, tmp_path):
    start = drawn_by_a_student(tiny_dataset)
    renamed = replace(start.task, classes=("background", "ball", "box"))
    dataset = replace(unpainted(tiny_dataset, tmp_path), tasks={"shapes": renamed})
    presenter, _, _ = begun(draft_on(make_napari_viewer_proxy(), dataset, start))

    assert "Its cube is box here: press Discard if these are not the same." in presenter.hint()
    presenter.finish(lambda: None)

    assert open_dataset(tmp_path).task("shapes").classes == ("background", "ball", "box")


def test_done_saves_a_draft_as_it_is(draft, tmp_path):
    presenter, _, session = begun(draft)
    over = []

    presenter.finish(lambda: over.append(True))

    assert over == [True]
    dataset = open_dataset(tmp_path)
    stored = read_mask(dataset.case("case_0").annotations["shapes"], dataset.task("shapes"))
    assert np.array_equal(stored.labels, draft.snapshot().labels)
    assert session.dataset.labelled("shapes")


def test_a_corrected_draft_is_saved_like_any_painting(draft, tmp_path):
    presenter, state, _ = begun(draft)
    paint(draft, 20)

    presenter.look()

    assert state.saved
    assert not presenter.is_draft
    assert open_dataset(tmp_path).labelled("shapes")


def test_a_discarded_draft_leaves_nothing_behind(draft, tmp_path):
    presenter, state, _ = begun(draft)

    presenter.discard()

    assert not draft.is_there
    assert presenter.annotation is None
    assert state.painted is None
    assert list(tmp_path.iterdir()) == []


def saved_and_discarded_meanwhile(draft):
    """Touch a draft, and discard it when its save has written everything and nobody has heard of it yet."""
    later = Later()
    presenter, state, session = begun(draft, later)
    paint(draft, 20)
    presenter.look()
    work, then, _failed = later.waiting.pop()
    written = work()
    presenter.discard()
    return lambda: then(written), presenter, state, session


def test_a_draft_that_is_discarded_while_it_is_saved_leaves_nothing_behind(draft, tmp_path):
    go_on, presenter, state, session = saved_and_discarded_meanwhile(draft)
    before = session.dataset
    assert list(tmp_path.rglob("case_0.nii.gz"))

    go_on()

    assert not list(tmp_path.rglob("case_0.nii.gz"))
    assert not open_dataset(tmp_path).labelled("shapes")
    assert session.dataset is before
    assert state.saved == ""


def test_a_discarded_draft_that_cannot_be_taken_back_is_told_and_known(draft, tmp_path):
    go_on, _, state, session = saved_and_discarded_meanwhile(draft)
    (tmp_path / MANIFEST).write_text("[]")  # somebody else's file by now

    go_on()

    assert "no manifest of this program" in state.problem.problem
    assert session.dataset.labelled("shapes")


def test_a_discarded_draft_whose_save_fails_is_not_told_to_the_next_painting(draft, tmp_path):
    later = Later()
    presenter, state, _ = begun(draft, later)
    paint(draft, 20)
    presenter.look()
    presenter.discard()
    file = tmp_path / "file"
    file.write_text("")
    draft.dataset = replace(draft.dataset, folder=file)

    later.do()

    assert state.problem is None


def test_a_draft_that_could_not_be_saved_is_not_saved_later_without_being_asked(draft, tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    folder, draft.dataset = draft.dataset, replace(draft.dataset, folder=file)
    presenter, _, _ = begun(draft)
    presenter.finish(lambda: None)
    draft.dataset = folder

    presenter.look()

    assert not list(tmp_path.rglob("*.nii.gz"))


def test_a_draft_with_a_label_of_no_class_is_not_put_away_but_told(draft):
    presenter, state, _ = begun(draft)
    paint(draft, 4, value=7)
    over = []

    presenter.put_away(lambda: over.append(True))

    assert "labels [7]" in state.problem.problem
    assert over == []


def test_a_draft_after_a_finished_painting_waits_for_its_own_done(annotation, tiny_dataset, tmp_path):
    presenter, _, _ = begun(annotation)
    presenter.finish(lambda: None)
    start = drawn_by_a_student(tiny_dataset, "case_1")
    presenter.begin(draft_on(annotation._viewer, annotation.dataset, start, "case_1"))

    presenter.look()

    assert not list(tmp_path.rglob("case_1*"))
