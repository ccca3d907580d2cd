"""What all tests of the viewer share."""

import pytest

from tests.pictures import write_pictures


@pytest.fixture(autouse=True)
def nobody_is_asked_at_the_end(request, monkeypatch):
    """Stop what a test left at work, and lose what it left unsaved: its window would ask a person who is not there.

    The tests of the questions themselves are asked.
    """
    if request.path.name != "test_closing.py":
        from napari_medkd.gui.widgets import closing

        monkeypatch.setattr(closing, "ask_at_closing", lambda parent, followers: "stop")
        monkeypatch.setattr(closing, "is_to_be_lost", lambda parent, problem: True)


@pytest.fixture
def viewer(make_napari_viewer_proxy):
    """A viewer as a plugin is given it, in a window that is not shown."""
    return make_napari_viewer_proxy()


@pytest.fixture
def cells(tmp_path):
    """A dataset of small pictures with a task of each kind."""
    return write_pictures(tmp_path / "cells", "cells")


@pytest.fixture
def spots(tmp_path):
    """Another one, of dark pictures and masks alone."""
    return write_pictures(tmp_path / "spots", "spots", dark=True, tasks="m")


@pytest.fixture
def scans(tiny_dataset, tmp_path):
    """The tiny dataset with one mask, which is the reference."""
    from tests.gui.asked_run import scans_with_one_reference

    return scans_with_one_reference(tiny_dataset, tmp_path / "scans")


@pytest.fixture
def run(tmp_path, tiny_dataset):
    """A finished run on the tiny dataset."""
    from tests.gui.answering_run import make_run

    return make_run(tmp_path / "runs", tiny_dataset)
