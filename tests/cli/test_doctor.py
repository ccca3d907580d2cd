import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from napari_medkd.cli import machine
from tests.cli.conftest import Medkd


@pytest.fixture(autouse=True)
def nothing_but_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which neither torch nor Qt is found, so that no child has to import them."""
    found = machine.find_spec
    monkeypatch.setattr(machine, "find_spec", lambda name: None if name in ("torch", "qtpy") else found(name))
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "not" / "yet" / "made"))


def test_what_is_missing_is_told_with_the_line_that_installs_it(medkd: Medkd):
    answer = medkd("doctor")

    assert answer.code == 0
    assert "not installed" in answer.out
    assert f"{sys.executable} -m pip install" in answer.err
    assert "napari-medkd[train]" in answer.err
    assert "napari-medkd[viewer]" in answer.err


def test_the_facts_and_the_advice_are_there_for_machines(medkd: Medkd, tmp_path: Path):
    found = json.loads(medkd("doctor", "--json").out)

    assert found["disk"]["folder"] == str(tmp_path / "not" / "yet" / "made")
    assert found["disk"]["free_bytes"] > 0
    assert found["memory"]["available_bytes"] <= found["memory"]["total_bytes"]
    assert {"torch", "Qt"} <= {row["where"] for row in found["advice"]}


@pytest.mark.skipif(sys.platform != "linux", reason="other systems always have a screen")
def test_a_machine_without_a_screen_is_not_asked_to_open_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(machine, "find_spec", lambda name: object())
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    assert machine.screen_facts() == {"error": machine.NO_SCREEN}


@pytest.mark.process
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("print('{\"a\": 1}')", {"a": 1}),
        ("print('noise'); print('{\"a\": 1}')", {"a": 1}),
        ("print('noise')", {"error": "gave no readable answer"}),
        ("print([1])", {"error": "gave no readable answer"}),
        ("raise SystemExit(3)", {"error": "ended with code 3"}),
        ("import sys; sys.exit('the driver is too old')", {"error": "the driver is too old"}),
        ("import time; time.sleep(60)", {"error": "gave no answer within 2 s"}),
    ],
)
def test_a_child_that_fails_is_a_fact_and_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: dict[str, object]
):
    (tmp_path / "a_probe.py").write_text(text, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr(machine, "PROBE_SECONDS", 2)

    assert machine.answer_of("a_probe") == said


@pytest.mark.process
@pytest.mark.skipif(os.name == "nt", reason="writes a shell script")
def test_the_driver_tells_the_newest_cuda_it_can_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        "#!/bin/sh\necho 'CUDA Version                          : 13.0'\necho '    Product Name  : NVIDIA H100'\n",
        encoding="utf-8",
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    assert machine.nvidia_driver() == {"name": "NVIDIA H100", "cuda": "13.0"}


def test_a_drive_that_is_away_has_no_room(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Path, "exists", lambda path: False)  # as of Windows' X: while it is not plugged in

    assert machine.disk(Path("X:/runs")) == {"folder": str(Path("X:/runs")), "free_bytes": 0, "writable": False}


def test_without_a_driver_there_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("PATH", str(tmp_path))

    assert machine.nvidia_driver() is None


@pytest.mark.process
@pytest.mark.engine
def test_torch_is_asked_in_a_child():
    pytest.importorskip("torch")
    done = subprocess.run(
        [sys.executable, "-m", "napari_medkd.cli.torch_probe"], capture_output=True, text=True, check=True
    )

    found = json.loads(done.stdout)
    assert found["device"] in ("cpu", "cuda", "mps")
    assert found["version"].split(".")[0].isdigit()


def test_a_run_writes_down_what_it_was_computed_with():
    found = machine.of_this_process()

    assert found["pid"] == os.getpid()
    assert found["versions"]["napari-medkd"]
    assert json.dumps(found)
