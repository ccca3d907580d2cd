"""Classes and boxes of volumes, learned from two datasets whose voxels differ in size and number."""

import math

import numpy as np
import pytest

from napari_medkd.core.control import Always
from napari_medkd.core.events import CaseDone, StageStarted, StepDone
from napari_medkd.core.grid import Grid
from napari_medkd.core.spec import Hardware, NetworkChoice, PredictSpec, Target
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.predict import predict
from napari_medkd.files.results import predictions_in, read_prediction
from napari_medkd.methods.joint_teacher import METHOD
from tests.methods.joint_runs import spec_of, trained
from tests.methods.small_volumes import write_volumes

pytestmark = pytest.mark.engine

THICK, FINE = Grid.upright((8, 16, 20), (3.0, 1.0, 1.0)), Grid.upright((12, 16, 12), (1.5, 1.5, 2.0))
TARGETS = (
    Target(dataset="thick", task="findings"),
    Target(dataset="thick", task="places"),
    Target(dataset="fine", task="places"),
)


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    """A step of each stage: findings and boxes of one dataset, boxes alone of the other."""
    data = tmp_path_factory.mktemp("data")
    thick = write_volumes(data / "thick", "thick", THICK, lump=(3, 6, 6), findings=True)
    fine = write_volumes(data / "fine", "fine", FINE, lump=(5, 5, 4), findings=False)
    spec = spec_of(thick, fine, targets=TARGETS, balanced=True).replace(network=NetworkChoice(widths=(4, 8)))
    return spec.replace(schedule=spec.schedule.replace(steps_per_epoch=1, batch_size=2))


@pytest.fixture(scope="module")
def run(spec, tmp_path_factory):
    """The run's folder, and what it told."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    return folder, trained(spec, folder)


def test_each_dataset_is_seen_at_its_own_spacing(spec):
    thick, fine = open_bench(spec, METHOD.tasks).benches

    assert thick.preprocessing.dimensions == fine.preprocessing.dimensions == 3
    assert thick.preprocessing.spacing == (3.0, 1.0, 1.0)
    assert fine.preprocessing.spacing == (1.5, 1.5, 2.0)


def test_every_network_takes_a_step_on_all_that_is_asked_of_it(run):
    _, events = run

    steps = {event.stage: event.losses for event in events if isinstance(event, StepDone)}
    assert [event.stage for event in events if isinstance(event, StageStarted)] == list(steps)
    assert list(steps) == ["expert-thick", "expert-fine", "teacher", "student-thick", "student-fine"]
    followed = {"features", "answers: box classes", "answers: box places"}
    assert set(steps["student-fine"]) == {"box classes", "box places", *followed}
    assert set(steps["student-thick"]) == {"classes", "answers: classes", "box classes", "box places", *followed}
    assert all(math.isfinite(loss) for losses in steps.values() for loss in losses.values())


@pytest.mark.parametrize(
    ("dataset", "grid", "tasks"), [("thick", THICK, {"findings", "places"}), ("fine", FINE, {"places"})]
)
def test_students_answer_on_the_grid_of_their_own_datasets_images(spec, run, tmp_path, dataset, grid, tasks):
    folder, _ = run
    hardware = Hardware(device="cpu", precision="fp32", threads=1)
    data = next(path for path in spec.datasets if path.name == dataset)
    asked = PredictSpec(
        run=folder, cases=(f"{dataset}3",), data=data, stage=f"student-{dataset}", out=tmp_path, hardware=hardware
    )

    done = [event for event in predict(asked, Always()) if isinstance(event, CaseDone)]

    found = {answer.task.name: answer for answer in map(read_prediction, predictions_in(tmp_path))}
    assert len(done) == len(found)
    assert set(found) == tasks
    assert all(answer.grid.matches(grid) for answer in found.values())
    corners = found["places"].boxes.boxes.corners
    assert (corners >= 0).all()
    assert (corners <= np.array(grid.shape * 2)).all()
    if "findings" in tasks:
        assert set(found["findings"].scores.scores) == {"lump", "bright slice"}
        assert found["findings"].attention.map_ZYX.shape == grid.shape
