import pytest

from napari_medkd.core.words import count, count_or_no, duration, memory


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


def test_nothing_is_counted_as_no_thing():
    assert [count_or_no(number, "problem") for number in (0, 1, 2)] == ["no problem", "1 problem", "2 problems"]
