import pytest

from napari_medkd.gui.presenters.words import listed, run_in_short, shown


def test_a_long_list_is_shortened():
    assert listed(["a", "b", "c"]) == "a, b, c"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b and 3 more"


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "automatic"),
        (True, "on"),
        (False, "off"),
        (0.001, "0.001"),
        ((16, 32), "16, 32"),
        ("", "empty"),
        (3, "3"),
    ],
)
def test_a_setting_is_shown_as_a_person_writes_it(value, words):
    assert shown(value) == words


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("2026-11-21_0950_shape-intensity_liver", "11-21 09:50 · liver · shape-intensity"),
        ("2026-11-21_0950_shape-intensity_liver_at_night-2", "11-21 09:50 · liver_at_night-2 · shape-intensity"),
        ("2026-11-21_0950_supervised", "11-21 09:50 · supervised"),
        ("my own name", "my own name"),
    ],
)
def test_a_runs_name_begins_with_what_tells_runs_apart(name, words):
    assert run_in_short(name) == words
