"""Facts about this machine, gathered without importing torch or Qt: for `medkd doctor` and a run's machine.json."""

import json
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from napari_medkd import __version__

#: Seconds a child may take to report; a first import of torch on a network disk is slow.
PROBE_SECONDS = 120

NO_QT = "Qt is not installed"
NO_SCREEN = "no screen: neither DISPLAY nor WAYLAND_DISPLAY is set"

PACKAGES = ("napari-medkd", "torch", "monai", "napari", "numpy", "scipy", "nibabel", "SimpleITK", "pydantic")


def versions() -> dict[str, str | None]:
    """Return the version of every package that matters; None where it is not installed."""
    return {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return __version__ if name == "napari-medkd" else None


def memory() -> dict[str, int]:
    """Return total and available main memory in bytes."""
    import psutil

    found = psutil.virtual_memory()
    return {"total_bytes": found.total, "available_bytes": found.available}


def disk(folder: Path) -> dict[str, Any]:
    """Return the free bytes where the folder is, or will be made; none where its drive is away."""
    there = next((parent for parent in (folder, *folder.parents) if parent.exists()), None)
    if there is None:
        return {"folder": str(folder), "free_bytes": 0, "writable": False}
    return {"folder": str(folder), "free_bytes": shutil.disk_usage(there).free, "writable": os.access(there, os.W_OK)}


def torch_facts() -> dict[str, Any]:
    """Return what `torch_probe` says, or ``{"error": ...}``."""
    if find_spec("torch") is None:
        return {"error": "not installed"}
    return answer_of("napari_medkd.cli.torch_probe")


def screen_facts() -> dict[str, Any]:
    """Return what the viewer's probe says of Qt and OpenGL, or ``{"error": ...}``."""
    if find_spec("qtpy") is None or not any(map(find_spec, ("PyQt6", "PySide6", "PyQt5", "PySide2"))):
        return {"error": NO_QT}
    if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return {"error": NO_SCREEN}
    return answer_of("napari_medkd.gui.probe")


def nvidia_driver() -> dict[str, Any] | None:
    """Return the GPU's name and the newest CUDA the driver can run, as NVIDIA's own tool says; None without one."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    said = _run([tool, "-q"])
    fields = dict(line.split(":", 1) for line in said.splitlines() if ":" in line)
    found = {key.strip(): value.strip() for key, value in fields.items()}
    return {"name": found.get("Product Name", "NVIDIA GPU"), "cuda": found.get("CUDA Version", "")}


def answer_of(module: str) -> dict[str, Any]:
    """Return the JSON a module prints when run as a child, so that what it imports or breaks stays there."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", module], capture_output=True, text=True, timeout=PROBE_SECONDS, check=True
        )
        found = json.loads(done.stdout.strip().splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"error": f"gave no answer within {PROBE_SECONDS} s"}
    except subprocess.CalledProcessError as error:
        said = " ".join((error.stderr or "").split())
        return {"error": said[-400:] or f"ended with code {error.returncode}"}
    except (ValueError, IndexError):
        return {"error": "gave no readable answer"}
    return found if isinstance(found, dict) else {"error": "gave no readable answer"}


def _run(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def of_this_process() -> dict[str, Any]:
    """Return what machine.json says: host, system, versions, command line, process and source version."""
    return {
        "host": platform.node(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "interpreter": sys.executable,
        "cores": os.cpu_count(),
        "memory": memory(),
        "versions": versions(),
        "pid": os.getpid(),
        "command": sys.argv,
        "commit": _commit(),
    }


def _commit() -> str | None:
    """Return the git commit of a source checkout; None for an installed package."""
    here = Path(__file__).resolve().parents[3]
    if not (here / ".git").exists() or shutil.which("git") is None:
        return None
    return _run(["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"]).strip() or None
