"""The teacher of several datasets: what it says before it has learned, what learns within it, and what rebuilds it."""

import pytest
import torch
from safetensors.torch import load_file

from napari_medkd.core.run_layout import checkpoint_path
from napari_medkd.engine.bench import open_bench
from napari_medkd.engine.method import settings_of
from napari_medkd.engine.networks.shape import JointTeacherShape, shape_of
from napari_medkd.methods.joint_teacher import METHOD
from tests.methods.joint_runs import spec_of, stages_of, trained

pytestmark = pytest.mark.engine


def test_a_teacher_says_at_first_what_each_datasets_expert_says(cells, spots):
    _, stages = stages_of(spec_of(cells, spots))
    teacher = stages["teacher"].product
    cells_image, spots_image = torch.rand(2, 1, 32, 32), torch.rand(2, 2, 32, 32)

    of_cells, of_spots = teacher(cells_image, 0), teacher(spots_image, 1)

    expected = stages["expert-cells"].product(cells_image)
    assert torch.equal(of_cells.segmentation, expected.segmentation)
    assert torch.equal(of_cells.classification, expected.classification)
    assert torch.equal(of_cells.detection.logits_BNK, expected.detection.logits_BNK)
    assert torch.equal(of_cells.detection.offsets_BND, expected.detection.offsets_BND)
    assert torch.equal(of_spots.classification, stages["expert-spots"].product(spots_image).classification)


def test_the_teacher_tunes_copies_of_the_experts_of_masks_and_boxes(cells, spots, tmp_path):
    trained(spec_of(cells, spots), tmp_path / "run")

    teacher = load_file(checkpoint_path(tmp_path / "run", "teacher", "done"))
    for place, (name, learns_on) in enumerate({"cells": True, "spots": False}.items()):
        expert = load_file(checkpoint_path(tmp_path / "run", f"expert-{name}", "done"))
        changed = [key for key in expert if not torch.equal(teacher[f"experts.{place}.{key}"], expert[key])]
        assert bool(changed) == learns_on, name


def test_a_teacher_as_published_says_something_of_its_own(cells, spots):
    _, stages = stages_of(spec_of(cells, spots, teacher_tunes=False))
    image = torch.rand(2, 1, 32, 32)

    said, by_expert = (stages[name].product(image).classification for name in ("teacher", "expert-cells"))

    assert not torch.allclose(said, by_expert, atol=1e-3)


@pytest.mark.parametrize("tunes", [True, False])
def test_a_teacher_is_rebuilt_from_its_card(cells, spots, tunes):
    _, stages = stages_of(spec_of(cells, spots, teacher_tunes=tunes))
    teacher = stages["teacher"].product
    shape = shape_of(teacher.for_pupil(1))

    rebuilt = JointTeacherShape.model_validate_json(shape.model_dump_json()).build()

    rebuilt.whole.load_state_dict(teacher.state_dict())
    image = torch.rand(1, 2, 32, 32)
    assert torch.equal(rebuilt(image).classification, teacher(image, 1).classification)


@pytest.mark.parametrize("tunes", [True, False])
def test_a_sample_gives_no_gradient_to_another_datasets_heads_and_to_the_experts_that_are_tuned(cells, spots, tunes):
    spec = spec_of(cells, spots, teacher_tunes=tunes)
    stages = METHOD.stages(settings_of(METHOD, spec.method), open_bench(spec, METHOD.tasks))
    teacher = next(stage for stage in stages if stage.name == "teacher").product
    image = torch.rand(2, 2, 32, 32)
    present = torch.tensor([[1.0, 0.0], [0.0, 1.0]])

    output = teacher(image, 1)
    torch.nn.functional.cross_entropy(output.classification, present).backward()

    assert all(parameter.grad is None for parameter in teacher.heads[0].parameters())
    assert all(parameter.grad is None for parameter in teacher.stems[0].parameters())
    learn_on = [
        any(parameter.grad is not None for parameter in expert.encoder.parameters()) for expert in teacher.experts
    ]
    assert learn_on == [tunes, False]  # of spots classes alone are known
    assert all(parameter.grad is not None for parameter in teacher.heads[1].parameters())
    assert all(parameter.grad is not None for parameter in teacher.stems[1].parameters())
