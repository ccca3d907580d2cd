"""Scores of whole images, and where a network looks for them."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch

from napari_medkd.core.task import Task
from napari_medkd.engine.class_scores import class_scores
from napari_medkd.engine.networks.heads import HeadsShape, Output
from napari_medkd.engine.networks.joint_teacher import JointTeacher
from napari_medkd.engine.networks.pupils import Pupil
from napari_medkd.engine.networks.unet import UNet

pytestmark = pytest.mark.engine

ONE = Task("spot", "classification", ("none", "spot"))
MANY = Task("findings", "classification", ("dark", "bright"), multilabel=True)


class Bright(torch.nn.Module):
    """Says "spot" as surely as its brightest place is bright."""

    def __init__(self, dimensions):
        super().__init__()
        self.dimensions = dimensions

    def forward(self, image):
        pool = torch.nn.functional.avg_pool2d if self.dimensions == 2 else torch.nn.functional.avg_pool3d
        coarse = pool(image, 4).requires_grad_(True)
        score = coarse.square().flatten(1).sum(1)
        return Output((coarse,), classification=torch.stack([-score, score], dim=1))


@pytest.mark.parametrize(("shape", "patch"), [((1, 32, 32), (1, 32, 32)), ((16, 16, 16), (16, 16, 16))])
def test_the_network_looks_where_its_answer_comes_from(shape, patch):
    image = torch.zeros(1, *shape)
    image[..., -8:, 4:8] = 1

    found = class_scores(Bright(2 if patch[0] == 1 else 3), image, patch, ONE, nullcontext, with_attention=True)

    assert found.attention_ZYX.shape == shape
    assert found.attention_ZYX.max() == pytest.approx(1)
    assert found.attention_ZYX[..., -8:, 4:8].mean() > 0.7
    assert found.attention_ZYX[..., :6, -6:].max() < 0.05


class Sum(torch.nn.Module):
    """Adds what it reads off the left half of an image to what another network reads off the right, on a finer map."""

    def forward(self, image):
        pool = torch.nn.functional.avg_pool2d
        left, right = pool(image, 8), pool(image, 4)
        other = Output((right,), classification=self.scores(right[..., right.shape[-1] // 2 :]))
        own = Output((left,), classification=self.scores(left[..., : left.shape[-1] // 2]))
        return own.adding(other)

    @staticmethod
    def scores(half):
        return torch.stack([-half.flatten(1).mean(1), half.flatten(1).mean(1)], dim=1)


def test_where_answers_are_added_the_places_of_both_are_looked_at_by_how_much_they_say():
    image = torch.zeros(1, 1, 32, 32)
    image[..., 8:16, 8:16] = 1
    image[..., 16:24, 16:24] = 0.5

    found = class_scores(Sum(), image, (1, 32, 32), ONE, nullcontext, with_attention=True)

    assert found.attention_ZYX[0, 11:13, 11:13].tolist() == pytest.approx(np.ones((2, 2)), abs=0.15)
    assert found.attention_ZYX[0, 19:21, 19:21].tolist() == pytest.approx(np.full((2, 2), 0.5), abs=0.15)
    assert found.attention_ZYX[0, :4].max() == 0


def test_a_joint_teacher_that_has_learned_nothing_looks_where_its_expert_does():
    torch.manual_seed(0)
    answers = HeadsShape(num_scores=2)
    experts = [UNet(dimensions=2, in_channels=1, answers=answers, widths=(4, 8, 8)) for _ in range(2)]
    pupils = [Pupil(in_channels=1, answers=answers)] * 2
    teacher = JointTeacher(experts, pupils, (4, 8, 8), adds=True).eval()
    image = torch.rand(1, 1, 16, 16)

    of_expert = class_scores(experts[1].eval(), image, (1, 16, 16), ONE, nullcontext, with_attention=True)
    of_teacher = class_scores(teacher.for_pupil(1), image, (1, 16, 16), ONE, nullcontext, with_attention=True)

    assert of_expert.attention_ZYX.max() == pytest.approx(1)
    assert of_teacher.attention_ZYX == pytest.approx(of_expert.attention_ZYX, abs=1e-5)


def test_attention_lies_on_an_image_smaller_than_the_patch():
    image = torch.zeros(1, 1, 20, 24)
    image[..., 12:20, 4:12] = 1

    found = class_scores(Bright(2), image, (1, 32, 32), ONE, nullcontext, with_attention=True)

    assert found.attention_ZYX.shape == (1, 20, 24)
    assert found.attention_ZYX[0, 14:20, 4:12].mean() > 2 * found.attention_ZYX[0, :8, 14:].mean()


def test_where_one_class_is_present_probabilities_sum_to_one_else_each_is_for_itself():
    torch.manual_seed(0)
    network = UNet(dimensions=2, in_channels=1, answers=HeadsShape(num_scores=2), widths=(4, 8)).eval()
    image = torch.rand(1, 1, 16, 16)
    with torch.no_grad():
        logits = network(image[:, 0][None]).classification[0]

    one = class_scores(network, image, (1, 16, 16), ONE, nullcontext).probabilities_K
    many = class_scores(network, image, (1, 16, 16), MANY, nullcontext).probabilities_K

    assert one == pytest.approx(logits.softmax(0).numpy())
    assert many == pytest.approx(logits.sigmoid().numpy())


def test_nobody_asks_for_attention_by_default():
    assert class_scores(Bright(2), torch.ones(1, 1, 16, 16), (1, 16, 16), ONE, nullcontext).attention_ZYX is None
