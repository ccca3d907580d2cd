import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_medkd.core.errors import RunProblem
from napari_medkd.runs.tail import Tail


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_only_new_whole_lines_are_given_out(tmp_path):
    path = tmp_path / "a.jsonl"
    tail = Tail(path)

    seen = [tail.lines()]
    for text in (b"one\ntwo\nthr", b"ee", b"", b"\nfour\n"):
        append(path, text)
        seen.append(tail.lines())

    assert seen == [[], [b"one", b"two"], [], [], [b"three", b"four"]]
    assert tail.restarts == 0


@given(st.lists(st.binary(max_size=30), max_size=12), st.one_of(st.none(), st.integers(1, 40)))
def test_however_a_file_grows_and_is_read_every_line_is_given_out_once(pieces, at_most_bytes):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jsonl"
        tail, seen = Tail(path), []
        for piece in pieces:
            append(path, piece)
            seen += tail.lines(at_most_bytes)
        while lines := tail.lines(at_most_bytes):
            seen += lines

        assert seen == b"".join(pieces).split(b"\n")[:-1]
        assert tail.is_at_end
        assert tail.restarts == 0


def test_a_long_file_is_read_in_pieces(tmp_path):
    path = tmp_path / "a.jsonl"
    append(path, b"12345678\n" * 10)
    tail = Tail(path)

    sizes = []
    while lines := tail.lines(at_most_bytes=27):
        sizes.append((len(lines), tail.is_at_end))

    assert sizes == [(4, False), (4, False), (2, True)]


def test_a_line_longer_than_a_piece_is_read_whole(tmp_path):
    path = tmp_path / "a.jsonl"
    append(path, b"a" * 1000 + b"\nb\n")

    tail = Tail(path)

    assert tail.lines(at_most_bytes=10) == [b"a" * 1000]
    assert tail.lines(at_most_bytes=10) == [b"b"]


def test_a_cut_file_is_read_from_its_beginning_again(tmp_path):
    path = tmp_path / "a.jsonl"
    append(path, b"one\ntwo\n")
    tail = Tail(path)
    tail.lines()

    path.write_bytes(b"")
    assert tail.lines() == []
    append(path, b"three\n")

    assert tail.lines() == [b"three"]
    assert tail.restarts == 1


def test_a_file_cut_and_grown_beyond_what_was_read_is_noticed(tmp_path):
    path = tmp_path / "a.jsonl"
    append(path, b"one\ntwo\n")
    tail = Tail(path)
    tail.lines()

    path.write_bytes(b"three\nfour\nfive\n")

    assert tail.lines() == [b"three", b"four", b"five"]
    assert tail.restarts == 1


def test_a_replaced_file_is_read_from_its_beginning(tmp_path):
    path, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    append(path, b"one\n")
    tail = Tail(path)
    tail.lines()

    append(other, b"uno\ndos\n")
    other.replace(path)

    assert tail.lines() == [b"uno", b"dos"]
    assert tail.restarts == 1


def test_a_torn_line_cut_by_the_next_attempt_is_never_seen(tmp_path):
    path = tmp_path / "a.jsonl"
    append(path, b"one\ntor")
    tail = Tail(path)
    first = tail.lines()

    with path.open("r+b") as file:
        file.truncate(4)
    append(path, b"two\n")

    assert first + tail.lines() == [b"one", b"two"]
    assert tail.restarts == 0


def test_a_file_that_disappears_and_comes_back_is_read_anew(tmp_path):
    path = tmp_path / "a.jsonl"
    append(path, b"one\n")
    tail = Tail(path)
    tail.lines()

    path.unlink()
    gone = tail.lines()
    append(path, b"one\n")

    assert (gone, tail.lines()) == ([], [b"one"])
    assert tail.restarts == 1


def test_a_file_of_the_same_size_written_later_is_noticed(tmp_path):
    path = tmp_path / "a.jsonl"
    append(path, b"one\n")
    tail = Tail(path)
    tail.lines()

    path.write_bytes(b"two\n")
    os.utime(path, ns=(1, 1))

    assert tail.lines() == [b"two"]


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.mkdir()

    with pytest.raises(RunProblem, match=r"a\.jsonl: The file cannot be read"):
        Tail(path).lines()
