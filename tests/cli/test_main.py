import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import napari_medkd
from napari_medkd.cli.main import app
from tests.cli.conftest import Medkd

COMMANDS = (
    "sample",
    "fetch",
    "import",
    "check",
    "suggest",
    "describe",
    "estimate",
    "train",
    "predict",
    "evaluate",
    "runs",
    "doctor",
)
HEAVY = {"torch", "monai", "napari", "qtpy", "scipy"}

_LEFT_BEHIND = """
import sys
from napari_medkd.cli.main import main
try:
    main({arguments!r})
except SystemExit as left:
    code = left.code or 0
print()
print(*sorted(set(sys.modules) & {heavy!r}))
sys.exit(code)
"""


def _heavy_modules(arguments: list[str]) -> list[str]:
    """Return which heavy packages a command has imported when it ends."""
    script = _LEFT_BEHIND.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_examples(medkd: Medkd, command: str):
    answer = medkd(command, "--help")

    assert answer.code == 0
    assert "Examples" in answer.out
    assert f"medkd {command}" in answer.out


def test_the_commands_are_those_of_the_documentation(medkd: Medkd):
    told = medkd("--help").out

    registered = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    assert registered | {"runs"} == set(COMMANDS)
    assert all(command in told for command in COMMANDS)
    assert "Exit codes" in told


def test_the_version_is_told(medkd: Medkd):
    assert medkd("--version").out.strip() == f"medkd {napari_medkd.__version__}"


def test_a_mistyped_command_is_answered_with_the_nearest_and_exit_code_two(medkd: Medkd):
    answer = medkd("trains")

    assert answer.code == 2
    assert "train" in answer.err


@pytest.mark.process
def test_what_goes_into_a_pipe_is_utf_8_whatever_the_systems_encoding_is(tmp_path: Path):
    surroundings = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONUTF8": "0"}
    command = [sys.executable, "-m", "napari_medkd", "predict", str(tmp_path / "Zähne Łódź"), "--split", "test"]

    done = subprocess.run(command, capture_output=True, env=surroundings, check=False)

    assert done.returncode == 2
    assert "Zähne Łódź" in done.stderr.decode("utf-8")


@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is Unicode")
def test_a_name_that_is_not_in_utf_8_can_be_printed(tmp_path: Path):
    latin = tmp_path / os.fsdecode(b"M\xfcller.nrrd")
    latin.write_bytes(b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 1 1 1\nencoding: raw\n\n\0")
    command = [sys.executable, "-m", "napari_medkd", "import", str(tmp_path), "--preview", "--json"]

    done = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"}, check=False)

    assert done.returncode == 2
    remark = json.loads(done.stdout)["remarks"][-1]
    assert remark["where"].encode("utf-8", "surrogateescape") == b"cases.M\xfcller"


@pytest.mark.process
@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["runs"], ["fetch"], ["--version"]])
def test_a_light_command_imports_nothing_heavy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path))

    assert _heavy_modules(arguments) == []


@pytest.mark.process
def test_the_sample_is_written_without_torch(tmp_path: Path):
    arguments = ["sample", str(tmp_path / "s"), "--cases-per-domain", "3", "--shape", "16,16,16"]

    assert not {"torch", "monai", "napari"} & set(_heavy_modules(arguments))


@pytest.mark.process
@pytest.mark.parametrize("arguments", [["--help"], ["runs"]])
def test_a_light_command_takes_less_than_twice_the_work_of_its_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path))
    libraries = ["-c", "import typer, typer.rich_utils, pydantic, psutil"]

    work = [(_seconds_of_work(["-m", "napari_medkd", *arguments]), _seconds_of_work(libraries)) for _ in range(5)]

    commands, imports = zip(*work, strict=True)
    assert min(commands) < 2 * min(imports)


def _seconds_of_work(arguments: list[str]) -> float:
    """Return the processor time a Python takes, which other programs on the machine disturb least.

    With bytecode, which an installed program has from its second start on.
    """
    installed = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True, env=installed)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
