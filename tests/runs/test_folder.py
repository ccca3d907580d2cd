import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from napari_medkd.core.errors import InputProblem, RunBusy, RunProblem
from napari_medkd.core.events import Noticed, RunContinued, RunEnded, RunPaused, StepDone
from napari_medkd.core.run_layout import CHECKPOINTS, CONTROL, EVENTS, MACHINE, RESOLVED, SPEC
from napari_medkd.core.spec import MethodChoice, PredictSpec, TrainSpec
from napari_medkd.core.status import status_of
from napari_medkd.runs.documents import read_document
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.heartbeat import Heartbeat
from napari_medkd.runs.pulse import liveness
from tests.full_disk import complaints_on_a_full_disk

NOW = datetime(2026, 11, 21, 2, 10, tzinfo=UTC)


def spec_named(name: str = "", dataset: str = "data/liver") -> TrainSpec:
    return TrainSpec(name=name, datasets=(Path(dataset),), method=MethodChoice(name="shape-intensity"))


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        (spec_named("second try"), "2026-11-21_0210_shape-intensity_second-try"),
        (spec_named(), "2026-11-21_0210_shape-intensity_liver"),
        (spec_named(dataset="data/spleen/medkd-dataset.json"), "2026-11-21_0210_shape-intensity_spleen"),
        (spec_named('a/b\\c:d*e?"<>|'), "2026-11-21_0210_shape-intensity_a-b-c-d-e"),
        (spec_named("Größe 2.5"), "2026-11-21_0210_shape-intensity_Größe-2.5"),
        (spec_named("../.."), "2026-11-21_0210_shape-intensity"),
        (spec_named("x" * 300), "2026-11-21_0210_shape-intensity_" + "x" * 80),
    ],
)
def test_a_runs_name_says_when_how_and_on_what(tmp_path, spec, name):
    run = RunFolder.create(tmp_path / "runs", spec, now=NOW)

    assert run.name == name
    assert run.path == tmp_path / "runs" / name
    assert run.spec() == spec


def test_runs_of_the_same_minute_get_numbers(tmp_path):
    names = [RunFolder.create(tmp_path, spec_named("a"), now=NOW).name for _ in range(3)]

    assert names == [f"2026-11-21_0210_shape-intensity_a{number}" for number in ("", "-2", "-3")]


def test_a_runs_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "runs").write_text("not a folder")

    with pytest.raises(RunProblem, match=r"of-today: The runs folder cannot be written .+ Check the path"):
        RunFolder.create(tmp_path / "runs" / "of-today", spec_named())


@pytest.mark.skipif(sys.platform == "win32", reason="the size limit that stands for a full disk is POSIX")
def test_a_full_disk_leaves_no_empty_run_behind(tmp_path):
    script = (
        "from napari_medkd.core.spec import TrainSpec\n"
        "from napari_medkd.runs.folder import RunFolder\n"
        "RunFolder.create(path, TrainSpec(datasets=(Path('data'),)))\n"
    )

    complaints = complaints_on_a_full_disk(script, tmp_path, limit_bytes=10)

    assert "spec.json" in complaints
    assert "Free some space" in complaints
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is in Unicode")
def test_a_spec_that_cannot_be_written_leaves_no_empty_folder(tmp_path):
    spec = TrainSpec(datasets=(Path(os.fsdecode(b"/data/Z\xe4hne")),))

    with pytest.raises(UnicodeEncodeError):
        RunFolder.create(tmp_path, spec)

    assert list(tmp_path.iterdir()) == []


def test_events_are_read_back_in_order(tmp_path):
    run = RunFolder.create(tmp_path, spec_named())
    events = [Noticed(message=f"line {number}") for number in range(5)]

    for event in events:
        run.append(event)

    assert RunFolder(run.path).events() == events


def test_damaged_and_unknown_lines_are_skipped(run_folder):
    before = run_folder.events()
    with (run_folder.path / EVENTS).open("ab") as file:
        file.write(b'{"kind":"sung_a_song","at":1.0}\n\x00\x00\nTraceback\n')

    run_folder.append(RunEnded(outcome="completed"))

    assert len(run_folder.events()) == len(before) + 1


def test_a_torn_last_line_is_cut_before_the_next_process_appends(run_folder):
    before = run_folder.events()
    with (run_folder.path / EVENTS).open("ab") as file:
        file.write(b'{"kind":"step_done","stage":"stu')

    next_process = RunFolder(run_folder.path)
    next_process.append(RunPaused(at=1.0))

    assert next_process.events() == [*before, RunPaused(at=1.0)]
    assert b"stu{" not in (run_folder.path / EVENTS).read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no always full device")
