"""How long a box is seen well."""

from pathlib import Path

import numpy as np
import pytest
import torch

from napari_medkd.core.annotation import Boxes
from napari_medkd.core.grid import Grid
from napari_medkd.core.preprocessing import Preprocessing
from napari_medkd.core.task import Task
from napari_medkd.engine.box_limits import coarser_spacing, lengths, voxels_seen
from napari_medkd.engine.learned_boxes import BoxedImage
from napari_medkd.engine.networks.anchors import AnchorSizes
from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.normalised_activation import NormalisedActivation
from napari_medkd.engine.networks.unet import UNet

pytestmark = pytest.mark.engine

PLACES = Task("places", "detection", ("lump",))


def image(shape, spacing, *sides):
    corners = np.array([[0, 0, 0, *each] for each in sides], dtype=np.float64)
    return BoxedImage(Path("image.nii"), Boxes(corners, ("lump",) * len(sides), Grid.upright(shape, spacing), PLACES))


def recipe(spacing, patch):
    return Preprocessing(dimensions=3, spacing=spacing, patch=patch, channels=("image",))


@pytest.mark.parametrize("num_levels", [2, 3])
def test_the_coarsest_level_sees_so_many_voxels(num_levels):
    anchors = AnchorSizes(levels=(num_levels - 1,), sizes=(((8.0, 8.0),),))
    answers = HeadsShape(num_box_classes=1, anchors=anchors)
    network = UNet(dimensions=2, in_channels=1, answers=answers, widths=(4, 8, 8)[:num_levels])
    for module in network.modules():  # without normalisation, which sees everything
        if isinstance(module, NormalisedActivation):
            module.forward = lambda map_BCYX: map_BCYX
    side = 128
    shown = torch.zeros(1, 1, side, side, requires_grad=True)
    maps = network(shown).detection
    middle = len(maps.logits_BNK[0]) // 2 + side // 2**num_levels

    maps.logits_BNK[0, middle, 0].backward()

    assert int((shown.grad[0, 0] != 0).any(0).sum()) == voxels_seen(num_levels)


def test_at_four_levels_they_are_79():
    assert voxels_seen(4) == 79


def test_a_box_is_seen_to_half_of_a_patch_where_the_image_is_larger_and_as_far_as_the_network_sees_else():
    images = [image((20, 96, 96), (1, 1, 1), (10, 10, 24), (12, 79, 10))]

    found = lengths(images, recipe((1, 1, 1), (24, 96, 48)), num_levels=4)

    assert found == pytest.approx([1.0, 1.0])


def test_fine_axes_are_made_coarser_before_coarse_ones():
    images = [image((20, 512, 512), (5, 1, 1), (4, 100, 100))]

    assert coarser_spacing(images, recipe((5, 1, 1), (24, 96, 96)), num_levels=4) == (5, 2.08, 2.08)
