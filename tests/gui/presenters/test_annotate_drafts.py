"""Masks that a student drew, while a person corrects, approves or discards them."""

from dataclasses import replace

import numpy as np
import pytest

from napari_medkd.files.manifest import MANIFEST, open_dataset
from napari_medkd.files.opening import read_mask
from tests.gui.annotating import annotation_on, begun, draft_on, drawn_by_a_student, paint, unpainted
from tests.gui.presenting import Later

pytestmark = pytest.mark.gui


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


def test_a_draft_that_was_approved_is_kept_though_something_else_is_wanted_before_it_is_saved(draft, tmp_path):
    later, over = Later(), []
    presenter, _, _ = begun(draft, later)

    presenter.finish(lambda: over.append("done"))
    presenter.put_away(lambda: over.append("another dataset"))
    while later.waiting:
        later.do()

    assert over == ["done", "another dataset"]
    assert open_dataset(tmp_path).labelled("shapes")


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
    return lambda: then(written), state, session


def test_a_draft_that_is_discarded_while_it_is_saved_leaves_nothing_behind(draft, tmp_path):
    go_on, state, session = saved_and_discarded_meanwhile(draft)
    before = session.dataset
    assert list(tmp_path.rglob("case_0.nii.gz"))

    go_on()

    assert not list(tmp_path.rglob("case_0.nii.gz"))
    assert not open_dataset(tmp_path).labelled("shapes")
    assert session.dataset is before
    assert state.saved == ""


def test_a_discarded_draft_that_cannot_be_taken_back_is_told_and_known(draft, tmp_path):
    go_on, state, session = saved_and_discarded_meanwhile(draft)
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


def test_a_draft_after_a_finished_painting_waits_for_its_own_done(make_napari_viewer_proxy, tiny_dataset, tmp_path):
    annotation = annotation_on(make_napari_viewer_proxy(), unpainted(tiny_dataset, tmp_path))
    presenter, _, _ = begun(annotation)
    presenter.finish(lambda: None)
    start = drawn_by_a_student(tiny_dataset, "case_1")
    presenter.begin(draft_on(annotation._viewer, annotation.dataset, start, "case_1"))

    presenter.look()

    assert not list(tmp_path.rglob("case_1*"))
