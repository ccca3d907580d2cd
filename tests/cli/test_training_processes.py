"""Training by the real command: killed, paused, stopped, on a full disk, and continued."""

import resource
import signal
import sys
from pathlib import Path

import pytest

from napari_medkd.core.events import AnyEvent, EpochDone, RunContinued, RunEnded, RunPaused, RunResumed, StepDone
from napari_medkd.core.spec import TrainSpec
from napari_medkd.core.status import status_of
from napari_medkd.runs.folder import RunFolder
from tests.cli.commands import events, finish, kill, new_run, run, start, wait_until

pytestmark = [pytest.mark.process, pytest.mark.engine]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits of POSIX systems")


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory, tiny_dataset: Path) -> TrainSpec:
    """Two stages of two and three epochs, with all the randomness that a resume has to repeat."""
    return TrainSpec.model_validate(
        {
            "datasets": [tiny_dataset],
            "method": {"name": "shape-intensity"},
            "network": {"widths": [4, 8]},
            "schedule": {"epochs": 3, "steps_per_epoch": 16, "batch_size": 2, "augmentation": "strong"},
            "hardware": {"device": "cpu", "precision": "fp32", "threads": 1},
            "seed": 3,
        }
    )


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, spec: TrainSpec) -> dict[str, bytes]:
    """The final weights of a run that nothing disturbed."""
    folder = new_run(tmp_path_factory.mktemp("calm"), spec)
    assert run("train", "--run", folder)[0] == 0
    return _final_weights(folder)


def _final_weights(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "checkpoints").glob("*.done.safetensors")}


def _has_reached(folder: Path, stage: str, step: int) -> bool:
    return any(event.stage == stage and event.step >= step for event in events(folder, StepDone))


def _last_words(folder: Path) -> list[AnyEvent]:
    return events(folder, RunEnded)


@POSIX
@pytest.mark.parametrize(("stage", "step"), [("teacher", 18), ("student", 20)])
def test_a_run_killed_in_mid_epoch_ends_with_the_same_weights_when_resumed(
    tmp_path: Path, spec: TrainSpec, uninterrupted: dict[str, bytes], stage: str, step: int
):
    folder = new_run(tmp_path, spec)
    child = start("train", "--run", folder)
    wait_until(lambda: _has_reached(folder, stage, step), child)
    kill(child)

    code, _, told = run("train", "--run", folder, "--resume")

    assert code == 0, told
    assert len(events(folder, RunContinued)) == 1
    assert set(uninterrupted) == {"teacher.done.safetensors", "student.done.safetensors"}
    assert _final_weights(folder) == uninterrupted


@POSIX
def test_a_torn_last_line_is_cut_when_a_run_is_resumed(tmp_path: Path, spec: TrainSpec):
    folder = new_run(tmp_path, spec.replace(schedule=spec.schedule.replace(epochs=1, steps_per_epoch=2)))
    child = start("train", "--run", folder)
    wait_until(lambda: bool(events(folder, StepDone)), child)
    kill(child)
    with (folder / "events.jsonl").open("ab") as file:
        file.write(b'{"kind":"step_do')

    code, _, told = run("train", "--run", folder, "--resume")

    assert code == 0, told
    assert b"step_do{" not in (folder / "events.jsonl").read_bytes()
    assert status_of(RunFolder(folder).events()).outcome == "completed"


def test_orders_pause_continue_and_stop_a_run_and_it_can_be_resumed(tmp_path: Path, spec: TrainSpec):
    folder = new_run(tmp_path, spec.replace(schedule=spec.schedule.replace(epochs=400)))
    child = start("train", "--run", folder)
    wait_until(lambda: _has_reached(folder, "teacher", 1), child)

    assert run("runs", "pause", folder)[0] == 0
    wait_until(lambda: bool(events(folder, RunPaused)), child)
    steps_when_paused = len(events(folder, StepDone))
    assert run("runs", "show", folder)[1].count("paused") == 1
    assert len(events(folder, StepDone)) == steps_when_paused
    assert run("runs", "resume", folder)[0] == 0
    wait_until(lambda: bool(events(folder, RunResumed)), child)
    wait_until(lambda: len(events(folder, EpochDone)) > 0, child)
    assert run("runs", "stop", folder)[0] == 0
    code, out, told = finish(child)

    assert code == 0
    assert out.strip() == str(folder)
    assert f"medkd train --run {folder} --resume" in told
    assert [event.outcome for event in _last_words(folder)] == ["cancelled"]
    assert list((folder / "checkpoints").glob("teacher.epoch-*.safetensors"))


