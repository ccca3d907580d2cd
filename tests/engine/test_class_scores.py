"""Scores of whole images, and where a network looks for them."""

from contextlib import nullcontext

import pytest
import torch

from napari_medkd.core.task import Task
from napari_medkd.engine.class_scores import class_scores
from napari_medkd.engine.networks.heads import HeadsShape, Output
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
