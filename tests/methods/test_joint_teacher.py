"""The joint teacher: experts of several datasets, one teacher, a student for each."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from napari_medkd.cli.inspection import problems_of_spec
from napari_medkd.core.control import Always
from napari_medkd.core.errors import InputProblem
from napari_medkd.core.events import CaseDone, PreviewSaved, StageStarted, StepDone
from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.core.spec import Hardware, NetworkChoice, PredictSpec, Schedule, Target
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.checkpoint import load_network
from napari_medkd.engine.method import settings_of
from napari_medkd.engine.predict import predict
from napari_medkd.files.results import predictions_in, read_prediction
from napari_medkd.methods.joint_teacher import METHOD
from tests.methods.joint_runs import ALL, first_batch, spec_of, stages_of, trained
from tests.pictures import write_pictures

pytestmark = pytest.mark.engine


def answers(run: Path, network: str, dataset: Path, case: str, out: Path) -> dict[str, object]:
    hardware = Hardware(device="cpu", precision="fp32", threads=1)
    spec = PredictSpec(run=run, cases=(case,), data=dataset, stage=network, out=out, hardware=hardware)
    done = [event for event in predict(spec, Always()) if isinstance(event, CaseDone)]
    found = [read_prediction(path) for path in predictions_in(out)]
    assert len(found) == len(done)
    return {prediction.task.name: prediction for prediction in found}


@pytest.fixture(scope="module")
def run(cells, spots, tmp_path_factory) -> Path:
    """A finished run over both datasets."""
    folder = tmp_path_factory.mktemp("runs") / "joint"
    trained(spec_of(cells, spots), folder)
    return folder


def test_every_dataset_has_an_expert_and_a_student_around_one_teacher(cells, spots, tmp_path):
    events = trained(spec_of(cells, spots), tmp_path / "run")

    stages = [event.stage for event in events if isinstance(event, StageStarted)]
    assert stages == ["expert-cells", "expert-spots", "teacher", "student-cells", "student-spots"]


def test_one_network_answers_three_tasks(run, cells, tmp_path):
    found = answers(run, "student-cells", cells, "cells11", tmp_path / "out")

    assert set(found) == {"shape", "border", "places"}
    assert found["shape"].mask.labels.shape == (1, 32, 32)
    assert sum(found["border"].scores.scores.values()) == pytest.approx(1)
    assert found["border"].attention.map_ZYX.shape == (1, 32, 32)
    assert found["places"].boxes.boxes.task.kind == "detection"


def test_the_teacher_answers_each_datasets_own_questions(run, cells, spots, tmp_path):
    of_cells = answers(run, "teacher-cells", cells, "cells11", tmp_path / "cells")
    of_spots = answers(run, "teacher-spots", spots, "spots11", tmp_path / "spots")

    assert set(of_cells) == {"shape", "border", "places"}
    assert set(of_spots) == {"border"}


def test_the_weights_of_the_teacher_are_written_once(run):
    files = sorted(path.name for path in (run / "checkpoints").glob("teacher*.done.*"))

    assert files == [
        "teacher-cells.done.json",
        "teacher-spots.done.json",
        "teacher.done.json",
        "teacher.done.safetensors",
    ]


def test_the_student_answers_the_same_without_the_teacher(run, cells, tmp_path):
    before = answers(run, "student-cells", cells, "cells10", tmp_path / "before")
    for path in (run / "checkpoints").iterdir():
        if not path.name.startswith("student"):
            path.rename(path.with_name(f"{path.name}.away"))
    try:
        after = answers(run, "student-cells", cells, "cells10", tmp_path / "after")
    finally:
        for path in (run / "checkpoints").glob("*.away"):
            path.rename(path.with_name(path.name.removesuffix(".away")))

    assert before["border"].scores == after["border"].scores
    assert (before["shape"].mask.labels == after["shape"].mask.labels).all()


def test_without_what_the_teacher_says_the_student_is_the_plain_one_bit_for_bit(cells, tmp_path):
    trained(spec_of(cells, answers=0.0, features=0.0), tmp_path / "without")
    trained(spec_of(cells, method="supervised"), tmp_path / "plain")

    without, plain = (load_file(checkpoint_path(tmp_path / name, "student", "done")) for name in ("without", "plain"))
    assert without.keys() == plain.keys()
    assert all(torch.equal(without[name], plain[name]) for name in plain)


def test_experts_and_untaught_students_are_plain_runs_bit_for_bit(cells, spots, tmp_path):
    trained(spec_of(cells, spots), tmp_path / "with")
    trained(spec_of(cells, spots, answers=0.0, features=0.0), tmp_path / "without")
    targets = {"cells": (cells, ALL), "spots": (spots, (Target(),))}

    for name, (folder, asked) in targets.items():
        trained(spec_of(folder, targets=asked, method="supervised"), tmp_path / name)
        plain = load_file(checkpoint_path(tmp_path / name, "student", "done"))
        for run, stage in (("with", f"expert-{name}"), ("without", f"student-{name}")):
            other = load_file(checkpoint_path(tmp_path / run, stage, "done"))
            assert other.keys() == plain.keys()
            assert all(torch.equal(other[key], plain[key]) for key in plain), stage


def test_the_teacher_takes_steps_for_every_dataset():
    plan = METHOD.plan(METHOD.Settings(), Schedule(epochs=4, steps_per_epoch=10), ("cells", "spots", "veins"))

    assert [(stage.name, stage.epochs) for stage in plan if "veins" in stage.name or stage.name == "teacher"] == [
        ("expert-veins", 4),
        ("teacher", 6),
        ("student-veins", 4),
    ]


def test_each_way_of_following_alone_reaches_the_student_and_leaves_the_teacher_as_it_was(cells, spots):
    for name in ("answers", "features"):
        others = {"labels", "answers", "features"} - {name}
        _, stages = stages_of(spec_of(cells, spots, **{name: 1.0}, **dict.fromkeys(others, 0.0)))
        stage, teacher = stages["student-cells"], stages["teacher"].product
        before = {key: value.clone() for key, value in teacher.state_dict().items()}

        terms = stage.objective(first_batch(stage))
        sum(term for key, term in terms.items() if key.startswith(name)).backward()

        gradients = [parameter.grad for parameter in stage.product.encoder.parameters()]
        assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients), name
        assert all(parameter.grad is None for parameter in teacher.parameters())
        assert all(torch.equal(before[key], value) for key, value in teacher.state_dict().items())


def test_a_teacher_that_is_not_trained_is_random_and_followed_all_the_same(cells, spots):
    spec = spec_of(cells, spots, teacher_trains=False, labels=0.0)
    plan = METHOD.plan(settings_of(METHOD, spec.method), spec.schedule, ("cells", "spots"))
    _, stages = stages_of(spec)
    of_cells, of_spots = (stages[name].objective for name in ("student-cells", "student-spots"))
    teacher = of_cells.teacher.network.network.whole
    before = {key: value.clone() for key, value in teacher.state_dict().items()}

    sum(of_cells(first_batch(stages["student-cells"])).values()).backward()

    assert [stage.name for stage in plan] == list(stages) == ["student-cells", "student-spots"]
    assert of_spots.teacher.network.network.whole is teacher
    gradients = [parameter.grad for parameter in of_cells.student.encoder.parameters()]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    assert not any(name.startswith("teacher") for name, _ in of_cells.named_parameters())
    assert all(torch.equal(before[key], value) for key, value in teacher.state_dict().items())


def test_without_a_teachers_training_the_students_alone_are_trained(cells, spots, tmp_path):
    events = trained(spec_of(cells, spots, teacher_trains=False), tmp_path / "run")

    assert [event.stage for event in events if isinstance(event, StageStarted)] == ["student-cells", "student-spots"]
    steps = [event for event in events if isinstance(event, StepDone)]
    assert all(event.losses["features"] > 0 and event.losses["answers: classes"] > 0 for event in steps)


def test_labels_of_weight_0_are_no_terms(cells, spots):
    _, stages = stages_of(spec_of(cells, spots, labels=0.0, answers=1.0, features=1.0))

    terms = stages["student-spots"].objective(first_batch(stages["student-spots"]))

    assert set(terms) == {"answers: classes", "features"}


def test_a_small_student_has_a_sixteenth_of_the_parameters_and_learns_with_adapters(cells, spots):
    spec = spec_of(cells, spots, student_size="a sixteenth").replace(network=NetworkChoice(widths=(16, 32, 32)))
    _, stages = stages_of(spec)

    expert, student = (
        sum(parameter.numel() for parameter in stages[name].product.parameters())
        for name in ("expert-cells", "student-cells")
    )
    assert student / expert == pytest.approx(1 / 16, rel=0.2)
    assert len(stages["student-cells"].objective.adapters) == 3


def test_a_small_student_ships_without_adapters_and_answers_alone(cells, spots, tmp_path):
    run = tmp_path / "run"
    trained(spec_of(cells, spots, student_size="a quarter"), run)
    for path in (run / "checkpoints").iterdir():
        if not path.name.startswith("student-cells.done"):
            path.unlink()

    network, card, _ = load_network(run, "student-cells")
    found = answers(run, "student-cells", cells, "cells11", tmp_path / "out")

    assert card.network.widths == network.widths == (2, 4, 4)
    assert set(found) == {"shape", "border", "places"}
    assert load_file(checkpoint_path(run, "student-cells", "done")).keys() == network.state_dict().keys()


def test_partial_labels_give_terms_of_what_is_known_alone(cells):
    _, stages = stages_of(spec_of(cells))
    batch = first_batch(stages["student"])
    unknown = type(batch)(
        batch.image_BCZYX,
        torch.full_like(batch.label_BZYX, -1),
        present_BK=torch.full_like(batch.present_BK, -1.0),
        boxes=(None,) * len(batch.boxes),
    )

    sum(stages["student"].objective.losses(stages["student"].product(unknown.image_BCZYX), unknown).values()).backward()

    gradients = [parameter.grad for parameter in stages["student"].product.parameters() if parameter.grad is not None]
    assert all((gradient == 0).all() for gradient in gradients)


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        ((Target(dataset="cells", task="border"), Target(dataset="cels", task="shape")), "No dataset 'cels'"),
        ((Target(task="border"),), "not of which dataset"),
        ((Target(dataset="cells", task="borders"),), "no task 'borders'"),
    ],
)
def test_targets_that_mean_nothing_are_told(cells, spots, targets, said):
    with pytest.raises(InputProblem, match=said):
        open_bench(spec_of(cells, spots, targets=targets), METHOD.tasks)


def test_of_several_tasks_that_are_not_named_the_one_that_draws_masks_is_learned(cells):
    bench = open_bench(spec_of(cells, targets=(Target(),)), METHOD.tasks)

    assert [task.name for task in bench.tasks] == ["shape"]


def test_of_several_tasks_without_masks_one_has_to_be_named(tmp_path):
    both = write_pictures(tmp_path / "both", "both", tasks="cb")

    with pytest.raises(InputProblem, match="Several tasks of 'both' fit and none is named: border, places"):
        open_bench(spec_of(both, targets=(Target(),)), METHOD.tasks)


def test_planes_and_volumes_are_not_mixed(cells, tiny_dataset):
    with pytest.raises(InputProblem, match="Planes and volumes"):
        open_bench(spec_of(cells, tiny_dataset), METHOD.tasks)


def test_datasets_of_one_name_are_refused(cells, tmp_path):
    other = write_pictures(tmp_path / "other", "cells")

    with pytest.raises(InputProblem, match="2 datasets are called 'cells'"):
        open_bench(spec_of(cells, other), METHOD.tasks)


def test_a_dataset_without_boxes_is_told(cells, tmp_path):
    empty = write_pictures(tmp_path / "empty", "empty", tasks="b")
    for path in empty.glob("boxes*.json"):
        path.write_text(json.dumps({"axes": "IPL", "boxes": []}))

    with pytest.raises(InputProblem, match="No box of 'places' lies in any training case"):
        open_bench(spec_of(cells, empty, targets=(*ALL, Target(dataset="empty", task="places"))), METHOD.tasks)


def test_a_multi_head_network_answers_for_every_dataset(cells, spots, tmp_path):
    trained(spec_of(cells, spots, method="multi-head"), tmp_path / "run")

    of_cells = answers(tmp_path / "run", "student-cells", cells, "cells11", tmp_path / "cells")
    of_spots = answers(tmp_path / "run", "student-spots", spots, "spots11", tmp_path / "spots")

    assert set(of_cells) == {"shape", "border", "places"}
    assert set(of_spots) == {"border"}


def test_an_expert_that_exists_already_is_taken_as_it_is(cells, spots, tmp_path):
    of_spots = spec_of(spots, targets=(Target(),), method="supervised").replace(network=NetworkChoice(widths=(4, 4, 8)))
    trained(of_spots, tmp_path / "earlier")

    events = trained(
        spec_of(cells, spots).replace(starts_from={"expert-spots": tmp_path / "earlier"}), tmp_path / "run"
    )

    assert "expert-spots" not in [event.stage for event in events if isinstance(event, StageStarted)]
    taken, earlier = (
        load_file(checkpoint_path(tmp_path / run, stage, "done"))
        for run, stage in (("run", "expert-spots"), ("earlier", "student"))
    )
    assert all(torch.equal(taken[name], earlier[name]) for name in earlier)


def test_an_expert_of_other_classes_is_refused(cells, spots, tmp_path):
    trained(spec_of(cells, method="supervised"), tmp_path / "earlier")

    with pytest.raises(InputProblem, match="to be learned classification"):
        open_bench(spec_of(cells, spots).replace(starts_from={"expert-spots": tmp_path / "earlier"}), METHOD.tasks)


def test_an_expert_of_another_depth_is_refused_when_checked_and_when_opened(cells, spots, tmp_path):
    of_spots = spec_of(spots, targets=(Target(),), method="supervised").replace(network=NetworkChoice(widths=(4, 8)))
    trained(of_spots, tmp_path / "earlier")
    spec = spec_of(cells, spots).replace(starts_from={"expert-spots": tmp_path / "earlier"})

    (problem,) = problems_of_spec(spec, read_images=False)

    assert problem.where == "starts_from.expert-spots"
    assert problem.problem == "Its network has 2 levels (4, 8); this run's have 3."
    assert problem.hint == "Set network.widths to 2 levels, or name a run of 3."
    with pytest.raises(InputProblem, match="Its network has 2 levels"):
        open_bench(spec, METHOD.tasks)


def test_a_case_to_look_at_is_looked_at_in_its_own_dataset(cells, spots, tmp_path):
    events = trained(spec_of(cells, spots).replace(preview_case="spots3"), tmp_path / "run")

    looked_at = {(event.stage, event.case) for event in events if isinstance(event, PreviewSaved)}
    assert ("student-spots", "spots3") in looked_at
    assert ("student-cells", "cells8") in looked_at  # its first to validate


def test_the_student_of_an_earlier_run_over_several_datasets_can_be_an_expert(run, cells, tmp_path):
    again = spec_of(cells).replace(starts_from={"expert": run})

    trained(again, tmp_path / "again")

    taken = load_file(checkpoint_path(tmp_path / "again", "expert", "done"))
    earlier = load_file(checkpoint_path(run, "student-cells", "done"))
    assert all(torch.equal(taken[name], earlier[name]) for name in earlier)


def test_a_run_over_several_datasets_is_no_run_to_start_all_stages_from(run, cells):
    with pytest.raises(InputProblem, match="of each of several datasets"):
        open_bench(spec_of(cells).replace(start_from=run), METHOD.tasks)
