"""Archives made to do harm, and such as datasets come in."""

import gzip
import io
import os
import random
import signal
import stat
import tarfile
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_medkd.core.errors import InputProblem
from napari_medkd.files.archive_members import Bounds
from napari_medkd.files.archives import unpack
from tests.full_disk import complaints_on_a_full_disk

Files = dict[str, bytes]
IMAGE, DOCUMENT = os.urandom(3000), b"{}"
GOOD: Files = {"Task/imagesTr/a.nii.gz": IMAGE, "Task/dataset.json": DOCUMENT, "Task/LICENSE": b"CC"}


def zipped(path: Path, files: Files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, files: Files, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def tarred_and_compressed(path: Path, files: Files) -> Path:
    return tarred(path, files, "w:gz")


MAKERS = [zipped, tarred, tarred_and_compressed]
every_kind = pytest.mark.parametrize("make", MAKERS)
Make = Callable[[Path, Files], Path]


def contents(folder: Path) -> Files:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def refused(archive: Path, bounds: Bounds | None = None) -> str:
    """Unpack into a folder that must not be there afterwards, beside nothing new, and return what was said."""
    into, before = archive.parent / "into", sorted(archive.parent.parent.rglob("*"))

    with pytest.raises(InputProblem) as caught:
        unpack(archive, into, bounds)

    assert sorted(archive.parent.parent.rglob("*")) == before
    return str(caught.value)


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A folder two levels down, above which nothing may appear."""
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    return folder


@every_kind
def test_what_a_dataset_needs_is_unpacked(inside: Path, make: Make):
    left_out = unpack(make(inside / "x", GOOD), inside / "into")

    assert contents(inside / "into") == GOOD
    assert left_out == []


@every_kind
def test_what_a_dataset_does_not_need_is_left_out_and_told(inside: Path, make: Make):
    others = {"Task/._a.nii.gz": b"x", "Task/run.exe": b"x", "__MACOSX/Task/a.json": b"x"}

    left_out = unpack(make(inside / "x", GOOD | others), inside / "into")

    assert contents(inside / "into") == GOOD
    assert sorted(left_out) == sorted(others)


@every_kind
@pytest.mark.parametrize(
    "name",
    [
        "../out.json",
        "Task/../../out.json",
        "/tmp/out.json",
        "a\\..\\..\\out.json",
        "C:/out.json",
        "a.json:stream.json",
        "con.json",
        "Task./a.json",
        "Task /a.json",
        "a\tb.json",
    ],
)
def test_a_name_that_leaves_the_folder_or_means_something_else_is_refused(inside: Path, make: Make, name: str):
    assert "The name of a member" in refused(make(inside / "x", GOOD | {name: b"{}"}))


def test_a_name_that_ends_early_is_refused(inside: Path):
    archive = zipped(inside / "x", {"Task/aXb.json": b"{}"})
    archive.write_bytes(archive.read_bytes().replace(b"aXb", b"a\0b"))

    assert "The name of a member" in refused(archive)


@every_kind
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Task/a.json", "Task/A.json"),
        ("Task/a.json", "TASK/b.json"),
        ("Task/stra\u00dfe.json", "Task/STRASSE.json"),
        ("Task/\u00e9.json", "Task/e\u0301.json"),
        ("Task/a.json", "./Task/a.json"),
        ("Task/a.json", "Task/a.json/b.json"),
        ("Task/a.json/b.json", "Task/a.json"),
    ],
)
def test_names_that_meet_on_some_system_are_refused(inside: Path, make: Make, first: str, second: str):
    assert "name" in refused(make(inside / "x", {first: b"1", second: b"2"}))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (tarfile.SYMTYPE, "link"),
        (tarfile.LNKTYPE, "link"),
        (tarfile.CHRTYPE, "device"),
        (tarfile.BLKTYPE, "device"),
        (tarfile.FIFOTYPE, "device"),
        (tarfile.GNUTYPE_SPARSE, "sparse"),
    ],
)
def test_a_tar_member_that_is_no_file_is_refused(inside: Path, kind: bytes, said: str):
    archive = tarred(inside / "x", GOOD)
    with tarfile.open(archive, "a", format=tarfile.GNU_FORMAT) as opened:
        info = tarfile.TarInfo("Task/b.json")
        info.type, info.linkname = kind, "/etc/passwd"
        opened.addfile(info)

    assert said in refused(archive)


@pytest.mark.parametrize(("mode", "said"), [(stat.S_IFLNK, "link"), (stat.S_IFCHR, "device"), (stat.S_IFIFO, "device")])
def test_a_zip_member_that_is_no_file_is_refused(inside: Path, mode: int, said: str):
    archive = zipped(inside / "x", GOOD)
    with zipfile.ZipFile(archive, "a") as opened:
        info = zipfile.ZipInfo("Task/b.json")
        info.external_attr = (mode | 0o777) << 16
        opened.writestr(info, "/etc/passwd")

    assert said in refused(archive)


def test_a_zip_with_a_password_is_refused(inside: Path):
    archive = zipped(inside / "x", GOOD)
    data = bytearray(archive.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)

    assert "password" in refused(archive)


@every_kind
def test_more_bytes_or_members_than_the_bounds_are_refused(inside: Path, make: Make):
    archive = make(inside / "x", GOOD)

    assert "unpacks to" in refused(archive, Bounds(most_bytes=3000))
    assert "more than 2 files" in refused(archive, Bounds(most_bytes=10_000, most_members=2))


def test_a_bomb_is_refused_within_seconds_and_little_memory(inside: Path):
    zeros, bomb = bytes(2**20), inside / "x"
    with gzip.open(bomb, "wb", 1) as stream:
        info = tarfile.TarInfo("a.nii")
        info.size = 2**40
        stream.write(info.tobuf(tarfile.GNU_FORMAT))
        for _ in range(200):
            stream.write(zeros)
    begin = time.perf_counter()
    tracemalloc.start()

    said = refused(bomb)

    assert "1,048,576 MiB or more; 1,024 at most" in said
    assert time.perf_counter() - begin < 2
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()


def test_a_bomb_behind_the_end_is_refused(inside: Path):
    with gzip.open(inside / "x", "wb", 1) as stream:
        stream.write(tarred(inside / "y", GOOD).read_bytes())
        for _ in range(8):
            stream.write(bytes(2**20))
    (inside / "y").unlink()

    assert "damaged" in refused(inside / "x", Bounds(most_bytes=2**20))


def test_a_bomb_that_says_it_is_small_is_refused(inside: Path):
    archive = zipped(inside / "x", {"a.json": bytes(100_000)})
    data = bytearray(archive.read_bytes())
    for mark, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        start = data.index(mark) + place
        data[start : start + 4] = (10).to_bytes(4, "little")
    archive.write_bytes(data)

    assert "damaged" in refused(archive)


def test_a_header_that_is_a_bomb_is_refused(inside: Path):
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 2**30
    with gzip.open(inside / "x", "wb", 1) as stream:
        stream.write(info.tobuf(tarfile.GNU_FORMAT))
        stream.write(bytes(2**20))

    assert "damaged (1024 MiB at once" in refused(inside / "x")


@every_kind
@pytest.mark.parametrize("share", [0.1, 0.6, 0.97])
def test_half_an_archive_leaves_nothing(inside: Path, make: Make, share: float):
    archive = make(inside / "x", GOOD | {f"Task/{number}.json": os.urandom(2000) for number in range(9)})
    data = archive.read_bytes().rstrip(b"\0")  # a tar archive is filled up to 10 KiB
    archive.write_bytes(data[: int(share * len(data))])

    refused(archive)


def test_a_tar_that_ends_between_two_members_leaves_nothing(inside: Path):
    archive = tarred(inside / "x", GOOD)
    archive.write_bytes(archive.read_bytes()[: 512 + 3072])

    assert "its end is missing" in refused(archive)


@pytest.mark.parametrize("make", [zipped, tarred_and_compressed])
def test_a_byte_that_changed_leaves_nothing(inside: Path, make: Make):
    archive = make(inside / "x", GOOD)
    data = bytearray(archive.read_bytes())
    data[1500] ^= 255
    archive.write_bytes(data)

    assert "damaged" in refused(archive)


@every_kind
def test_damage_of_any_kind_is_told_or_harmless(inside: Path, make: Make):
    whole = make(inside / "x", GOOD | {f"Task/{number}.json": b"[]" * 50 for number in range(5)}).read_bytes()
    chance, refusals = random.Random(6), 0
    for number in range(80):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 3, 30))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        (inside / "x").write_bytes(damaged[: chance.choice((len(damaged), chance.randrange(len(damaged))))])
        try:
            unpack(inside / "x", inside / f"into{number}")
        except InputProblem:
            refusals += 1
            assert not (inside / f"into{number}").exists()

    unpacked = {path.parent for path in inside.glob("into*/*")}
    assert {path.name for path in inside.iterdir()} == {"x", *(path.name for path in unpacked)}
    assert [path.name for path in inside.parent.iterdir()] == ["b"]
    assert refusals > 40


@pytest.mark.parametrize("content", [b"", b"hello", b"\x1f\x8bhello", b"PK\x03\x04hello", b"<html>" * 100])
def test_what_is_no_archive_is_refused(inside: Path, content: bytes):
    (inside / "x").write_bytes(content)

    assert str(inside / "x") in refused(inside / "x")


def test_a_folder_that_is_there_is_left_as_it_is(inside: Path):
    (inside / "into").mkdir()
    (inside / "into" / "mine").write_text("mine")

    with pytest.raises(FileExistsError):
        unpack(zipped(inside / "x", GOOD), inside / "into")

    assert contents(inside / "into") == {"mine": b"mine"}


# It may fall between a file's opening and the block that closes it.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(os.name == "nt", reason="timers are POSIX")
def test_an_interruption_leaves_nothing(inside: Path):
    archive = zipped(inside / "x", {f"{number}.json": b"{}" for number in range(5000)})

    def interrupt(number: int, frame: object) -> None:
        if (inside / "into" / "0.json").exists():
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    try:
        with pytest.raises(KeyboardInterrupt):
            unpack(archive, inside / "into")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert [path.name for path in inside.iterdir()] == ["x"]


@pytest.mark.skipif(os.name == "nt", reason="limits of files are POSIX")
def test_a_full_disk_is_told_and_leaves_nothing(inside: Path):
    zipped(inside / "x", GOOD)
    script = "from napari_medkd.files.archives import unpack\nunpack(path / 'x', path / 'into')"

    said = complaints_on_a_full_disk(script, inside, 1000)

    assert "It cannot be unpacked (File too large). Free some space" in said
    assert [path.name for path in inside.iterdir()] == ["x"]
