import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from napari_medkd.core.errors import InputProblem
from napari_medkd.files import downloading
from napari_medkd.files.downloading import download
from tests.full_disk import complaints_on_a_full_disk
from tests.loopback_server import Server, serving
from tests.published import sum_of

CONTENT = os.urandom(1_000_000)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that has the content under ``/a``."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as started:
        started.files["/a"] = CONTENT
        yield started


def downloaded(
    server: Server, folder: Path, checksum: str = sum_of(CONTENT), name: str = "/a"
) -> list[tuple[int, int]]:
    """Download it to ``a`` in the folder, and return what the progress was told."""
    told: list[tuple[int, int]] = []
    download(f"{server.address}{name}", checksum, folder / "a", lambda done, total: told.append((done, total or 0)))
    return told


def refused(server: Server, folder: Path, **options: str) -> str:
    with pytest.raises(InputProblem) as caught:
        downloaded(server, folder, **options)
    return str(caught.value)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_comes_whole_and_the_progress_is_told(tmp_path: Path, server: Server):
    told = downloaded(server, tmp_path)

    assert (tmp_path / "a").read_bytes() == CONTENT
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert names_in(tmp_path) == ["a"]


def test_what_is_there_is_not_downloaded_again(tmp_path: Path, server: Server):
    (tmp_path / "a").write_bytes(CONTENT)

    downloaded(server, tmp_path)

    assert server.asked == []


def test_a_connection_that_breaks_is_gone_on_with(tmp_path: Path, server: Server):
    server.breaks_after = 6 * 2**16

    downloaded(server, tmp_path)

    assert (tmp_path / "a").read_bytes() == CONTENT
    assert server.asked == ["", "bytes=393216-", "bytes=786432-"]


def test_a_server_that_sends_no_parts_is_asked_for_the_whole_again(tmp_path: Path, server: Server):
    (tmp_path / "a.part").write_bytes(CONTENT[:300_000])
    server.sends_parts = False

    downloaded(server, tmp_path)

    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_server_that_always_breaks_off_at_one_place_is_given_up(tmp_path: Path, server: Server):
    server.sends_parts, server.breaks_after = False, 8 * 2**16

    assert "broke off; 0.5 MiB have come" in refused(server, tmp_path)
    assert len(server.asked) == 2


def test_what_came_before_the_server_was_gone_is_kept_for_the_next_try(tmp_path: Path):
    with serving() as first:
        first.files["/a"], first.breaks_after, first.sends_parts = CONTENT, 9 * 2**16, False
        refused(first, tmp_path)
    said = refused(first, tmp_path)
    with serving() as second:
        second.files["/a"] = CONTENT
        told = downloaded(second, tmp_path)

    assert "0.6 MiB have come and are kept. Check the connection. Give the same command again" in said
    assert second.asked == ["bytes=589824-"]
    assert told[0] == (589_824, len(CONTENT))
    assert (tmp_path / "a").read_bytes() == CONTENT


@pytest.mark.parametrize(("there", "asked"), [(CONTENT, 1), (CONTENT + b"more", 2)])
def test_a_part_that_is_whole_or_too_long_needs_no_person(tmp_path: Path, server: Server, there: bytes, asked: int):
    (tmp_path / "a.part").write_bytes(there)

    downloaded(server, tmp_path)

    assert (tmp_path / "a").read_bytes() == CONTENT
    assert len(server.asked) == asked


def test_another_checksum_is_told_and_nothing_kept(tmp_path: Path, server: Server):
    said = refused(server, tmp_path, checksum=sum_of(b"other"))

    assert f"{server.address}/a: What was downloaded has not the published checksum" in said
    assert names_in(tmp_path) == []


def test_a_part_of_another_file_is_thrown_away_and_the_next_try_begins_anew(tmp_path: Path, server: Server):
    (tmp_path / "a.part").write_bytes(b"x" * 1000)

    assert "checksum" in refused(server, tmp_path)
    downloaded(server, tmp_path)

    assert (tmp_path / "a").read_bytes() == CONTENT


def test_what_the_server_has_not_is_told(tmp_path: Path, server: Server):
    assert "The server refuses: 404 Client Error: Not Found" in refused(server, tmp_path, name="/b")
    assert names_in(tmp_path) == []


def test_a_server_that_falls_silent_is_told(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(downloading, "_SECONDS_OF_SILENCE", 0.2)
    server.seconds_between, server.sends_parts = 0.5, False

    said = refused(server, tmp_path)

    assert "The server cannot be reached, or broke off" in said


def test_a_server_that_is_not_there_is_told(tmp_path: Path):
    with serving() as gone:
        pass

    assert "The server cannot be reached" in refused(gone, tmp_path)
    assert names_in(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="limits of files are POSIX")
def test_a_full_disk_is_told_and_what_came_is_kept(tmp_path: Path, server: Server):
    script = f"""
from napari_medkd.files.downloading import download
download({server.address + "/a"!r}, {sum_of(CONTENT)!r}, path / "a", lambda done, total: None)
"""

    said = complaints_on_a_full_disk(script, tmp_path, 300_000)

    assert "The download cannot be written (File too large). Free some space" in said
    assert (tmp_path / "a.part").read_bytes() == CONTENT[:300_000]
