"""A joint teacher's run that is stopped in the middle of a stage goes on as if it had not been."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from napari_medkd.core.control import Always
from napari_medkd.core.events import StepDone
from napari_medkd.core.run_layout import checkpoint_path, epoch_name
from napari_medkd.engine import distilling, loop
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.loop import train
from napari_medkd.methods.joint_teacher import METHOD
from tests.methods.joint_runs import spec_of
from tests.stopping import StopAfter

pytestmark = pytest.mark.engine

EPOCHS, STEPS = 2, 3
STAGES = ("expert-cells", "expert-spots", "teacher", "student-cells", "student-spots")


@pytest.fixture
def spec(cells, spots):
    """A run whose student is smaller than its teacher, so that adapters train beside it."""
    spec = spec_of(cells, spots, student_size="a quarter")
    return spec.replace(schedule=spec.schedule.replace(epochs=EPOCHS, steps_per_epoch=STEPS))


def attempt(spec, run: Path, number: int, control=None):
    return list(train(METHOD, open_bench(spec, METHOD.tasks), run, control or Always(), attempt=number))


def all_of(run: Path, stage: str) -> dict[str, torch.Tensor]:
    """Return what the last epoch of a stage left: everything that it trains, and its optimiser."""
    return load_file(checkpoint_path(run, stage, epoch_name(EPOCHS)))


def is_in_the_middle_of(run: Path, stage: str) -> bool:
    epochs = [checkpoint_path(run, stage, epoch_name(number)).is_file() for number in (1, 2)]
    return epochs == [True, False] and not checkpoint_path(run, stage, "done").exists()


def test_stopped_in_the_teacher_and_in_a_student_a_run_ends_with_the_same_bits(spec, tmp_path, monkeypatch):
    monkeypatch.setattr(distilling, "WARM_UP", 1.0)  # the weight of the maps rises to the student's last step
    monkeypatch.setattr(loop, "REPORT_SECONDS", 0.0)  # every step is told
    whole, halted = tmp_path / "whole", tmp_path / "halted"
    told = attempt(spec, whole, 1)

    ends = [attempt(spec, halted, 1, StopAfter(2 * EPOCHS * STEPS + STEPS + 1))[-1]]
    assert is_in_the_middle_of(halted, "teacher")
    ends.append(attempt(spec, halted, 2, StopAfter(STEPS + STEPS + 2))[-1])
    assert is_in_the_middle_of(halted, "student-cells")
    teacher = checkpoint_path(halted, "teacher", "done").read_bytes()
    last = attempt(spec, halted, 3)

    assert [end.outcome for end in (*ends, last[-1])] == ["cancelled", "cancelled", "completed"]
    for stage in STAGES:
        one, other = all_of(whole, stage), all_of(halted, stage)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[name], other[name]) for name in one), stage
    of_student = all_of(halted, "student-cells")
    assert any(name.startswith("objective.adapters.") for name in of_student)
    assert not any("teacher" in name for name in of_student)
    num_trained = sum(name.startswith(("objective.student.", "objective.adapters.")) for name in of_student)
    assert sum(name.startswith("optimizer.") and name.endswith(".exp_avg") for name in of_student) == num_trained
    assert checkpoint_path(halted, "teacher", "done").read_bytes() == teacher
    assert checkpoint_path(whole, "teacher", "done").read_bytes() == teacher
    assert losses_of(last, "student-cells") == losses_of(told, "student-cells")[STEPS:]


def losses_of(events, stage: str) -> list[dict[str, float]]:
    return [event.losses for event in events if isinstance(event, StepDone) and event.stage == stage]
