import errno
import json
import math
from pathlib import Path

import pytest

from napari_medkd.cli.terminal import FAILURE, INPUT_PROBLEM, say_json, tell_error, tell_problems
from napari_medkd.core.errors import Problem, RunBusy, SpecProblem, TrainingDiverged


def test_an_input_problem_is_told_in_three_lines_and_exits_with_two(capsys: pytest.CaptureFixture[str]):
    code = tell_error(SpecProblem("spec.json: seed", "It is\n  negative.", "Write 0 or more."))

    assert code == INPUT_PROBLEM
    assert capsys.readouterr().err == "spec.json: seed:\n  It is negative.\n  -> Write 0 or more.\n"


def test_every_problem_of_an_error_is_told(capsys: pytest.CaptureFixture[str]):
    tell_problems([Problem("a", "One.", "Do."), Problem("b", "Two.", "Do.")])

    assert "a:" in (told := capsys.readouterr().err)
    assert "b:" in told


def test_a_full_disk_is_the_persons_to_mend(capsys: pytest.CaptureFixture[str]):
    code = tell_error(OSError(errno.ENOSPC, "No space left on device", "/runs/a/events.jsonl"))

    told = capsys.readouterr().err
    assert code == INPUT_PROBLEM
    assert "/runs/a/events.jsonl" in told
    assert "Free some space" in told


def test_a_missing_torch_is_answered_with_the_line_that_installs_it(capsys: pytest.CaptureFixture[str]):
    code = tell_error(ModuleNotFoundError("No module named 'torch'", name="torch"))

    assert code == INPUT_PROBLEM
    assert 'pip install "napari-medkd[train]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate 20.00 MiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: 9 bytes."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:116] DefaultCPUAllocator: not enough memory: you tried 9 bytes."),
        RuntimeError("MPS backend out of memory (MPS allocated: 18.00 GB, other allocations: 1.00 GB)."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        type("_ArrayMemoryError", (MemoryError,), {})("Unable to allocate 20. GiB for an array"),
    ],
    ids=["python", "gpu", "torch on the cpu", "on windows", "apple", "cuda", "cublas", "numpy"],
)
def test_too_little_memory_is_no_bug(error: Exception, capsys: pytest.CaptureFixture[str]):
    assert tell_error(error) == INPUT_PROBLEM
    assert "smaller batch size" in (told := capsys.readouterr().err)
    assert "bug" not in told


def test_a_busy_run_is_the_persons_to_wait_for(capsys: pytest.CaptureFixture[str]):
    assert tell_error(RunBusy("run", "Process 12 works on it.", "Wait until it has ended.")) == INPUT_PROBLEM
    assert "Process 12 works on it." in capsys.readouterr().err


def test_a_failure_on_purpose_exits_with_one_and_is_no_bug(capsys: pytest.CaptureFixture[str]):
    assert tell_error(TrainingDiverged("The loss is nan.")) == FAILURE
    assert "bug" not in capsys.readouterr().err


def test_a_bug_leaves_its_traceback_in_a_file(capsys: pytest.CaptureFixture[str]):
    try:
        [][1]
    except IndexError as error:
        code = tell_error(error)

    told = capsys.readouterr().err
    path = Path(told.split("with the file ")[1].strip())
    assert code == FAILURE
    assert "IndexError" in path.read_text(encoding="utf-8")
    path.unlink()


def test_json_survives_numbers_that_are_not_finite(capsys: pytest.CaptureFixture[str]):
    say_json({"a": math.nan, "b": [math.inf, 1.5], "c": Path("x")})

    assert json.loads(capsys.readouterr().out) == {"a": "nan", "b": ["inf", 1.5], "c": "x"}
