"""Shape-intensity distillation: the invariants of the method (2, 5, 6) and its controls."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from napari_medkd.core.control import Always
from napari_medkd.core.errors import SpecProblem
from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.core.spec import MethodChoice, NetworkChoice, PredictSpec, TrainSpec
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.checkpoint import load_network
from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.loop import train
from napari_medkd.engine.method import settings_of
from napari_medkd.engine.objective import Frozen
from napari_medkd.engine.predict import predict
from napari_medkd.files.atomic import write_text
from napari_medkd.files.results import predictions_in, read_prediction
from napari_medkd.methods import method_named
from napari_medkd.methods.shape_intensity import Following, ShapeIntensitySettings

pytestmark = pytest.mark.engine

FOLLOW = ["everywhere", "every class alike", "where it is right"]


def trained(spec: TrainSpec, run: Path) -> dict[str, torch.Tensor]:
    method = method_named(spec.method.name)
    events = list(train(method, open_bench(spec, method.tasks), run, Always()))
    assert events[-1].outcome == "completed"
    write_text(run / "spec.json", spec.model_dump_json())
    return load_file(checkpoint_path(run, "student", "done"))


def choosing(spec: TrainSpec, name: str, **settings: float | bool | str) -> TrainSpec:
    return spec.replace(method=MethodChoice(name=name, settings=settings))


def test_without_its_feature_term_the_student_is_the_baseline_bit_for_bit(tiny_spec, tmp_path):
    plain = trained(choosing(tiny_spec, "supervised"), tmp_path / "plain")
    student = trained(choosing(tiny_spec, "shape-intensity", features=0.0), tmp_path / "student")

    assert all(torch.equal(plain[name], student[name]) for name in plain)


def test_the_feature_term_changes_the_student(tiny_spec, tmp_path):
    plain = trained(choosing(tiny_spec, "supervised"), tmp_path / "plain")
    student = trained(choosing(tiny_spec, "shape-intensity", features=2.0), tmp_path / "student")

    assert any(not torch.equal(plain[name], student[name]) for name in plain)


@pytest.mark.parametrize("follow", FOLLOW)
def test_the_feature_term_is_zero_for_equal_networks_and_equal_input(tiny_spec, follow):
    bench = open_bench(tiny_spec, frozenset({"segmentation"}))
    student = bench.network()
    twin = bench.network()
    twin.load_state_dict(student.state_dict())
    student.eval()
    objective = Following(student, Frozen(twin), ShapeIntensitySettings(follow=follow))

    parts = objective(Batch(torch.rand(2, 1, 16, 16, 16), torch.randint(0, 3, (2, 16, 16, 16))))

    assert parts["features"].item() == 0


@pytest.mark.parametrize("follow", FOLLOW[:2])
def test_the_feature_term_alone_reaches_the_student_and_not_the_teacher(tiny_spec, follow):
    bench = open_bench(tiny_spec, frozenset({"segmentation"}))
    student, teacher = bench.network(), bench.network(skips=False)
    alone = ShapeIntensitySettings(cross_entropy=0.0, dice=0.0, teacher_trains=False, follow=follow)
    objective = Following(student, Frozen(teacher), alone)

    parts = objective(Batch(torch.rand(2, 1, 16, 16, 16), torch.randint(0, 3, (2, 16, 16, 16))))
    parts["features"].backward()

    assert set(parts) == {"features"}
    assert all(parameter.grad is not None for name, parameter in student.named_parameters() if "head" not in name)
    assert all(parameter.grad is None for parameter in teacher.parameters())


def test_a_teacher_that_is_wrong_is_not_followed(tiny_spec):
    bench = open_bench(tiny_spec, frozenset({"segmentation"}))
    teacher = bench.network(skips=False)
    with torch.no_grad():
        teacher.heads.segmentation.weight.zero_()
        teacher.heads.segmentation.bias.copy_(torch.tensor([0.0, 9.0, 0.0]))  # it says "ball" everywhere
    objective = Following(bench.network(), Frozen(teacher), ShapeIntensitySettings(follow="where it is right"))
    image = torch.rand(1, 1, 16, 16, 16)

    wrong = objective(Batch(image, torch.zeros(1, 16, 16, 16, dtype=torch.long)))["features"]
    right = objective(Batch(image, torch.ones(1, 16, 16, 16, dtype=torch.long)))["features"]

    assert wrong.item() == 0
    assert right.item() > 0


@pytest.mark.parametrize(("fade", "left"), [(False, [1, 1, 1]), (True, [1, 0.75, 0.125])])
def test_the_feature_weight_falls_only_when_it_fades(tiny_spec, fade, left):
    bench = open_bench(tiny_spec, frozenset({"segmentation"}))
    objective = Following(bench.network(), Frozen(bench.network(skips=False)), ShapeIntensitySettings(fade=fade))
    batch = Batch(torch.rand(2, 1, 16, 16, 16), torch.randint(0, 3, (2, 16, 16, 16)))
    terms = []
    for progress in (0.0, 0.25, 0.875):
        objective.progress = progress
        terms.append(objective(batch)["features"].item())

    assert terms == pytest.approx([terms[0] * share for share in left])


@pytest.mark.parametrize("from_teacher", [True, False])
def test_the_students_head_starts_as_the_trained_teachers(tiny_spec, from_teacher):
    chosen = choosing(tiny_spec, "shape-intensity", head_from_teacher=from_teacher)
    method = method_named("shape-intensity")
    stages = method.stages(settings_of(method, chosen.method), open_bench(chosen, method.tasks))
    teacher = next(stages).product
    torch.nn.init.constant_(teacher.heads.segmentation.bias, 7.0)
    student = next(stages).product

    assert bool((student.heads.segmentation.bias == 7.0).all()) is from_teacher
    assert torch.equal(student.heads.segmentation.weight, teacher.heads.segmentation.weight) is from_teacher
    assert student.heads.segmentation.weight is not teacher.heads.segmentation.weight


@pytest.mark.parametrize(("shallower_by", "levels"), [(0, 3), (1, 2), (4, 2)])
def test_a_teacher_may_have_fewer_levels_of_which_two_stay(tiny_spec, tmp_path, shallower_by, levels):
    spec = choosing(tiny_spec, "shape-intensity", teacher_shallower_by=shallower_by)
    spec = spec.replace(network=NetworkChoice(widths=(4, 8, 12)))

    trained(spec, tmp_path)

    teacher, student = (load_network(tmp_path, stage)[0] for stage in ("teacher", "student"))
    assert teacher.widths == (4, 8, 12)[:levels]
    assert student.widths == (4, 8, 12)
    assert not teacher.skips


def test_the_teacher_is_in_no_state_dict(tiny_spec):
    bench = open_bench(tiny_spec, frozenset({"segmentation"}))
    objective = Following(bench.network(), Frozen(bench.network(skips=False)), ShapeIntensitySettings())

    assert all(name.startswith("student.") for name in objective.state_dict())


@pytest.mark.parametrize(
    ("settings", "stages"),
    [
        ({}, ["teacher", "student"]),
        ({"teacher_sees": "label map"}, ["teacher", "student"]),
        ({"teacher_sees": "image"}, ["teacher", "student"]),
        ({"teacher_trains": False}, ["student"]),
    ],
)
def test_every_control_trains(tiny_spec, tmp_path, settings, stages):
    spec = choosing(tiny_spec, "shape-intensity", **settings)
    method = method_named("shape-intensity")

    trained(spec, tmp_path)

    assert [planned.name for planned in method.plan(settings_of(method, spec.method), spec.schedule, ("",))] == stages


def test_the_teacher_answers_only_when_a_mask_is_given(tiny_spec, tmp_path):
    run = tmp_path / "run"
    trained(choosing(tiny_spec, "shape-intensity"), run)
    ask = PredictSpec(run=run, cases=("case_5",), stage="teacher", out=tmp_path / "out")

    with pytest.raises(SpecProblem, match="must be shown class means"):
        list(predict(ask, Always()))

    list(predict(ask.replace(given="true mask"), Always()))
    (folder,) = predictions_in(tmp_path / "out")
    assert read_prediction(folder).shown == "class means of the true mask"
    assert load_network(run, "teacher")[1].fallback_means is not None


def test_the_teacher_can_be_shown_the_students_own_mask(tiny_spec, tmp_path):
    run = tmp_path / "run"
    trained(choosing(tiny_spec, "shape-intensity"), run)

    list(
        predict(
            PredictSpec(run=run, cases=("case_5",), stage="teacher", given="student mask", out=tmp_path / "out"),
            Always(),
        )
    )

    (folder,) = predictions_in(tmp_path / "out")
    assert read_prediction(folder).shown == "class means of the student mask"
