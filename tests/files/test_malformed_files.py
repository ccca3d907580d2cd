"""Whatever a file holds, a person is told by its name what is wrong: soon, and with nothing else happening."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from napari_medkd.core.errors import VolumeProblem
from napari_medkd.files.opening import doubts_about, labels_in, read_volume
from tests.files.malformed_files import MALFORMED
from tests.files.malformed_headers import ODD
from tests.files.sound_files import SOUND

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the limits of a process are set as on Linux")

_SECONDS_FOR_ALL, _SECONDS_FOR_ONE, _MEBIBYTES_FOR_ONE = 120, 3.0, 200


@dataclass(frozen=True)
class Told:
    """What came of all files, and what lay on the disk before and after."""

    paths: dict[str, Path]
    outcomes: dict[str, dict[str, object]]
    before: set[tuple[str, int]]
    after: set[tuple[str, int]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Every malformed file, read by a process of limited memory."""
    root = tmp_path_factory.mktemp("malformed")
    paths = {}
    for number, (name, make) in enumerate([*((n, one.make) for n, one in MALFORMED.items()), *ODD.items()]):
        folder = root / f"{number}" / "here"
        folder.mkdir(parents=True)
        paths[name] = make(folder)
    before = everything_below(root)
    lines = "".join(f"{path}\n" for path in paths.values())
    said = answers(lines, root)
    after = everything_below(root)
    outcomes = {name: json.loads(line) for name, line in zip(paths, said, strict=False)}
    return Told(paths, outcomes, before, after)


def answers(lines: str, cwd: Path) -> list[str]:
    command = [sys.executable, "-m", "tests.files.reading_child"]
    here = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([here, *filter(None, sys.path)])}
    try:
        ran = subprocess.run(
            command, input=lines, capture_output=True, text=True, timeout=_SECONDS_FOR_ALL, cwd=cwd, env=environment,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        return (error.stdout or b"").decode().splitlines()
    return ran.stdout.splitlines()


def everything_below(root: Path) -> set[tuple[str, int]]:
    return {(str(path), path.lstat().st_mtime_ns) for path in root.rglob("*") if not path.is_dir() or path.is_symlink()}


@pytest.fixture(scope="module")
def truths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each sound file shows."""
    shown = {}
    for kind, make in SOUND.items():
        data = read_volume(make(tmp_path_factory.mktemp("sound"))).data
        shown[kind] = hashlib.sha256(data.tobytes() + str(data.shape).encode()).hexdigest()
    return shown


def test_there_are_more_than_two_hundred():
    assert len(MALFORMED) > 200


@pytest.mark.parametrize("name", [*MALFORMED, *ODD])
def test_a_malformed_file_is_refused_by_its_name_or_harmless(told, truths, name):
    outcome = told.outcomes.get(name)
    assert outcome is not None, "the process that read it did not come back"
    assert "broken" not in outcome, outcome
    assert outcome["seconds"] < _SECONDS_FOR_ONE
    assert outcome["mebibytes"] < _MEBIBYTES_FOR_ONE

    one = MALFORMED.get(name)
    if "shown" in outcome:
        fate = one.fate if one else "refused or shown"
        assert fate == "refused or shown" or (fate == "refused or true" and outcome["shown"] == truths[one.sound])
    for where, problem, hint in outcome.get("refused", []):
        assert where.startswith(str(told.paths[name]))
        assert problem
        assert hint


def test_a_pipe_that_nobody_fills_keeps_nobody_waiting(tmp_path):
    os.mkfifo(tmp_path / "a.nii")

    for ask in (read_volume, labels_in, doubts_about):
        with pytest.raises(VolumeProblem, match=r"a\.nii: The file does not exist"):
            ask(tmp_path / "a.nii")


def test_no_file_was_written_while_they_were_read(told):
    assert told.after == told.before
