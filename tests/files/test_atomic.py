import json
import math
import os
import sys
import threading
from pathlib import Path

import pytest

from napari_medkd.core.errors import InputProblem
from napari_medkd.files.atomic import read_bytes, write_bytes, write_json, write_text
from tests.full_disk import complaints_on_a_full_disk

ON_POSIX = sys.platform != "win32"


def test_a_file_holds_what_was_written(tmp_path):
    write_bytes(tmp_path / "a.bin", b"\x00\r\n")
    write_text(tmp_path / "a.txt", "Größe × 2\n")
    write_json(tmp_path / "a.json", {"name": "é", "spacing": [1.0, 0.5, 0.5]})

    assert (tmp_path / "a.bin").read_bytes() == b"\x00\r\n"
    assert (tmp_path / "a.txt").read_bytes() == "Größe × 2\n".encode()
    assert json.loads((tmp_path / "a.json").read_bytes()) == {"name": "é", "spacing": [1.0, 0.5, 0.5]}


def test_nothing_is_left_beside_the_file(tmp_path):
    write_text(tmp_path / "a.txt", "one")
    write_text(tmp_path / "a.txt", "two")

    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "two"


def test_a_json_document_cannot_hold_numbers_that_other_readers_refuse(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", {"dice": math.nan})

    assert not (tmp_path / "a.json").exists()


def test_a_missing_folder_is_named_with_the_fix(tmp_path):
    with pytest.raises(InputProblem, match=r"nowhere.+cannot be written.+Check the path"):
        write_text(tmp_path / "nowhere" / "a.txt", "")


def test_a_folder_in_the_place_of_the_file_is_left_alone(tmp_path):
    (tmp_path / "a.txt").mkdir()

    with pytest.raises(InputProblem, match=r"a\.txt"):
        write_text(tmp_path / "a.txt", "")

    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.skipif(not ON_POSIX, reason="the size limit that stands for a full disk is POSIX")
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    complaints = complaints_on_a_full_disk(
        "from napari_medkd.files.atomic import write_bytes; write_bytes(path, bytes(5000))", path, limit_bytes=1000
    )

    assert "InputProblem" in complaints
    assert "Free some space" in complaints
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["a.bin"]


@pytest.mark.skipif(not ON_POSIX, reason="permissions are those of POSIX")
def test_a_new_file_has_the_permissions_of_any_other_new_file(tmp_path):
    (tmp_path / "plain.txt").write_text("")

    write_text(tmp_path / "a.txt", "")

    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain.txt").stat().st_mode


def test_a_reader_sees_the_old_or_the_new_content_never_a_part(tmp_path):
    path = tmp_path / "a.bin"
    contents = [bytes([value]) * 200_000 for value in range(2)]
    write_bytes(path, contents[0])
    seen: list[bytes] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(read_bytes(path))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(100):
        write_bytes(path, contents[turn % 2], durable=False)
    done.set()
    reader.join()

    assert seen
    assert all(content in contents for content in seen)


def test_two_writers_at_once_do_not_mix(tmp_path: Path):
    path = tmp_path / "a.bin"
    contents = [bytes([value]) * 50_000 for value in range(4)]

    def write(content: bytes) -> None:
        for _ in range(20):
            write_bytes(path, content, durable=False)

    writers = [threading.Thread(target=write, args=(content,)) for content in contents]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["a.bin"]  # noqa: PTH208
