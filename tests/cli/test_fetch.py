import json
import os
import signal
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.cli.commands import finish, run, start, wait_until
from tests.cli.conftest import Medkd
from tests.loopback_server import Server, serving
from tests.published import decathlon_tar, publish, sum_of

CONTENT = os.urandom(5_000_000)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server with a set of MedMNIST and one of the Decathlon, packages that publish them, and an empty folder."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    packages, place = tmp_path / "packages", tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(packages)
    monkeypatch.delitem(sys.modules, "monai", raising=False)
    with serving() as started:
        archive = decathlon_tar()
        started.files |= {"/a": archive, "/b": CONTENT}
        publish(packages, medmnist={"url": f"{started.address}/b", "MD5": sum_of(CONTENT)[4:]})
        publish(packages, monai={"Task01_A": (f"{started.address}/a", sum_of(archive)[4:])})
        yield started


def test_the_sets_are_listed_with_their_licences(medkd: Medkd, server: Server):
    answer = medkd("fetch")

    assert answer.code == 0
    assert answer.out.splitlines()[2:] == ["Task01_A     CC BY-SA 4.0  monai", "breastmnist  CC BY 4.0     medmnist"]
    assert json.loads(medkd("fetch", "--json").out)[1] == {
        "name": "breastmnist",
        "licence": "CC BY 4.0",
        "package": "medmnist",
        "address": f"{server.address}/b",
        "checksum": sum_of(CONTENT),
    }


def test_nothing_is_asked_for_before_the_licence_is_accepted(tmp_path: Path, medkd: Medkd, server: Server):
    answer = medkd("fetch", "Task01_A")

    assert answer.code == 2
    assert "Its licence is CC BY-SA 4.0." in answer.err
    assert "--accept-licence" in answer.err
    assert server.asked == []
    assert list((tmp_path / "here").iterdir()) == []


def test_a_fetched_archive_is_a_dataset_without_problems(medkd: Medkd, server: Server):
    answer = medkd("fetch", "task01_a", "--accept-licence")

    assert (answer.code, answer.out) == (0, "Task01_A\n")
    assert "is put into Task01_A." in answer.err
    assert "Task01_A: 0.0 of 0.0 MiB" in answer.err
    assert "1 files that are no part of a dataset were left out" in answer.err
    assert medkd("check", "Task01_A").code == 0


def test_json_says_where_it_is(medkd: Medkd, server: Server):
    answer = medkd("fetch", "breastmnist", "sets/breast", "--accept-licence", "--json")

    assert json.loads(answer.out) == {
        "name": "breastmnist",
        "folder": "sets/breast",
        "licence": "CC BY 4.0",
        "left_out": [],
    }
    assert Path("sets/breast/breastmnist.npz").read_bytes() == CONTENT


def test_a_set_that_has_changed_is_refused(medkd: Medkd, server: Server):
    server.files["/b"] = CONTENT + b"more"

    answer = medkd("fetch", "breastmnist", "--accept-licence")

    assert answer.code == 2
    assert "published checksum" in answer.err
    assert not Path("breastmnist").exists()


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals there")
@pytest.mark.process
def test_on_a_terminal_the_licence_is_asked_for(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "packages"), *sys.path]))
    said = []
    for answer in (b"n\n", b"y\n"):
        terminal, other_end = os.openpty()
        os.write(terminal, answer)
        child = start("fetch", "breastmnist", "out", stdin=other_end)
        said.append(finish(child))
        os.close(other_end)
        os.close(terminal)

    assert [code for code, _, _ in said] == [2, 0]
    assert "Do you accept it? [y/N]" in said[0][2]
    assert server.asked == [""]
    assert (tmp_path / "here" / "out" / "breastmnist.npz").read_bytes() == CONTENT


@pytest.mark.process
@pytest.mark.skipif(os.name == "nt", reason="there is no Ctrl-C for a child there")
def test_an_interrupted_download_is_gone_on_with(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path / "packages"), *sys.path]))
    server.seconds_between = 0.05  # half a minute in all
    part = tmp_path / "here" / ".out.fetch" / "breastmnist.npz.part"
    # Where the tests run in the background, a child would not hear of Ctrl-C.
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    child = start("fetch", "breastmnist", "out", "--accept-licence", preexec_fn=hears)
    wait_until(lambda: part.exists() and part.stat().st_size > 0, child)

    child.send_signal(signal.SIGINT)
    code, _, err = finish(child)
    server.seconds_between = 0.0
    have = part.stat().st_size
    again = run("fetch", "breastmnist", "out", "--accept-licence")

    assert code == 2
    assert "It was interrupted; what has been downloaded is kept." in err
    assert "Traceback" not in err
    assert again[0] == 0, again[2]
    assert server.asked == ["", f"bytes={have}-"]
    assert (tmp_path / "here" / "out" / "breastmnist.npz").read_bytes() == CONTENT
