"""`medkd doctor`: what is installed, what the machine offers, and the line that installs what is missing."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from napari_medkd.cli.terminal import as_rows, say, say_json, tell_problems

EXAMPLES = ("medkd doctor", "medkd doctor --json")


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON: the facts, and advice.")] = False) -> None:
    """Say what is installed, which device computes, what memory and disk there is, and what to install still."""
    from napari_medkd.cli.advice import advice, gather
    from napari_medkd.runs.shelf import default_runs_folder

    facts = gather(default_runs_folder())
    missing = advice(facts)
    if as_json:
        say_json({**facts, "advice": as_rows(missing)})
        return
    for name, found in _rows(facts):
        say(f"{name:10}{found}")
    if missing:
        say("\nTo put right:")
        tell_problems(missing)
    else:
        say("\nEverything is there.")


def _rows(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    versions, disk, memory = facts["versions"], facts["disk"], facts["memory"]
    yield "Python", f"{facts['python']}  {facts['interpreter']}"
    yield "Packages", ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())
    yield "torch", _torch(facts["torch"])
    if facts["nvidia_driver"]:
        yield "NVIDIA", f"{facts['nvidia_driver']['name']}, driver for CUDA {facts['nvidia_driver']['cuda'] or '?'}"
    yield "Qt", _screen(facts["screen"])
    yield "Cores", str(facts["cores"])
    yield "Memory", f"{memory['available_bytes'] / 2**30:.1f} of {memory['total_bytes'] / 2**30:.1f} GiB available"
    yield "Disk", f"{disk['free_bytes'] / 2**30:.1f} GiB free for runs in {disk['folder']}"


def _torch(found: Mapping[str, Any]) -> str:
    if "error" in found:
        return str(found["error"])
    gpus = ", ".join(f"{gpu['name']} ({gpu['memory_bytes'] / 2**30:.0f} GiB)" for gpu in found["gpus"])
    return f"{found['version']} computes on {found['device']}{': ' + gpus if gpus else ''}"


def _screen(found: Mapping[str, Any]) -> str:
    if "error" in found:
        return str(found["error"])
    return ", ".join(f"{name} {value}" for name, value in found.items())
