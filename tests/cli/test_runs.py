import json
import shutil
from pathlib import Path

import pytest

from napari_medkd.core.command_line import command_line
from napari_medkd.core.events import CheckpointSaved, EpochDone, RunEnded, RunStarted, StagePlan, StageStarted, StepDone
from napari_medkd.core.spec import TrainSpec
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from tests.cli.conftest import Medkd
from tests.runs.holding import end, hold


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of runs."""
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def run(shelf: Path) -> RunFolder:
    """A run that was stopped in its student stage."""
    folder = RunFolder.create(shelf, TrainSpec(datasets=(Path("images"),), name="liver"))
    plan = (StagePlan("teacher", 1, 10), StagePlan("student", 3, 10))
    started = RunStarted(
        run=folder.name, method="shape-intensity", host="h", pid=1, versions={}, seed=0, plan=plan, device="cpu"
    )
    for event in (
        started,
        StageStarted(stage="student", epochs=3, steps_per_epoch=10),
        StepDone(stage="student", step=10, losses={"dice": 0.25}, seconds_per_step=0.1),
        EpochDone(stage="student", epoch=1, step=10, metrics={"score": 0.875}, is_best=True),
        CheckpointSaved(path="checkpoints/student.epoch-00001.safetensors", stage="student", epoch=1),
        RunEnded(outcome="cancelled", message="The run was stopped.", hint="Continue it when you like."),
    ):
        folder.append(event)
    return folder


@pytest.mark.process
@pytest.mark.parametrize("command", [("list",), ("show", "latest")])
def test_a_run_on_a_computer_whose_clock_is_late_is_lost_only_when_its_process_is(
    medkd: Medkd, shelf: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
):
    monkeypatch.setattr("napari_medkd.runs.pulse.SECOND_LOOK_SECONDS", 1.5)
    folder = RunFolder.create(shelf, TrainSpec(datasets=(Path("images"),)))
    child = hold(folder.path, host="node-3", seconds_late=120)
    before = medkd("runs", *command).out
    end(child)

    assert "starting" in before
    assert "lost" in medkd("runs", *command).out


def test_an_empty_shelf_says_how_to_start(medkd: Medkd):
    answer = medkd("runs")

    assert answer.code == 0
    assert "medkd train" in answer.err


def test_runs_are_listed_with_outcome_and_progress(medkd: Medkd, run: RunFolder):
    told = medkd("runs").out

    assert told == medkd("runs", "list").out
    assert run.name in told
    assert "stopped     50%" in told


def test_a_run_that_has_not_begun_waits(medkd: Medkd, shelf: Path):
    RunFolder.create(shelf, TrainSpec(datasets=(Path("images"),)))

    assert "waiting" in medkd("runs").out
    assert "waiting" in medkd("runs", "show", "latest").out


def test_the_list_is_there_for_machines(medkd: Medkd, run: RunFolder):
    (found,) = json.loads(medkd("runs", "list", "--json").out)

    assert (found["path"], found["method"], found["outcome"], found["step"]) == (
        str(run.path),
        "shape-intensity",
        "cancelled",
        20,
    )


@pytest.mark.parametrize("how", ["path", "name", "end of the name", "latest"])
def test_a_run_is_found_by_path_by_name_or_as_the_latest(medkd: Medkd, run: RunFolder, how: str):
    answer = medkd("runs", "show", {"path": run.path, "name": run.name, "end of the name": "liver"}.get(how, how))

    assert answer.code == 0
    assert "student, 1 epochs done" in answer.out
    assert "0.8750" in answer.out
    assert "Continue it when you like." in answer.out


def test_a_run_shows_itself_to_machines(medkd: Medkd, run: RunFolder):
    found = json.loads(medkd("runs", "show", "latest", "--json").out)

    assert (found["phase"], found["stage"], found["epoch"], found["best"]) == ("ended", "student", 1, 0.875)


def test_a_mistyped_run_is_answered_with_the_nearest(medkd: Medkd, run: RunFolder):
    answer = medkd("runs", "show", run.name[:-1])

    assert answer.code == 2
    assert f"Did you mean {run.name!r}?" in answer.err


def test_a_folder_that_is_no_run_is_refused(medkd: Medkd, run: RunFolder, tmp_path: Path):
    answer = medkd("runs", "show", tmp_path)

    assert answer.code == 2
    assert "not a run" in answer.err


@pytest.mark.parametrize("order", ["pause", "stop"])
def test_an_order_to_a_run_that_is_not_at_work_is_refused(medkd: Medkd, run: RunFolder, order: str):
    answer = medkd("runs", order, "latest")

    assert answer.code == 2
    assert "No process is at work" in answer.err
    assert not (run.path / "control.jsonl").exists()


def test_what_is_to_be_typed_instead_of_an_order_can_be_copied(medkd: Medkd, run: RunFolder, tmp_path: Path):
    moved = shutil.move(run.path.parent, tmp_path / "my runs") / run.name

    assert command_line(["medkd", "runs", "resume", str(moved)]) in medkd("runs", "stop", moved).err


@pytest.mark.parametrize(("order", "written"), [("pause", "pause"), ("stop", "stop"), ("resume", "go")])
def test_an_order_to_a_live_run_is_written_into_its_folder(medkd: Medkd, run: RunFolder, order: str, written: str):
    with Heartbeat(run.path, 2):
        answer = medkd("runs", order, "latest")

    assert answer.code == 0
    assert json.loads((run.path / "control.jsonl").read_text(encoding="utf-8"))["order"] == written


def test_a_complete_run_is_not_continued(medkd: Medkd, run: RunFolder):
    run.append(RunEnded(outcome="completed"))

    answer = medkd("runs", "resume", "latest")

    assert answer.code == 2
    assert "complete" in answer.err


def test_the_end_of_the_log_is_printed(medkd: Medkd, run: RunFolder):
    run.log_path.write_text("".join(f"line {number}\n" for number in range(9)), encoding="utf-8")

    assert medkd("runs", "log", "latest", "-n", "2").out == "line 7\nline 8\n"


def test_a_run_without_a_log_is_told_by_file(medkd: Medkd, run: RunFolder):
    answer = medkd("runs", "log", "latest")

    assert answer.code == 2
    assert str(run.log_path) in answer.err


def test_a_run_is_renamed(medkd: Medkd, run: RunFolder):
    answer = medkd("runs", "rename", "latest", "my best")

    assert answer.code == 0
    assert Path(answer.out.strip()).name == "my-best"
    assert medkd("runs", "show", "my-best").code == 0


def test_a_run_is_deleted_when_that_is_confirmed(medkd: Medkd, run: RunFolder):
    assert medkd("runs", "delete", "latest", "--yes").code == 0
    assert not run.path.exists()


def test_a_run_stays_when_nobody_confirms(medkd: Medkd, run: RunFolder):
    assert medkd("runs", "delete", "latest").code == 1
    assert run.path.exists()


def test_a_live_run_is_not_deleted(medkd: Medkd, run: RunFolder):
    with Heartbeat(run.path, 2):
        answer = medkd("runs", "delete", "latest", "--yes")

    assert answer.code == 2
    assert run.path.exists()


def test_another_shelf_is_looked_at_where_it_is_named(medkd: Medkd, run: RunFolder, tmp_path: Path):
    shutil.move(run.path.parent, tmp_path / "elsewhere")

    assert run.name in medkd("runs", "--runs-folder", tmp_path / "elsewhere", "list").out


@pytest.mark.parametrize("how", ["variable", "option"])
def test_a_folder_of_runs_below_the_home_folder_is_the_same_for_every_command(
    medkd: Medkd, run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("MEDKD_RUNS", "~/runs" if how == "variable" else str(tmp_path / "none"))
    named = ("--runs-folder", "~/runs") if how == "option" else ()

    assert run.name in medkd("runs", *named, "list").out
    assert medkd("runs", *named, "show", "latest").code == 0
    assert medkd("runs", "show", f"~/runs/{run.name}").code == 0


@pytest.mark.engine
def test_a_run_is_begun_below_the_home_folder(
    medkd: Medkd, tiny_dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from napari_medkd.cli.training import new_run

    (tmp_path / "data").symlink_to(tiny_dataset)
    (tmp_path / "spec.json").write_text('{"datasets": ["~/data"], "method": {"name": "supervised"}}', encoding="utf-8")
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))

    assert medkd("check", tmp_path / "spec.json").code == 0
    run = new_run(tmp_path / "spec.json", {}, Path("~/begun"))

    assert run.path.parent == tmp_path / "begun"
    assert run.spec().datasets == (tmp_path / "data",)


def test_an_ended_run_can_be_followed_to_its_end(medkd: Medkd, run: RunFolder):
    answer = medkd("runs", "show", "latest", "--follow")

    assert answer.code == 0
    assert "The run was stopped. Continue it when you like." in answer.err


@pytest.fixture
def long_run(run: RunFolder) -> RunFolder:
    """The run continued to its end: 2000 steps, more events than a viewer takes in at once."""
    for step in range(11, 2001):
        run.append(StepDone(stage="student", step=step, losses={"dice": 0.25}, seconds_per_step=0.1))
    run.append(RunEnded(outcome="completed", message="The student is trained."))
    return run


def test_a_long_run_shows_where_it_stands_now(medkd: Medkd, long_run: RunFolder):
    told = medkd("runs", "show", "latest").out
    found = json.loads(medkd("runs", "show", "latest", "--json").out)

    assert "completed" in told
    assert (found["outcome"], found["message"]) == ("completed", "The student is trained.")


def test_a_long_run_is_followed_to_the_end_of_its_last_attempt(medkd: Medkd, long_run: RunFolder):
    answer = medkd("runs", "show", "latest", "--follow")

    assert "Completed. The student is trained." in answer.err


def test_a_damaged_run_stands_in_the_list_with_its_problem(medkd: Medkd, run: RunFolder):
    (run.path / "spec.json").write_text("{", encoding="utf-8")

    answer = medkd("runs")

    assert answer.code == 0
    assert "damaged" in answer.out
