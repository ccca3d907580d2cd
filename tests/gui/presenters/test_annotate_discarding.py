"""What was painted on a case without a mask of its own, and is taken back again."""

import pytest

from napari_medkd.files.manifest import MANIFEST, open_dataset
from tests.gui.annotating import annotation_on, begun, draft_on, drawn_by_a_student, paint, unpainted
from tests.gui.presenting import Later

pytestmark = pytest.mark.gui


@pytest.fixture
def annotation(make_napari_viewer_proxy, tiny_dataset, tmp_path):
    return annotation_on(make_napari_viewer_proxy(), unpainted(tiny_dataset, tmp_path))


def is_as_before(session, folder):
    """Whether neither the folder nor the session knows a mask of the case."""
    datasets = [session.dataset, open_dataset(folder)]
    return not list(folder.rglob("case_0.nii.gz")) and not any(one.cases[0].annotations for one in datasets)


def test_what_was_saved_is_taken_back(annotation, tmp_path):
    presenter, state, session = begun(annotation)
    for z in (4, 5):
        paint(annotation, z)
        presenter.look()
    assert presenter.can_be_discarded
    assert presenter.has_work

    presenter.discard()

    assert is_as_before(session, tmp_path)
    assert session.dataset.split.train == ()
    assert session.dataset_path == tmp_path / MANIFEST
    assert not annotation.is_there
    assert (presenter.annotation, state.painted) == (None, None)


def test_a_draft_that_was_changed_and_saved_is_taken_back(make_napari_viewer_proxy, tiny_dataset, tmp_path):
    start = drawn_by_a_student(tiny_dataset)
    draft = draft_on(make_napari_viewer_proxy(), unpainted(tiny_dataset, tmp_path), start)
    presenter, _, session = begun(draft)
    assert not presenter.has_work
    paint(draft, 20)
    presenter.look()

    presenter.discard()

    assert is_as_before(session, tmp_path)


@pytest.mark.parametrize("is_broken", [False, True])
def test_earlier_saves_are_taken_back_though_another_is_under_way(annotation, tmp_path, monkeypatch, is_broken):
    later = Later()
    presenter, _, session = begun(annotation, later)
    paint(annotation, 4)
    presenter.look()
    later.do()
    if is_broken:
        paint(annotation, 5, value=7)
    presenter.look()

    presenter.discard()
    later.do()

    assert is_as_before(session, tmp_path)


def test_what_was_saved_because_the_window_was_to_close_is_taken_back(annotation, tmp_path):
    presenter, _, session = begun(annotation, Later())
    paint(annotation, 4)
    presenter.save_now()

    presenter.discard()

    assert is_as_before(session, tmp_path)


def test_what_cannot_be_taken_back_is_told_and_painting_goes_on(annotation, tmp_path):
    presenter, state, session = begun(annotation)
    paint(annotation, 4)
    presenter.look()
    (tmp_path / MANIFEST).write_text("[]")  # somebody else's file by now

    presenter.discard()
    presenter.look()

    assert "no manifest of this program" in state.problem.problem
    assert presenter.annotation is annotation
    assert annotation.is_there
    assert session.dataset.labelled("structures")


def test_a_mask_that_a_case_came_with_is_not_discarded(make_napari_viewer_proxy, tiny_dataset):
    dataset = open_dataset(tiny_dataset)
    annotation = annotation_on(make_napari_viewer_proxy(), dataset, task=dataset.task("shapes"))
    presenter, _, _ = begun(annotation)

    presenter.discard()

    assert not presenter.can_be_discarded
    assert presenter.annotation is annotation
    assert annotation.is_there
