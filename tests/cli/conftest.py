"""Running commands in this process, and reading what they print."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from napari_medkd.cli.main import main


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str


Medkd = Callable[..., Answer]


@pytest.fixture
def medkd(capsys: pytest.CaptureFixture[str]) -> Medkd:
    """Run one command and return its answer."""

    def run(*arguments: object) -> Answer:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Answer(int(left.value.code or 0), printed.out, printed.err)

    return run