def test_a_full_disk_is_named_with_the_fix(run_folder):
    (run_folder.path / EVENTS).unlink()
    (run_folder.path / EVENTS).symlink_to("/dev/full")

    with pytest.raises(RunProblem, match=r"events\.jsonl: The event cannot be written .+ Free some space"):
        run_folder.append(RunPaused())


def test_a_run_folder_that_was_deleted_meanwhile_is_named(tmp_path):
    run = RunFolder(tmp_path / "gone")

    assert run.events() == []
    with pytest.raises(RunProblem, match=r"events\.jsonl: The event cannot be written .+ Check the path"):
        run.append(RunPaused())
    with pytest.raises(RunProblem, match="gone: This folder holds no"):
        run.spec()
    with pytest.raises(InputProblem, match=r"machine\.json: The file cannot be written"):
        run.write_machine({})


def test_attempts_are_counted_from_what_was_said(run_folder, tmp_path):
    fresh = RunFolder.create(tmp_path, spec_named())
    first = run_folder.next_attempt()
    run_folder.append(RunContinued(stage="student", epoch=1, host="h", pid=1, attempt=2))

    assert (fresh.next_attempt(), first, run_folder.next_attempt()) == (1, 2, 3)


def test_a_scripted_run_is_in_the_middle_of_its_student(run_folder):
    status = status_of(run_folder.events())

    assert (status.phase, status.stage, status.epoch, status.step, status.of_steps) == (
        "training",
        "student",
        1,
        15,
        20,
    )


def test_facts_about_the_machine_and_measured_choices_are_kept(tmp_path):
    run = RunFolder.create(tmp_path, spec_named())

    run.write_machine({"host": "node-3", "versions": {"torch": "2.10.0"}})
    run.write_resolved({"precision": "bf16", "batch_size": 4})

    assert read_document(run.path, MACHINE) == {"host": "node-3", "versions": {"torch": "2.10.0"}}
    assert read_document(run.path, RESOLVED) == {"precision": "bf16", "batch_size": 4}


def test_an_order_reaches_the_run(run_folder):
    run_folder.order("pause")

    assert json.loads((run_folder.path / CONTROL).read_text())["order"] == "pause"


def test_a_relative_run_folder_stays_the_same_when_the_current_folder_changes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = RunFolder.create(Path("runs"), spec_named())
    (tmp_path / "elsewhere").mkdir()

    monkeypatch.chdir(tmp_path / "elsewhere")
    run.append(RunPaused(at=1.0))

    assert run.path.parent == tmp_path / "runs"
    assert run.events() == [RunPaused(at=1.0)]


def test_a_renamed_run_keeps_everything(run_folder):
    events = run_folder.events()

    renamed = run_folder.rename("liver: best of all")

    assert renamed.name == "liver-best-of-all"
    assert renamed.events() == events
    assert not run_folder.path.exists()


def test_a_run_is_not_renamed_over_another(tmp_path):
    first, second = (RunFolder.create(tmp_path, spec_named(name)) for name in ("one", "two"))

    with pytest.raises(RunProblem, match="already a folder of this name"):
        first.rename(second.name)

    assert first.spec().name == "one"


@pytest.mark.parametrize("nothing", ["", "..", "/", "   "])
def test_a_run_keeps_its_name_where_the_new_one_is_none(run_folder, nothing):
    assert run_folder.rename(nothing).path == run_folder.path


def test_a_run_that_is_not_there_cannot_be_renamed(tmp_path):
    with pytest.raises(RunProblem, match="The run cannot be renamed"):
        RunFolder(tmp_path / "gone").rename("found")


def test_a_deleted_run_is_gone(run_folder):
    for name in ("checkpoints", "previews", "predictions", "cache"):
        (run_folder.path / name / "deep").mkdir(parents=True)
        (run_folder.path / name / "deep" / "file").write_bytes(b"")
    for left_by_a_killed_process in ("heartbeat.lock", ".heartbeat.json.0123abcd.part", ".spec.json.0123abcd.part"):
        (run_folder.path / left_by_a_killed_process).write_bytes(b"")

    run_folder.delete()

    assert not run_folder.path.exists()


def test_deleting_a_run_leaves_what_the_person_put_beside_it(run_folder):
    own = [".download.zip.part", "my notes.txt"]
    for name in own:
        (run_folder.path / name).write_text("keep me")

    run_folder.delete()

    assert sorted(path.name for path in run_folder.path.iterdir()) == own


def test_a_folder_that_is_no_run_is_never_deleted(tmp_path):
    (tmp_path / "checkpoints").mkdir()

    with pytest.raises(RunProblem, match="it is no run"):
        RunFolder(tmp_path).delete()

    assert (tmp_path / "checkpoints").is_dir()


