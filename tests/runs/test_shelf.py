import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from napari_medkd.core.errors import RunProblem
from napari_medkd.core.events import EpochDone, RunEnded, RunStarted, to_line
from napari_medkd.core.run_layout import EVENTS, SPEC
from napari_medkd.core.spec import MethodChoice, PredictSpec, TrainSpec
from napari_medkd.runs.folder import RunFolder
from napari_medkd.runs.shelf import Shelf, default_runs_folder, runs_in
from tests.permissions import as_a_person, shared_folder


def run_of(folder: Path, day: int, *, has_started: bool = True) -> RunFolder:
    now = datetime(2026, 11, day, 2, 10, tzinfo=UTC)
    spec = TrainSpec(name=f"day {day}", datasets=(Path("data"),), method=MethodChoice(name="supervised"))
    run = RunFolder.create(folder, spec, now=now)
    os.utime(run.path / SPEC, (now.timestamp(), now.timestamp()))
    if has_started:
        started = RunStarted(
            at=now.timestamp() - 1, run=run.name, method="supervised", host="h", pid=1, versions={}, seed=0, plan=()
        )
        run.append(started)
        run.append(RunEnded(outcome="completed"))
    return run


def test_runs_are_listed_newest_first(tmp_path):
    runs = {day: run_of(tmp_path, day, has_started=day != 4) for day in (3, 5, 4)}

    found = runs_in(tmp_path)

    assert [summary.path for summary in found] == [runs[day].path for day in (5, 4, 3)]
    assert [summary.status.phase for summary in found] == ["ended", "queued", "ended"]
    assert {summary.method for summary in found} == {"supervised"}
    assert found[0].name == "2026-11-05_0210_supervised_day-5"
    assert found[2].started_at == datetime(2026, 11, 3, 2, 10, tzinfo=UTC).timestamp() - 1


def test_a_folder_without_runs_or_no_folder_has_none(tmp_path):
    (tmp_path / "notes").mkdir()
    (tmp_path / "file").write_text("")

    assert runs_in(tmp_path) == []
    assert runs_in(tmp_path / "nowhere") == []


def test_a_run_that_cannot_be_read_stands_in_the_list_with_its_reason(tmp_path):
    good, bad = run_of(tmp_path, 2), run_of(tmp_path, 1)
    (bad.path / SPEC).write_text("{")

    found = {summary.path: summary for summary in runs_in(tmp_path)}

    assert found[good.path].problem == ""
    assert "spec.json: The file is damaged" in found[bad.path].problem


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are those of POSIX")
def test_what_may_not_be_looked_at_hides_no_other_run():
    with shared_folder() as folder:
        runs = {day: run_of(folder, day) for day in (3, 2, 1)}
        (runs[2].path / EVENTS).chmod(0)
        runs[1].path.chmod(0)
        (folder / "lost+found").mkdir(0)

        with as_a_person():
            found = {summary.path: summary.problem for summary in runs_in(folder)}

    assert list(found) == [runs[3].path, runs[2].path]
    assert found[runs[3].path] == ""
    assert "events.jsonl: The file cannot be read" in found[runs[2].path]


def test_predictions_are_no_runs(tmp_path):
    run = run_of(tmp_path, 1)
    RunFolder.for_prediction(PredictSpec(run=run.path, out=tmp_path / "prediction"))

    shelf = Shelf(tmp_path)

    assert [summary.path for summary in shelf.look()] == [run.path]
    assert [summary.path for summary in shelf.look()] == [run.path]


def test_a_shelf_follows_what_comes_goes_and_changes(tmp_path, run_folder):
    os.utime(run_folder.path / SPEC, (1, 1))  # older than the other one, whatever today is
    shelf = Shelf(run_folder.path.parent)
    phases = [[summary.status.phase for summary in shelf.look()]]

    run_folder.append(RunEnded(outcome="completed"))
    phases.append([summary.status.phase for summary in shelf.look()])
    later = run_of(run_folder.path.parent, 30, has_started=False)
    phases.append([summary.status.phase for summary in shelf.look()])
    shutil.rmtree(later.path)
    phases.append([summary.status.phase for summary in shelf.look()])

    assert phases == [["lost"], ["ended"], ["queued", "ended"], ["ended"]]


def test_whoever_looks_beside_another_one_finds_all_of_a_run(tmp_path):
    run = run_of(tmp_path, 1)
    epoch = to_line(EpochDone(stage="student", epoch=1, step=1, metrics={}, is_best=False))
    (run.path / EVENTS).write_bytes((run.path / EVENTS).read_bytes().replace(b"\n", b"\n" + 5_000 * epoch, 1))
    shelf = Shelf(tmp_path)

    with ThreadPoolExecutor(4) as threads:
        looks = [threads.submit(shelf.look) for _ in range(4)]

    assert [look.result()[0].status.outcome for look in looks] == ["completed"] * 4


def test_a_run_whose_spec_was_mended_is_listed_without_a_problem(tmp_path):
    run = run_of(tmp_path, 1)
    spec = (run.path / SPEC).read_bytes()
    shelf = Shelf(tmp_path)

    (run.path / SPEC).write_bytes(b"{")
    broken = shelf.look()
    (run.path / SPEC).write_bytes(spec)

    assert (bool(broken[0].problem), shelf.look()[0].problem) == (True, "")


def test_a_runs_folder_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "runs").write_text("")

    with pytest.raises(RunProblem, match="runs: The runs folder cannot be read"):
        runs_in(tmp_path / "runs")


def test_the_runs_folder_is_what_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDKD_RUNS", str(tmp_path / "mine"))

    assert default_runs_folder() == tmp_path / "mine"


def test_without_an_environment_runs_are_kept_below_the_documents(tmp_path, monkeypatch):
    monkeypatch.delenv("MEDKD_RUNS", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))

    without = default_runs_folder()
    (tmp_path / "Documents").mkdir()

    assert without == tmp_path / "medkd-runs"
    assert default_runs_folder() == tmp_path / "Documents" / "medkd-runs"
