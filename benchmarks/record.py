"""Writes what a benchmark measured: who, where, with what, and the rows."""

import json
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"

PACKAGES = ("napari-medkd", "torch", "monai", "numpy", "scipy", "napari", "PyQt6", "nibabel")


@dataclass(frozen=True)
class Row:
    """One figure. ``values`` per seed, reference or repeat; ``difference`` and ``ci95`` are against ``versus``."""

    row: str
    metric: str
    unit: str
    n: int
    mean: float
    values: tuple[float, ...]
    preset: str = ""
    task: str = ""
    test: str = ""
    domain: str = ""
    class_: str = ""
    versus: str = ""
    difference: float | None = None
    ci95: tuple[float, float] | None = None


#: Instructions that change how fast networks compute, and how they round; the first that a processor has is told.
_INSTRUCTIONS = {"amx_bf16": "AMX", "avx512_bf16": "AVX-512 bf16", "avx512f": "AVX-512", "avx2": "AVX2"}


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = told.get("flags", "").split()
    best = next((f" ({word})" for flag, word in _INSTRUCTIONS.items() if flag in flags), "")
    return told.get("model name", platform.processor()) + best


def machine(gpu: str = "no GPU used") -> str:
    """Return the machine in words."""
    return f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, {gpu}"


def machines(documents: Iterable[dict[str, Any]]) -> str:
    """Return the machines that networks were trained on, in words, with the precision that each computed in."""
    return "; ".join(sorted({f"{one['machine']}, {one['computed_in']}" for one in documents if "computed_in" in one}))


def versions() -> dict[str, str]:
    """Return the versions of what is installed."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


@dataclass
class Record:
    """The results of one benchmark, written to ``results/NAME.json``."""

    name: str
    gpu: str = "no GPU used"
    rows: list[Row] = field(default_factory=list)
    notes: dict[str, object] = field(default_factory=dict)

    def write(self) -> Path:
        """Write the file, and return it."""
        rows = [
            {("class" if key == "class_" else key): value for key, value in asdict(row).items()} for row in self.rows
        ]
        command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
        about = {"command": command, "machine": machine(self.gpu), "versions": versions()}
        document = {**about, **self.notes, "rows": rows}
        path = RESULTS / f"{self.name}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        return path
