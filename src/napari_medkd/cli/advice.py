"""From facts about a machine to what is missing on it, with the exact line that puts it right."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from napari_medkd.cli import machine
from napari_medkd.cli.machine import NO_QT, NO_SCREEN
from napari_medkd.core.errors import Problem

_WHEELS = "https://download.pytorch.org/whl"

#: Newest CUDA first: the first that the driver can run is taken. A driver runs every build of its own major version.
_CUDA_BUILDS = (((13, 0), "cu130"), ((12, 0), "cu126"))

_SYSTEM_LIBRARIES = (
    "libgl1 libegl1 libgl1-mesa-dri libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 "
    "libxcb-image0 libxcb-render-util0 libxcb-xinerama0 libxcb-randr0 libdbus-1-3"
)
_LITTLE_DISK_BYTES = 5 * 2**30
_LITTLE_MEMORY_BYTES = 4 * 2**30


def pip_line(wanted: str) -> str:
    """Return the line that installs into the Python that is running, whatever environment the shell is in."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    return f"{python} -m pip install {wanted}"


def torch_build(driver: Mapping[str, Any] | None) -> str:
    """Return the torch build for the machine: ``cu130``, ``cu126``, ``cpu``, or empty where there is only one."""
    if sys.platform == "darwin":
        return ""
    newest = _numbers(driver["cuda"]) if driver else (0, 0)
    return next((build for cuda, build in _CUDA_BUILDS if newest >= cuda), "cpu")


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit()) or (0, 0)


def advice(facts: Mapping[str, Any]) -> list[Problem]:
    """Return what keeps this machine from training, showing or storing, with the line that mends it."""
    return [*_about_torch(facts), *_about_screen(facts["screen"]), *_about_room(facts)]


def _about_torch(facts: Mapping[str, Any]) -> Iterator[Problem]:
    found, driver = facts["torch"], facts["nvidia_driver"]
    build = torch_build(driver)
    index = f"{_WHEELS}/{build}" if build else ""
    if "error" in found:
        line = pip_line('"napari-medkd[train]"' + (f" --extra-index-url {index}" if index else ""))
        yield Problem("torch", f"Training and predicting need torch: {found['error']}.", line)
    elif driver and found["device"] == "cpu":
        if build == "cpu":
            found_cuda = f"its driver knows CUDA {driver['cuda'] or '?'}; one of CUDA 12 or newer is needed"
            hint = "Update the NVIDIA driver to version 525 or newer."
            yield Problem("GPU", f"{driver['name']} cannot be used: {found_cuda}.", hint)
        else:
            line = pip_line(f"--force-reinstall torch --index-url {index}")
            yield Problem("GPU", f"{driver['name']} is idle: torch {found['version']} computes on the CPU.", line)


def _about_screen(found: Mapping[str, Any]) -> Iterator[Problem]:
    if found.get("error") == NO_QT:
        yield Problem("Qt", "The viewer needs Qt and napari; the commands do not.", pip_line('"napari-medkd[viewer]"'))
    elif found.get("error") == NO_SCREEN:
        hint = "Work at a screen, or on one that is not there: sudo apt-get install xvfb, then xvfb-run -a napari"
        yield Problem("screen", f"The viewer cannot be shown: {NO_SCREEN}.", hint)
    elif "error" in found or "opengl" not in found:
        said = found.get("error") or found.get("opengl_error") or "no OpenGL"
        is_linux = sys.platform == "linux"
        hint = f"sudo apt-get install {_SYSTEM_LIBRARIES}" if is_linux else "Update the graphics driver."
        yield Problem("OpenGL", f"The viewer cannot draw here: {said}.", hint)


def _about_room(facts: Mapping[str, Any]) -> Iterator[Problem]:
    disk, memory = facts["disk"], facts["memory"]
    if not disk["writable"]:
        hint = "Set MEDKD_RUNS to a folder you may write to, or give --runs-folder."
        yield Problem(disk["folder"], "Runs cannot be written there.", hint)
    if disk["free_bytes"] < _LITTLE_DISK_BYTES:
        hint = "Free some space, or set MEDKD_RUNS to a folder on another disk."
        yield Problem(disk["folder"], f"Only {disk['free_bytes'] / 2**30:.1f} GiB are free for runs.", hint)
    if memory["available_bytes"] < _LITTLE_MEMORY_BYTES:
        hint = "Close other programs, or train with smaller patches and batches."
        yield Problem("memory", f"Only {memory['available_bytes'] / 2**30:.1f} GiB are available.", hint)


def gather(runs_folder: Path) -> dict[str, Any]:
    """Return the facts: versions, torch with its devices, memory, disk, Qt and OpenGL."""
    return {
        "python": sys.version.split()[0],
        "interpreter": sys.executable,
        "cores": os.cpu_count(),
        "versions": machine.versions(),
        "torch": machine.torch_facts(),
        "nvidia_driver": machine.nvidia_driver(),
        "screen": machine.screen_facts(),
        "memory": machine.memory(),
        "disk": machine.disk(runs_folder),
    }
