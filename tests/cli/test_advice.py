import sys
from typing import Any

import pytest

from napari_medkd.cli.advice import advice, pip_line, torch_build
from napari_medkd.cli.machine import NO_QT, NO_SCREEN

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the lines differ by system")


def _facts(**changes: Any) -> dict[str, Any]:
    facts = {
        "versions": {"torch": "2.13.0", "monai": None},
        "torch": {"version": "2.13.0", "device": "cpu", "gpus": []},
        "nvidia_driver": None,
        "screen": {"binding": "PyQt6", "opengl": "4.5"},
        "memory": {"total_bytes": 2**34, "available_bytes": 2**34},
        "disk": {"folder": "/runs", "free_bytes": 2**40, "writable": True},
    }
    return {**facts, **changes}


def test_a_machine_that_has_everything_gets_no_advice():
    assert advice(_facts()) == []


@LINUX
@pytest.mark.parametrize(
    ("driver", "build"),
    [
        (None, "cpu"),
        ({"name": "a", "cuda": "13.1"}, "cu130"),
        ({"name": "a", "cuda": "12.8"}, "cu126"),
        ({"name": "a", "cuda": "12.0"}, "cu126"),
        ({"name": "a", "cuda": "11.8"}, "cpu"),
        ({"name": "a", "cuda": ""}, "cpu"),
    ],
)
def test_the_newest_torch_build_that_the_driver_can_run_is_taken(driver: dict[str, str] | None, build: str):
    assert torch_build(driver) == build


@LINUX
def test_a_missing_torch_is_answered_with_one_line_for_this_python_and_gpu():
    found = advice(_facts(torch={"error": "not installed"}, nvidia_driver={"name": "H", "cuda": "13.0"}))

    assert [problem.where for problem in found] == ["torch"]
    assert found[0].hint.startswith(sys.executable)
    assert '-m pip install "napari-medkd[train]"' in found[0].hint
    assert found[0].hint.endswith("https://download.pytorch.org/whl/cu130")


@LINUX
def test_an_idle_gpu_is_noticed_with_the_build_that_uses_it():
    found = advice(_facts(nvidia_driver={"name": "H", "cuda": "12.8"}))

    assert "H is idle" in found[0].problem
    assert "--force-reinstall torch --index-url https://download.pytorch.org/whl/cu126" in found[0].hint


def test_an_old_driver_is_to_be_updated():
    found = advice(_facts(nvidia_driver={"name": "H", "cuda": "11.4"}))

    assert "CUDA 11.4" in found[0].problem
    assert "525" in found[0].hint


def test_a_gpu_in_use_is_no_problem():
    torch = {"version": "2.13.0", "device": "cuda", "gpus": [{"name": "H", "memory_bytes": 2**34}]}

    assert advice(_facts(torch=torch, nvidia_driver={"name": "H", "cuda": "12.8"})) == []


@pytest.mark.parametrize(
    ("screen", "where", "line"),
    [
        ({"error": NO_QT}, "Qt", 'pip install "napari-medkd[viewer]"'),
        ({"error": NO_SCREEN}, "screen", "xvfb-run -a napari"),
        (
            {"binding": "PyQt6", "opengl_error": "no context"},
            "OpenGL",
            "libgl1" if sys.platform == "linux" else "driver",
        ),
    ],
)
def test_what_the_viewer_lacks_is_named_with_its_line(screen: dict[str, str], where: str, line: str):
    found = advice(_facts(screen=screen))

    assert [problem.where for problem in found] == [where]
    assert line in found[0].hint


def test_too_little_room_is_told():
    found = advice(
        _facts(
            disk={"folder": "/runs", "free_bytes": 2**30, "writable": False},
            memory={"total_bytes": 2**31, "available_bytes": 2**30},
        )
    )

    assert [problem.where for problem in found] == ["/runs", "/runs", "memory"]


def test_a_path_with_spaces_is_quoted(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "executable", "/my programs/python")

    assert pip_line("x") == '"/my programs/python" -m pip install x'
