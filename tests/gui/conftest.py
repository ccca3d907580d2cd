"""What all tests of the viewer share."""

import pytest


@pytest.fixture(autouse=True)
def nobody_is_asked_at_the_end(request, monkeypatch):
    """Stop what a failed test left at work: its window would ask a person who is not there, for ever.

    The tests of the question itself are asked.
    """
    if request.path.name != "test_closing.py":
        from napari_medkd.gui.widgets import closing

        monkeypatch.setattr(closing, "ask_at_closing", lambda parent, followers: "stop")