@POSIX
@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_run_with_a_checkpoint_and_exit_code_zero(
    tmp_path: Path, spec: TrainSpec, order: signal.Signals
):
    folder = new_run(tmp_path, spec.replace(schedule=spec.schedule.replace(epochs=400)))
    child = start("train", "--run", folder)
    wait_until(lambda: bool(events(folder, EpochDone)), child)

    child.send_signal(order)
    code, _, told = finish(child)

    assert code == 0
    assert "Stopping after this step" in told
    assert f"medkd train --run {folder} --resume" in told
    assert [event.outcome for event in _last_words(folder)] == ["cancelled"]
    assert not (folder / "heartbeat.json").exists()


def test_a_folder_at_work_is_busy_for_a_second_process(tmp_path: Path, spec: TrainSpec):
    folder = new_run(tmp_path, spec.replace(schedule=spec.schedule.replace(epochs=400)))
    child = start("train", "--run", folder)
    wait_until(lambda: bool(events(folder, StepDone)), child)

    code, _, told = run("train", "--run", folder, "--resume")

    assert code == 2
    assert str(child.pid) in told
    run("runs", "stop", folder)
    finish(child)
    assert [event.outcome for event in _last_words(folder)] == ["cancelled"]


def _small_files_only() -> None:
    """Let no file of this process grow beyond what events need: to a program this is a full disk."""
    limit = 12_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


@POSIX
def test_a_full_disk_ends_a_run_with_a_clear_word_and_loses_nothing(
    tmp_path: Path, spec: TrainSpec, uninterrupted: dict[str, bytes]
):
    folder = new_run(tmp_path, spec)
    child = start("train", "--run", folder)
    wait_until(lambda: len(events(folder, EpochDone)) == 1, child)
    kill(child)
    (saved,) = (folder / "checkpoints").glob("teacher.epoch-*.safetensors")
    before = saved.read_bytes()

    code, _, told = run("train", "--run", folder, "--resume", preexec_fn=_small_files_only)

    assert code == 2
    assert str(folder / "checkpoints") in told
    assert "Free some space" in told
    assert [event.outcome for event in _last_words(folder)] == ["failed"]
    assert saved.read_bytes() == before
    assert not list((folder / "checkpoints").glob("*.part"))
    assert run("train", "--run", folder, "--resume")[0] == 0
    assert _final_weights(folder) == uninterrupted


def test_a_second_run_waits_until_the_device_is_free(tmp_path: Path, spec: TrainSpec):
    first = new_run(tmp_path, spec.replace(name="first", schedule=spec.schedule.replace(epochs=400)))
    second = new_run(tmp_path, spec.replace(name="second", schedule=spec.schedule.replace(epochs=1, steps_per_epoch=2)))
    child = start("train", "--run", first)
    wait_until(lambda: bool(events(first, StepDone)), child)
    waiting = start("train", "--run", second)
    wait_until(lambda: '"waits_for":' in _heartbeat(second) and first.name in _heartbeat(second), waiting)

    run("runs", "stop", first)

    assert finish(child)[0] == 0
    code, _, told = finish(waiting)
    assert code == 0
    assert f"Waits until {first.name} has ended" in told
    assert [event.outcome for event in _last_words(second)] == ["completed"]


def _heartbeat(folder: Path) -> str:
    path = folder / "heartbeat.json"
    return path.read_text(encoding="utf-8") if path.exists() else ""


@POSIX
def test_a_run_started_in_the_background_outlives_the_command_that_started_it(tmp_path: Path, spec: TrainSpec):
    folder = new_run(tmp_path, spec.replace(schedule=spec.schedule.replace(epochs=1, steps_per_epoch=2)))

    code, out, _ = run("runs", "resume", folder)

    assert code == 0
    assert "in the background" in out
    code, _, told = run("runs", "show", folder, "--follow")
    assert code == 0
    assert "Completed." in told
    assert "Completed." in (folder / "log.txt").read_text(encoding="utf-8")
