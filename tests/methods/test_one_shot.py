"""One-shot distillation: who learns from what (invariants 2, 3, 5, 6), and that only the reference's label counts."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from napari_medkd.core.annotation import Mask
from napari_medkd.core.control import Always
from napari_medkd.core.dataset import Case, Dataset, Split
from napari_medkd.core.errors import SpecProblem
from napari_medkd.core.events import Noticed
from napari_medkd.core.grid import Grid
from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.core.spec import MethodChoice, TrainSpec
from napari_medkd.core.task import Task
from napari_medkd.core.volume import Modality, Volume
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.checkpoint import load_network
from napari_medkd.engine.data.batch import Batch
from napari_medkd.engine.data.recipes import RECIPES
from napari_medkd.engine.hinting import Hinting
from napari_medkd.engine.loop import train
from napari_medkd.engine.method import settings_of
from napari_medkd.files.manifest import open_dataset, write_dataset
from napari_medkd.files.opening import read_mask, write_mask, write_volume
from napari_medkd.methods import method_named
from napari_medkd.methods.one_shot import OneShotSettings, hinting_of

pytestmark = pytest.mark.engine

METHOD = method_named("one-shot")


@pytest.fixture
def spec(tiny_spec: TrainSpec) -> TrainSpec:
    return tiny_spec.replace(references=("case_0",), method=MethodChoice(name="one-shot"))


def hinting(spec: TrainSpec, **settings: float) -> Hinting:
    bench = open_bench(spec, METHOD.tasks)
    return hinting_of(bench.network(), bench.network(reconstructs=True), OneShotSettings(**{"hint": 1.0} | settings))


def batch_of(size: int = 2) -> Batch:
    generator = torch.Generator().manual_seed(3)
    images, reals, varied = torch.rand(3, size, 1, 16, 16, 16, generator=generator)
    return Batch(images, torch.randint(0, 3, (size, 16, 16, 16), generator=generator), reals, varied)


def has_gradient(network: torch.nn.Module) -> bool:
    return any(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())


def trained(spec: TrainSpec, run: Path) -> dict[str, torch.Tensor]:
    events = list(train(METHOD, open_bench(spec, METHOD.tasks), run, Always()))
    assert events[-1].outcome == "completed"
    return load_file(checkpoint_path(run, "student", "done"))


def test_the_hint_alone_teaches_the_student_and_not_the_teacher(spec):
    objective = hinting(spec)

    objective(batch_of())["hint"].backward()

    assert has_gradient(objective.student)
    assert not has_gradient(objective.teacher)


def test_the_reconstruction_alone_teaches_the_teacher_and_not_the_student(spec):
    objective = hinting(spec)

    objective(batch_of())["reconstruction"].backward()

    assert has_gradient(objective.teacher)
    assert not has_gradient(objective.student)


def test_the_hint_is_zero_for_equal_trunks_and_equal_images(spec):
    objective = hinting(spec)
    trunk = {name: one for name, one in objective.student.state_dict().items() if not name.startswith("head")}
    objective.teacher.load_state_dict(objective.teacher.state_dict() | trunk)
    batch = batch_of()

    hint = objective(Batch(batch.image_BCZYX, batch.label_BZYX, batch.image_BCZYX, batch.varied_BCZYX))["hint"]

    assert hint.item() == pytest.approx(0, abs=1e-5)


def test_each_part_that_is_switched_off_is_not_there(spec):
    objective = hinting(spec, reconstruction=0.0, dice=0.0)

    assert set(objective(batch_of())) == {"cross-entropy", "hint"}


def test_own_answers_teach_the_student_once_it_has_learned_enough(spec):
    objective = hinting(spec, self_training_from=0.5, confidence=0.0)
    objective.progress = 0.25
    assert "self-training" not in objective(batch_of())

    objective.progress = 0.75
    objective(batch_of())["self-training"].backward()

    assert has_gradient(objective.student)
    assert not has_gradient(objective.self_training.average)
    assert not has_gradient(objective.teacher)


def test_answers_that_are_not_sure_teach_nothing(spec):
    objective = hinting(spec, self_training_from=0.0, confidence=1.0)

    loss = objective(batch_of())["self-training"]
    loss.backward()

    assert loss.item() == 0
    assert not has_gradient(objective.student)


@pytest.mark.parametrize(("says", "share"), [(0, 0.0), (1, 1.0)])
def test_answers_without_foreground_teach_nothing(spec, says, share):
    objective = hinting(spec, self_training_from=0.0, confidence=0.0, hint=0.0)
    with torch.no_grad():
        head = objective.self_training.average.network.heads.segmentation
        head.weight.zero_()
        head.bias.copy_(torch.nn.functional.one_hot(torch.tensor(says), 3) * 9.0)
    objective.self_training.average.follow = lambda _student: None

    loss = objective(batch_of())["self-training"].item()

    assert (loss > 0) is (share > 0)


def test_the_average_moves_a_hundredth_of_the_way_to_the_student(spec):
    objective = hinting(spec)
    before = objective.self_training.average.network.heads.segmentation.bias.clone()
    with torch.no_grad():
        objective.student.heads.segmentation.bias.add_(1.0)

    objective.self_training.average.follow(objective.student)

    torch.testing.assert_close(objective.self_training.average.network.heads.segmentation.bias, before + 0.01)


def test_a_contrast_of_one_image_with_itself_is_refused(spec):
    lonely = spec.replace(schedule=spec.schedule.replace(batch_size=1))

    with pytest.raises(SpecProblem, match="batch") as caught:
        METHOD.plan(settings_of(METHOD, lonely.method), lonely.schedule, ("",))

    assert caught.value.problems[0].where == "schedule.batch_size"


@pytest.mark.parametrize(("weight", "is_changed"), [(0.0, False), (1.0, True)])
def test_a_teacher_changes_what_the_student_learns_by_its_hint_alone(spec, weight, is_changed):
    beside = hinting(spec, hint=weight, self_training=0.0)
    alone = Hinting(beside.student, None, beside.weights)
    gradients = []

    for objective in (alone, beside):
        objective.zero_grad()
        sum(objective(batch_of()).values()).backward()
        gradients.append([parameter.grad.clone() for parameter in objective.student.parameters()])

    assert has_gradient(beside.teacher)
    assert (not all(map(torch.equal, *gradients))) is is_changed


def mislabelled(tiny_dataset, folder, numbers):
    """Write the tiny dataset with masks of some cases upside down."""
    dataset = open_dataset(tiny_dataset)
    (task,) = dataset.tasks.values()
    folder.mkdir()
    for number in numbers:
        case = dataset.case(f"case_{number}")
        mask = read_mask(case.annotations[task.name], task)
        assert (mask.labels != np.flip(mask.labels)).any()
        path = folder / f"{case.id}.nii.gz"
        write_mask(path, Mask(np.flip(mask.labels).copy(), mask.grid, task))
        case.annotations[task.name] = path  # type: ignore[index]
    return write_dataset(dataset, folder)


@pytest.mark.parametrize(
    "settings",
    [{}, {"reconstruction": 2.0, "hint": 1.0}, {"reconstruction": 0.0}],
    ids=["left at its default", "with a hint", "asked for none"],
)
def test_a_reconstruction_that_nobody_misses_is_not_noticed(spec, settings):
    asked = spec.replace(method=MethodChoice(name="one-shot", settings=settings))

    *_, student = METHOD.stages(settings_of(METHOD, asked.method), open_bench(asked, METHOD.tasks))

    assert student.notices == ()


def test_that_a_reconstruction_is_ignored_without_a_hint_is_noticed(spec, tmp_path):
    method = MethodChoice(name="one-shot", settings={"reconstruction": 2.0, "refinement": 0})
    quick = spec.replace(method=method, schedule=spec.schedule.replace(epochs=1, steps_per_epoch=1))

    events = list(train(METHOD, open_bench(quick, METHOD.tasks), tmp_path, Always()))

    (said,) = [event.message for event in events if isinstance(event, Noticed) and "reconstruct" in event.message]
    assert "does nothing" in said


def test_no_label_but_the_references_reaches_the_weights(spec, tiny_dataset, tmp_path):
    wrong = mislabelled(tiny_dataset, tmp_path / "wrong", range(1, 6))

    right = trained(spec, tmp_path / "right-run")
    found = trained(spec.replace(datasets=(wrong,)), tmp_path / "wrong-run")

    assert all(torch.equal(right[name], found[name]) for name in right)


@pytest.mark.parametrize("number", [0, 1])
def test_the_label_of_each_of_several_references_reaches_the_weights(spec, tiny_dataset, tmp_path, number):
    wrong, both = mislabelled(tiny_dataset, tmp_path / "wrong", [number]), spec.replace(references=("case_0", "case_1"))

    right = trained(both, tmp_path / "right-run")
    found = trained(both.replace(datasets=(wrong,)), tmp_path / "wrong-run")

    assert any(not torch.equal(right[name], found[name]) for name in right)


def test_another_reference_gives_another_student(spec, tmp_path):
    first, second = (trained(spec.replace(references=(name,)), tmp_path / name) for name in ("case_0", "case_1"))

    assert any(not torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("generation", RECIPES)
def test_every_way_to_make_images_trains(spec, tmp_path, generation):
    trained(spec.replace(method=MethodChoice(name="one-shot", settings={"generation": generation})), tmp_path)


@pytest.fixture
def planes(tmp_path: Path) -> Path:
    """Four pictures of 40 x 48 pixels with a disc; one of them is labelled."""
    task, grid = Task("disc", "segmentation", ("background", "disc")), Grid.upright((1, 40, 48), unit="pixel")
    cases = []
    y, x = np.indices((40, 48))
    for number in range(4):
        labels = ((y - 18 - number) ** 2 + (x - 26 + number) ** 2 < 90).astype(np.uint8)
        noise = np.random.default_rng(number).normal(0, 10, labels.shape)
        picture = np.clip(80 + 90 * labels + noise, 0, 255).astype(np.uint8)
        image, mask = tmp_path / f"{number}.png", tmp_path / f"{number}-disc.png"
        write_volume(image, Volume(picture[None, None], grid))
        write_mask(mask, Mask(labels[None], grid, task))
        cases.append(Case(f"{number}", (image,), f"{number}", annotations={} if number else {task.name: mask}))
    split = Split(tuple(case.id for case in cases), (), ())
    return write_dataset(
        Dataset("discs", ("grey",), Modality.OTHER, {task.name: task}, tuple(cases), split, folder=tmp_path), tmp_path
    )


def test_planes_are_taught_like_volumes(spec, planes, tmp_path):
    trained(spec.replace(datasets=(planes,), references=("0",)), tmp_path / "run")

    student, _, _ = load_network(tmp_path / "run", "student")
    assert student.dimensions == 2
