"""What all tests of the viewer share."""

import pytest


@pytest.fixture(autouse=True)
def nobody_is_asked_at_the_end(request, monkeypatch):
    """Stop what a test left at work, and lose what it left unsaved: its window would ask a person who is not there.

    The tests of the questions themselves are asked.
    """
    if request.path.name != "test_closing.py":
        from napari_medkd.gui.widgets import closing

        monkeypatch.setattr(closing, "ask_at_closing", lambda parent, followers: "stop")
        monkeypatch.setattr(closing, "is_to_be_lost", lambda parent, problem: True)
