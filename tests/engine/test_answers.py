"""Boxes on an image's own grid, of which a network sees a little more than there is."""

from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.task import Task
from napari_medkd.engine.answers import Sight, answers
from napari_medkd.engine.data.preprocess import network_grid
from napari_medkd.engine.networks.heads import BoxMaps, Output

pytestmark = pytest.mark.engine

PLACES = Task("places", "detection", ("organ",))
RECIPE = Preprocessing(dimensions=2, spacing=(1.0, 7.0, 7.0), patch=(1, 16, 16), channels=("image",))


class Says(torch.nn.Module):
    """Says of every image that these boxes (y0, x0, y1, x1) are there, each less sure than the one before."""

    def __init__(self, *boxes: tuple[float, ...]) -> None:
        super().__init__()
        self.anchors = torch.tensor(boxes)

    def forward(self, image_BCYX: torch.Tensor) -> Output:
        count = len(self.anchors)
        logits = torch.arange(count, 0, -1.0).reshape(1, count, 1)
        return Output((), detection=BoxMaps(logits, torch.zeros(1, count, 4), self.anchors, (count,)))


def test_boxes_end_where_the_image_does_and_one_beyond_it_is_none():
    original = Grid.upright((1, 100, 100), unit="pixel")
    grid = network_grid(original, RECIPE)
    sight = Sight(torch.zeros(1, *grid.shape), grid, original, RECIPE)
    network = Says((10.0, 2.0, 15.0, 4.0), (14.5, 6.0, 15.0, 8.0), (1.0, 1.0, 3.0, 3.0))

    (answer,) = [
        said for said in answers(network, (PLACES,), sight, SimpleNamespace(autocast=nullcontext)) if said != 1
    ]

    assert grid.shape == (1, 15, 15)
    np.testing.assert_allclose(answer.boxes.boxes.corners, [[0, 70, 14, 1, 100, 28], [0, 7, 7, 1, 21, 21]])
    np.testing.assert_allclose(answer.boxes.scores, torch.tensor([3.0, 1.0]).sigmoid().numpy())
