"""A training run, from the options to what it says."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from napari_medkd.cli import training
from napari_medkd.core.command_line import command_line
from napari_medkd.core.control import Always
from napari_medkd.core.events import CheckpointSaved
from napari_medkd.core.run_layout import RESOLVED
from napari_medkd.core.spec import MethodChoice, TrainSpec
from napari_medkd.core.status import status_of
from napari_medkd.engine import loop
from napari_medkd.files.annotating import save_annotation
from napari_medkd.files.manifest import open_dataset, write_dataset
from napari_medkd.files.opening import read_mask
from napari_medkd.runs.documents import read_document
from napari_medkd.runs.folder import RunFolder
from tests.cli.conftest import Medkd
from tests.pictures import write_pictures


@pytest.mark.engine
def test_that_references_leave_the_other_labels_out_is_noticed(tiny_dataset: Path, tmp_path: Path, medkd: Medkd):
    quick = ("--method", "supervised", "--widths", "4,8", "--epochs", 1, "--steps-per-epoch", 1, "--device", "cpu")

    answer = medkd("train", "--runs-folder", tmp_path, "--data", tiny_dataset, *quick, "--reference", "case_0")

    (notice,) = status_of(RunFolder(Path(answer.out.strip())).events()).notices
    assert answer.code == 0
    assert "alone" in notice
    assert f"Note: {notice}" in answer.err


@pytest.mark.engine
def test_that_a_run_from_references_goes_on_from_other_labels_is_noticed(
    tiny_dataset: Path, tmp_path: Path, medkd: Medkd
):
    quick = ("--method", "supervised", "--widths", "4,8", "--epochs", 1, "--steps-per-epoch", 1, "--device", "cpu")
    train = ("train", "--runs-folder", tmp_path, "--data", tiny_dataset, *quick)
    earlier = medkd(*train).out.strip()

    answer = medkd(*train, "--reference", "case_0", "--start-from", earlier)

    (notice,) = status_of(RunFolder(Path(answer.out.strip())).events()).notices
    assert answer.code == 0, answer.err
    assert "case_1" in notice
    assert "case_0" not in notice
    assert "alone, begin from scratch" in notice


@pytest.mark.engine
def test_that_a_reference_lacks_a_class_is_noticed(tiny_dataset: Path, tmp_path: Path, medkd: Medkd):
    dataset = replace(open_dataset(tiny_dataset), folder=tmp_path)
    known = read_mask(tiny_dataset / "labels" / "case_1.nii.gz", dataset.task("shapes"))
    labels = known.labels.copy()
    labels[labels == 2] = 0
    save_annotation(dataset, "case_1", replace(known, labels=labels))
    quick = ("--method", "supervised", "--widths", "4,8", "--epochs", 1, "--steps-per-epoch", 1, "--device", "cpu")
    references = ("--reference", "case_0", "--reference", "case_1")

    answer = medkd("train", "--runs-folder", tmp_path / "runs", "--data", tmp_path, *quick, *references)

    assert answer.code == 0, answer.err
    notices = status_of(RunFolder(Path(answer.out.strip())).events()).notices
    assert "Reference case_1 shows no cube: it is learned as absent there." in notices


@pytest.mark.engine
def test_that_no_case_shows_a_class_is_noticed(tiny_dataset: Path, tmp_path: Path, medkd: Medkd):
    dataset = open_dataset(tiny_dataset)
    shapes = dataset.task("shapes")
    more = replace(shapes, classes=(*shapes.classes, "cone"))
    write_dataset(replace(dataset, tasks={"shapes": more}), tmp_path)
    quick = ("--method", "supervised", "--widths", "4,8", "--epochs", 1, "--steps-per-epoch", 1, "--device", "cpu")

    answer = medkd("train", "--runs-folder", tmp_path / "runs", "--data", tmp_path, *quick)

    assert answer.code == 0, answer.err
    notices = status_of(RunFolder(Path(answer.out.strip())).events()).notices
    assert notices == ("No training case of tiny shows cone (shapes): what no label shows cannot be learned.",)


@pytest.mark.engine
def test_no_class_is_missed_where_few_cases_have_a_mask(tmp_path: Path, medkd: Medkd):
    folder = write_pictures(tmp_path / "signs", "signs", tasks="mc")
    manifest = folder / "medkd-dataset.json"
    document = json.loads(manifest.read_text())
    masked, *others = document["cases"]
    for case in others:
        del case["annotations"]["shape"]
    copies = [{**others[number % 2], "id": f"copy{number}"} for number in range(32)]
    document["cases"] = [*copies, masked]  # 32 of 33, evenly chosen, are all but the last
    document["split"] = {"train": [case["id"] for case in document["cases"]]}
    manifest.write_text(json.dumps(document))
    quick = ("--method", "multi-head", "--widths", "4,8", "--epochs", 1, "--steps-per-epoch", 1, "--device", "cpu")
    both = ("--task", "shape", "--task", "border")

    answer = medkd("train", "--runs-folder", tmp_path / "runs", "--data", folder, *quick, *both)

    assert answer.code == 0, answer.err
    notices = status_of(RunFolder(Path(answer.out.strip())).events()).notices
    assert not [notice for notice in notices if "cannot be learned" in notice]


def stopped_at_a_checkpoint(spec: TrainSpec, folder: RunFolder) -> None:
    """Train in a folder until the first checkpoint is saved, as if the process had ended there."""
    from napari_medkd.engine.bench import open_bench
    from napari_medkd.engine.loop import train
    from napari_medkd.methods import method_named

    method = method_named(spec.method.name)
    bench = open_bench(spec, method.tasks)
    folder.write_resolved(bench.resolved.model_dump(mode="json"))
    for event in train(method, bench, folder.path, Always()):
        folder.append(event)
        if isinstance(event, CheckpointSaved):
            break


@pytest.fixture
def stopped(tiny_spec: TrainSpec, tmp_path: Path, medkd: Medkd) -> tuple[RunFolder, Path]:
    """A run that stopped after the first of two epochs, and the run that it started from."""
    spec = tiny_spec.replace(method=MethodChoice(name="supervised"))
    short = spec.replace(schedule=spec.schedule.replace(epochs=1, steps_per_epoch=1))
    earlier = RunFolder.create(tmp_path, short)
    assert medkd("train", "--run", earlier.path).code == 0
    folder = RunFolder.create(tmp_path, spec.replace(start_from=earlier.path))
    stopped_at_a_checkpoint(folder.spec(), folder)
    return folder, earlier.path


@pytest.mark.engine
def test_a_run_that_began_on_the_processor_queues_for_it_where_there_is_a_gpu(
    tiny_spec: TrainSpec, tmp_path: Path, medkd: Medkd, monkeypatch: pytest.MonkeyPatch
):
    hardware = tiny_spec.hardware.replace(device="auto")
    folder = RunFolder.create(tmp_path, tiny_spec.replace(hardware=hardware, method=MethodChoice(name="supervised")))
    stopped_at_a_checkpoint(folder.spec(), folder)
    resolved = read_document(folder.path, RESOLVED)
    folder.write_resolved(resolved | {"device": "cpu"})
    queues: list[str] = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr(training, "wait_for_turn", lambda _heartbeat, device, _control: queues.append(device))

    answer = medkd("train", "--run", folder.path, "--resume")

    assert answer.code == 0, answer.err
    assert queues == ["cpu"]


@pytest.fixture
def with_expert(tiny_spec: TrainSpec, tmp_path: Path, medkd: Medkd) -> tuple[RunFolder, Path]:
    """A run that stopped when it had taken its expert, and the run that gave it."""
    quick = tiny_spec.replace(schedule=tiny_spec.schedule.replace(epochs=1, steps_per_epoch=1))
    earlier = RunFolder.create(tmp_path, quick.replace(method=MethodChoice(name="supervised")))
    assert medkd("train", "--run", earlier.path).code == 0
    spec = quick.replace(method=MethodChoice(name="joint-teacher"), starts_from={"expert": earlier.path})
    folder = RunFolder.create(tmp_path, spec)
    stopped_at_a_checkpoint(spec, folder)
    return folder, earlier.path


@pytest.fixture(params=["stopped", "with_expert"])
def indebted(request: pytest.FixtureRequest) -> tuple[RunFolder, Path]:
    """A run that stopped after it had taken something of an earlier one, and that one."""
    found: tuple[RunFolder, Path] = request.getfixturevalue(request.param)
    return found


@pytest.mark.engine
def test_a_run_goes_on_when_the_one_it_took_something_of_is_gone(indebted: tuple[RunFolder, Path], medkd: Medkd):
    folder, earlier = indebted
    shutil.rmtree(earlier)

    answer = medkd("train", "--run", folder.path, "--resume")

    assert answer.code == 0, answer.err
    assert status_of(folder.events()).outcome == "completed"


@pytest.mark.engine
@pytest.mark.parametrize(
    ("indebted", "told"),
    [("stopped", "is no run"), ("with_expert", "no finished weights")],
    indirect=["indebted"],
)
def test_a_run_that_has_not_taken_it_yet_needs_the_earlier_one(
    indebted: tuple[RunFolder, Path], told: str, medkd: Medkd
):
    folder, earlier = indebted
    shutil.rmtree(earlier)
    shutil.rmtree(folder.path / "checkpoints")

    answer = medkd("train", "--run", folder.path, "--resume")

    assert answer.code == 2
    assert told in answer.err


@pytest.mark.engine
def test_how_a_run_is_continued_can_be_copied(tmp_path: Path, medkd: Medkd):
    folder = RunFolder.create(tmp_path / "my runs", TrainSpec(datasets=(tmp_path / "gone",))).path

    answer = medkd("train", "--run", folder)

    assert answer.code == 2
    assert f"Continue it with: {command_line(['medkd', 'train', '--run', str(folder), '--resume'])}" in answer.err


@pytest.mark.engine
def test_a_run_that_diverged_is_not_said_to_be_continued(
    tiny_dataset: Path, tmp_path: Path, medkd: Medkd, monkeypatch: pytest.MonkeyPatch
):
    original = loop.step_once

    def poisoned(*arguments: Any) -> dict[str, Any]:
        return {name: value * float("nan") for name, value in original(*arguments).items()}

    monkeypatch.setattr(loop, "step_once", poisoned)
    quick = ("--method", "supervised", "--widths", "4,8", "--epochs", 1, "--steps-per-epoch", 1, "--device", "cpu")

    answer = medkd("train", "--runs-folder", tmp_path, "--data", tiny_dataset, *quick)

    assert answer.code == 1
    assert "Train a new run with a lower --learning-rate" in answer.err
    assert "Continue it" not in answer.err
