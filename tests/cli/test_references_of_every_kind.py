"""References of every kind of task, and of several datasets."""

import json

import pytest

from napari_medkd.cli.inspection import problems_of_spec
from napari_medkd.core.control import Always
from napari_medkd.core.errors import DatasetProblem
from napari_medkd.core.events import EpochDone
from napari_medkd.core.run_layout import RESOLVED
from napari_medkd.core.spec import Hardware, MethodChoice, NetworkChoice, Schedule, Target, TrainSpec
from napari_medkd.engine.learned_cases import learned_by
from napari_medkd.runs.folder import RunFolder
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine


def changed(folder, change):
    """Change a dataset's cases as a function of their list does."""
    manifest = folder / "medkd-dataset.json"
    document = json.loads(manifest.read_text())
    change(document["cases"])
    manifest.write_text(json.dumps(document))


def taught_in(run):
    return json.loads((run.path / RESOLVED).read_text())["taught_by"]


@pytest.fixture
def cells(tmp_path):
    """Pictures with masks, classes and boxes; every other one is framed."""
    return write_pictures(tmp_path / "cells", "cells")


def spec_of(*datasets, references, tasks, method="supervised"):
    return TrainSpec(
        datasets=datasets,
        targets=tuple(Target(dataset=folder.name, task=task) for folder in datasets for task in tasks),
        references=references,
        method=MethodChoice(name=method),
        network=NetworkChoice(widths=(4, 8, 8)),
        schedule=Schedule(epochs=1, steps_per_epoch=1, batch_size=2),
        hardware=Hardware(device="cpu", precision="fp32", threads=1),
    )


@pytest.mark.parametrize("task", ["shape", "border", "places"])
def test_references_teach_masks_classes_and_boxes(cells, tmp_path, medkd, task):
    run = RunFolder.create(tmp_path, spec_of(cells, references=("cells0", "cells1"), tasks=(task,)))

    answer = medkd("train", "--run", run.path)

    assert answer.code == 0, answer.err
    assert taught_in(run) == {"cells": ["cells0", "cells1"]}


def test_a_reference_teaches_the_dataset_that_has_it(cells, tmp_path, medkd):
    spots = write_pictures(tmp_path / "spots", "spots", channels=2)
    references = ("spots3", "cells0", "cells1")
    spec = spec_of(cells, spots, references=references, tasks=("shape",), method="joint-teacher")
    run = RunFolder.create(tmp_path, spec)

    answer = medkd("train", "--run", run.path)

    assert answer.code == 0, answer.err
    assert taught_in(run) == {"cells": ["cells0", "cells1"], "spots": ["spots3"]}
    (run.path / RESOLVED).unlink()
    assert learned_by(run.path) == {"cells": ("cells0", "cells1"), "spots": ("spots3",)}


@pytest.mark.parametrize("method", ["joint-teacher", "multi-head"])
def test_with_references_no_label_of_a_validation_case_is_read(cells, tmp_path, method):
    from napari_medkd.engine.bench import open_bench
    from napari_medkd.engine.loop import train
    from napari_medkd.methods import method_named

    spec = spec_of(cells, references=("cells0", "cells1"), tasks=("shape",), method=method)
    bench = open_bench(spec, frozenset({"segmentation"}))
    for name in bench.dataset.split.validate:
        bench.dataset.case(name).annotations["shape"].unlink()

    events = list(train(method_named(method), bench, tmp_path / "run", Always()))

    assert events[-1].outcome == "completed"
    assert all("dice rectangle" in event.metrics for event in events if isinstance(event, EpochDone))


def test_a_dataset_among_several_without_a_reference_is_told(cells, tmp_path):
    from napari_medkd.engine.bench import open_bench

    spots = write_pictures(tmp_path / "spots", "spots")
    spec = spec_of(cells, spots, references=("cells0",), tasks=("shape",), method="joint-teacher")

    (found,) = problems_of_spec(spec, read_images=False)

    assert (found.where, found.problem) == ("references", "Dataset 'spots' has none of the references: cells0.")
    with pytest.raises(DatasetProblem, match="has none of the references"):
        open_bench(spec, frozenset({"segmentation"}))


@pytest.mark.parametrize(("task", "lacks"), [("shape", "mask"), ("border", "class"), ("places", "boxes")])
def test_a_reference_without_a_label_is_told_of_every_kind(cells, task, lacks):
    changed(cells, lambda cases: cases[0]["annotations"].pop(task))

    problems = problems_of_spec(spec_of(cells, references=("cells0", "cells1"), tasks=(task,)), read_images=False)

    assert f"Case 'cells0' has no {lacks} for {task!r}." in [found.problem for found in problems]


def test_a_class_that_no_reference_belongs_to_is_named(cells):
    (found,) = problems_of_spec(spec_of(cells, references=("cells1",), tasks=("border",)), read_images=False)

    assert found.problem == "No reference shows plain."


def test_of_several_tasks_each_needs_a_reference_and_each_reference_a_task(cells):
    changed(cells, lambda cases: cases[0].update(annotations={"shape": "mask0.png"}))
    changed(cells, lambda cases: cases[1].update(annotations={"places": "boxes1.json"}))
    both = spec_of(cells, references=("cells0", "cells1"), tasks=("shape", "places"), method="multi-head")

    assert problems_of_spec(both, read_images=False) == []
    (found,) = problems_of_spec(both.replace(references=("cells0",)), read_images=False)
    assert found.problem == "Case 'cells0' has no boxes for 'places'."