def test_a_run_at_work_is_neither_renamed_nor_deleted(run_folder):
    with Heartbeat(run_folder.path, 2):
        with pytest.raises(RunBusy, match="or stop it: medkd runs stop"):
            run_folder.rename("other")
        with pytest.raises(RunBusy, match="or stop it: medkd runs stop"):
            run_folder.delete()

    run_folder.delete()


def test_a_run_whose_network_is_being_asked_is_neither_renamed_nor_deleted(run_folder):
    predictions = run_folder.path / "predictions"
    for name in ("student-all", "student-test"):
        RunFolder.for_prediction(PredictSpec(run=run_folder.path, cases=("a",), out=predictions / name))

    with Heartbeat(predictions / "student-test", 1):
        with pytest.raises(RunBusy, match="student-test: Process"):
            run_folder.rename("other")
        with pytest.raises(RunBusy, match="student-test: Process"):
            run_folder.delete()

    assert run_folder.rename("other").path.is_dir()


def test_a_prediction_has_a_folder_with_the_same_rules(tmp_path):
    spec = PredictSpec(run=tmp_path / "run", images=(tmp_path / "a.nii.gz",), out=tmp_path / "out" / "deep")

    prediction = RunFolder.for_prediction(spec)
    prediction.append(RunPaused(at=1.0))

    assert prediction.path == spec.out
    assert prediction.is_prediction()
    assert prediction.prediction_spec() == spec
    assert prediction.events() == [RunPaused(at=1.0)]


def test_a_later_prediction_may_use_the_folder_again(tmp_path):
    first = PredictSpec(run=tmp_path, cases=("a",), out=tmp_path / "out")
    RunFolder.for_prediction(first)

    again = RunFolder.for_prediction(first.replace(cases=("b",)))

    assert again.prediction_spec().cases == ("b",)


def test_predictions_do_not_mix_with_a_training_run(run_folder):
    with pytest.raises(RunProblem, match="training run; predictions would mix with it"):
        RunFolder.for_prediction(PredictSpec(run=run_folder.path, out=run_folder.path))

    assert not run_folder.is_prediction()


@pytest.mark.parametrize("name", ["log.txt", "events.jsonl", "machine.json"])
def test_a_prediction_does_not_write_into_files_of_its_names_that_are_of_no_prediction(tmp_path, name):
    theirs = tmp_path / "out" / name
    theirs.parent.mkdir()
    theirs.write_text("mine")

    with pytest.raises(RunProblem, match="This file is of no prediction") as refused:
        RunFolder.for_prediction(PredictSpec(run=tmp_path, cases=("a",), out=theirs.parent))

    assert refused.value.problems[0].where == str(theirs)
    assert [path.name for path in theirs.parent.iterdir()] == [name]
    assert theirs.read_text() == "mine"


def test_two_predictions_at_once_do_not_share_a_folder(tmp_path):
    spec = PredictSpec(run=tmp_path, cases=("a",), out=tmp_path / "out")
    prediction = RunFolder.for_prediction(spec)

    with Heartbeat(prediction.path, 1), pytest.raises(RunBusy):
        RunFolder.for_prediction(spec.replace(cases=("b",)))

    assert prediction.prediction_spec() == spec


def test_a_prediction_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(RunProblem, match="The folder cannot be made"):
        RunFolder.for_prediction(PredictSpec(run=tmp_path, out=tmp_path / "file" / "out"))


def test_a_folder_whose_files_cannot_be_deleted_stays_a_run(run_folder):
    (run_folder.path / EVENTS).unlink()
    (run_folder.path / EVENTS).mkdir()

    with pytest.raises(RunProblem, match="The run cannot be deleted"):
        run_folder.delete()

    assert (run_folder.path / SPEC).is_file()


def test_a_loss_that_is_no_number_is_kept(tmp_path):
    run = RunFolder.create(tmp_path, spec_named())

    run.append(StepDone(stage="s", step=1, losses={"dice": float("nan")}, seconds_per_step=0.1))

    (event,) = run.events()
    assert isinstance(event, StepDone)
    assert event.losses["dice"] != event.losses["dice"]


def test_nobody_is_at_work_in_a_new_folder(tmp_path):
    assert liveness(RunFolder.create(tmp_path, spec_named()).path) == "none"


@pytest.mark.skipif(sys.platform == "win32", reason="creating links needs a right of its own there")
def test_deleting_a_run_does_not_follow_links_out_of_it(run_folder, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("")
    (run_folder.path / CHECKPOINTS).symlink_to(tmp_path / "precious")

    with pytest.raises(RunProblem, match="cannot be deleted"):
        run_folder.delete()

    assert (tmp_path / "precious" / "file").exists()
