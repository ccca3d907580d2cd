import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from napari_medkd.core.errors import InputProblem
from napari_medkd.files.fetching import fetch
from napari_medkd.files.manifest import open_dataset, problems_of_dataset
from napari_medkd.files.public_sets import PublicSet
from tests.full_disk import complaints_on_a_full_disk
from tests.loopback_server import Server, serving
from tests.published import decathlon_tar, sum_of


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as started:
        yield started


def offered(server: Server, content: bytes, suffix: str = ".tar") -> PublicSet:
    server.files["/a"] = content
    return PublicSet("Task01_A", f"{server.address}/a", sum_of(content), "CC BY-SA 4.0", "monai", suffix)


def names_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def unheard(done: int, total: int | None) -> None:
    """Tell nobody."""


def test_an_archive_becomes_a_dataset_that_can_be_opened(tmp_path: Path, server: Server):
    left_out = fetch(offered(server, decathlon_tar()), tmp_path / "sets" / "a", unheard)

    dataset = open_dataset(tmp_path / "sets" / "a")
    assert problems_of_dataset(dataset, read_images=True) == []
    assert dataset.task("segmentation").classes == ("background", "heart")
    assert left_out == ["./Task01_A/imagesTr/._a.nii"]
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["a"]


def test_a_file_that_is_no_archive_is_put_there_as_it_is(tmp_path: Path, server: Server):
    fetch(offered(server, b"content", ".npz"), tmp_path / "a", unheard)

    assert names_in(tmp_path) == ["a", "a/Task01_A.npz"]


def test_an_empty_folder_is_filled_and_another_left_alone(tmp_path: Path, server: Server):
    wanted = offered(server, decathlon_tar())
    (tmp_path / "a").mkdir()
    fetch(wanted, tmp_path / "a", unheard)
    before = names_in(tmp_path)

    with pytest.raises(InputProblem, match="holds files already"):
        fetch(wanted, tmp_path / "a", unheard)

    assert names_in(tmp_path) == before
    assert len(server.asked) == 1


def test_the_folder_that_one_is_in_is_filled(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")

    fetch(offered(server, decathlon_tar()), Path(), unheard)

    assert len(open_dataset(Path.cwd()).cases) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_an_archive_that_would_write_elsewhere_leaves_nothing(tmp_path: Path, server: Server):
    content = decathlon_tar(**{"../../../out.json": b"{}"})

    with pytest.raises(InputProblem, match="leaves the folder"):
        fetch(offered(server, content), tmp_path / "b" / "a", unheard)

    assert names_in(tmp_path) == ["b"]


def test_what_came_before_the_server_was_gone_is_used_by_the_next_try(tmp_path: Path, server: Server):
    content = decathlon_tar(**{"more.json": os.urandom(200_000)})
    server.sends_parts, server.breaks_after = False, 2**17
    wanted = offered(server, content)
    with pytest.raises(InputProblem, match="kept"):
        fetch(wanted, tmp_path / "a", unheard)
    left = names_in(tmp_path)
    server.sends_parts, server.breaks_after = True, None
    server.asked.clear()

    fetch(wanted, tmp_path / "a", unheard)

    assert left == [".a.fetch", ".a.fetch/Task01_A.tar.part"]
    assert server.asked == [f"bytes={2**17}-"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_a_killed_command_had_unpacked_is_taken_away(tmp_path: Path, server: Server):
    (tmp_path / ".a.fetch" / "unpacked" / "half").mkdir(parents=True)

    fetch(offered(server, decathlon_tar()), tmp_path / "a", unheard)

    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert not (tmp_path / "a" / "half").exists()


@pytest.mark.skipif(os.name == "nt", reason="limits of files are POSIX")
def test_a_disk_that_is_full_while_unpacking_keeps_the_download_alone(tmp_path: Path, server: Server):
    wanted = offered(server, decathlon_tar(**{"more.json": bytes(400_000)}))
    (tmp_path / ".a.fetch").mkdir()
    (tmp_path / ".a.fetch" / "Task01_A.tar").write_bytes(server.files["/a"])
    script = f"""
from napari_medkd.files.fetching import fetch
from napari_medkd.files.public_sets import PublicSet
fetch({wanted!r}, path / "a", lambda done, total: None)
"""

    said = complaints_on_a_full_disk(script, tmp_path, 300_000)

    assert "It cannot be unpacked (File too large). Free some space" in said
    assert names_in(tmp_path) == [".a.fetch", ".a.fetch/Task01_A.tar"]
    assert server.asked == []
