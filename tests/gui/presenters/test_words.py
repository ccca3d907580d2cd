import pytest

from napari_medkd.gui.presenters.words import count, duration, listed, memory, run_in_short, shown


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (48.2, "48 s"),
        (59.7, "1 min"),
        (60 * 12 + 20, "12 min"),
        (3599, "1 h"),
        (3 * 3600 + 5 * 60, "3 h 5 min"),
        (86399, "1 d"),
        (86400 * 2 + 3600 * 4, "2 d 4 h"),
        (86400 * 3, "3 d"),
    ],
)
def test_a_duration_has_two_units_at_most(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(("size", "words"), [(12, "12 bytes"), (1.4 * 2**30, "1.4 GiB"), (200 * 2**20, "200 MiB")])
def test_a_size_is_said_in_the_unit_that_fits(size, words):
    assert memory(size) == words


def test_a_count_takes_the_plural_and_separates_thousands():
    assert (count(1, "case"), count(24, "case"), count(1401350, "parameter")) == (
        "1 case",
        "24 cases",
        "1,401,350 parameters",
    )


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
