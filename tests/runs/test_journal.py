import sys
import threading

import pytest

from napari_medkd.runs.journal import append_line, cut_torn_line
from tests.full_disk import complaints_on_a_full_disk


def test_lines_are_appended_in_order(tmp_path):
    path = tmp_path / "a.jsonl"

    for line in (b"one\n", b"two\n", b"three\r\n"):
        append_line(path, line)

    assert path.read_bytes() == b"one\ntwo\nthree\r\n"


def test_lines_of_several_writers_do_not_mix(tmp_path):
    path = tmp_path / "a.jsonl"
    lines = [bytes([65 + number]) * 300 + b"\n" for number in range(4)]
    writers = [
        threading.Thread(target=lambda line=line: [append_line(path, line) for _ in range(50)]) for line in lines
    ]

    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    found = path.read_bytes().splitlines(keepends=True)
    assert len(found) == 200
    assert set(found) == set(lines)


@pytest.mark.skipif(sys.platform == "win32", reason="the size limit that stands for a full disk is POSIX")
def test_what_a_full_disk_took_of_a_line_is_cut_off_again(tmp_path):
    path = tmp_path / "a.jsonl"
    script = (
        "from napari_medkd.runs.journal import append_line\n"
        "append_line(path, b'a' * 699 + b'\\n')\n"
        "append_line(path, b'b' * 699 + b'\\n')\n"
    )

    complaints = complaints_on_a_full_disk(script, path, limit_bytes=1000)

    assert "OSError: [Errno 27]" in complaints
    assert path.read_bytes() == b"a" * 699 + b"\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b""),
        (b"one\n", b"one\n"),
        (b"one\ntwo\n", b"one\ntwo\n"),
        (b"one\ntw", b"one\n"),
        (b"on", b""),
        (b"\n", b"\n"),
        (b"one\n" + bytes(200_000), b"one\n"),
        (b"a" * 65536 + b"\n" + b"b" * 65535, b"a" * 65536 + b"\n"),
        (b"a" * 65535 + b"\n" + b"b" * 65536, b"a" * 65535 + b"\n"),
        (b"a" * 200_000, b""),
    ],
)
def test_a_torn_last_line_is_cut_off(tmp_path, before, after):
    path = tmp_path / "a.jsonl"
    path.write_bytes(before)

    assert cut_torn_line(path) == len(after)

    assert path.read_bytes() == after


def test_nothing_is_cut_where_nothing_was_written(tmp_path):
    assert cut_torn_line(tmp_path / "a.jsonl") == 0
    assert list(tmp_path.iterdir()) == []
