import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_medkd.files.plain_name import distinct_name, plain_name, readable_name

ALLOWED = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_becomes_one_part_of_a_path(name):
    for made in (plain_name(name), distinct_name(name)):
        assert set(made) <= ALLOWED
        assert made.strip(".") == made
        assert 0 < len(made) <= 110


def test_a_name_that_is_plain_stays():
    assert plain_name("liver_012.a-b") == "liver_012.a-b"


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "..", "", "a/b", "C:\\x", "scan 12:30", "Müller"])
def test_one_that_is_not_gets_a_piece_of_a_hash(name):
    assert plain_name(name) == distinct_name(name)


def test_names_that_would_look_alike_stay_apart():
    assert len({plain_name(name) for name in ("a/b", "a_b", "a:b", "a b")}) == 4


@pytest.mark.parametrize(
    ("words", "made"),
    [("liver: best of all", "liver-best-of-all"), ("Müller_1.5+2", "Müller_1.5+2"), ("../x/", "x"), ("::", "")],
)
def test_words_stay_readable(words, made):
    assert readable_name(words) == made
