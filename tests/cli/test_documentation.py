"""The documented commands and the example specs do what they say."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import get_origin

import pytest
from pydantic import BaseModel

from napari_medkd.cli.main import app
from napari_medkd.cli.spec_files import model_in
from napari_medkd.core.spec import TrainSpec
from tests.cli.conftest import Medkd

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
SPECS = sorted((ROOT / "examples" / "specs").glob("*.json"))


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to work in, with its own runs."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    return tmp_path


def _commands() -> list[list[str]]:
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    return [shlex.split(line.removeprefix("$ medkd")) for block in blocks for line in block.splitlines()]


@pytest.mark.engine
def test_the_documented_commands_run_from_top_to_bottom(workplace: Path, medkd: Medkd):
    (spec,) = re.findall(r"```yaml\n# spec.yaml\n(.*?)```", PAGE, re.DOTALL)
    (workplace / "spec.yaml").write_text(spec, encoding="utf-8")

    for command in _commands():
        answer = medkd(*command)
        assert answer.code == 0, f"medkd {shlex.join(command)}: {answer.err}"
        assert "--json" not in command or json.loads(answer.out) is not None

    assert (workplace / "scores.csv").is_file()
    assert (workplace / "answers" / "t1-like_00" / "mask.nii.gz").is_file()


def _fields(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        inner = None if get_origin(field.annotation) is dict else model_in(field.annotation)
        path = f"{before}{name}[]" if name == "targets" else f"{before}{name}"
        if inner:
            yield from _fields(inner, f"{path}.")
        elif field.is_required():
            yield path, "required"
        else:
            yield path, f"`{json.dumps(field.get_default(call_default_factory=True))}`"


def test_the_table_of_a_specs_fields_is_complete_with_the_true_defaults():
    table = dict(re.findall(r"^\| `([\w.\[\]]+)` \| (`[^|]*`|required) \|", PAGE, re.MULTILINE))

    assert table == dict(_fields(TrainSpec))


def test_every_command_is_documented():
    names = [command.name or command.callback.__name__ for command in app.registered_commands if command.callback]

    assert all(f"medkd {name}" in PAGE for name in names)


@pytest.mark.engine
@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_an_example_spec_trains(workplace: Path, medkd: Medkd, path: Path):
    medkd("sample", "phantoms", "--cases-per-domain", "3", "--shape", "32,32,32")

    answer = medkd("train", path, "--epochs", "1", "--steps-per-epoch", "2")

    assert answer.code == 0, answer.err
    written = json.loads((Path(answer.out.strip()) / "spec.json").read_text(encoding="utf-8"))
    asked = json.loads(path.read_text(encoding="utf-8"))
    assert written["method"] == asked["method"]
    assert (written["network"], written["preprocessing"]["patch"]) == (
        asked["network"],
        asked["preprocessing"]["patch"],
    )


def test_there_is_an_example_for_the_method_and_its_baseline():
    assert {json.loads(path.read_text(encoding="utf-8"))["method"]["name"] for path in SPECS} == {
        "shape-intensity",
        "supervised",
    }
