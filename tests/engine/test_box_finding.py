"""Boxes found in whole images, window by window."""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from monai.data.box_utils import batched_nms
from torch.nn import functional

from napari_medkd.core.box_measures import MOST_BOXES
from napari_medkd.engine.box_finding import SAME_IN_PLANES, find_boxes
from napari_medkd.engine.judge import exhaust
from napari_medkd.engine.networks.anchors import AnchorSizes, anchors_of
from napari_medkd.engine.networks.heads import BoxMaps, Output

pytestmark = pytest.mark.engine


class SeesBright(torch.nn.Module):
    """Finds a box of 8 voxels a side around every bright block of 4 that lies on its raster."""

    def __init__(self, dimensions: int) -> None:
        super().__init__()
        self.dimensions = dimensions
        self.anchors = AnchorSizes(levels=(2,), sizes=(((8.0,) * dimensions,),))

    def forward(self, image):
        pool = functional.avg_pool2d if self.dimensions == 2 else functional.avg_pool3d
        brightness = pool(image, 4)
        logits = (10 * brightness - 5).flatten(1)[..., None]
        anchors = anchors_of(self.anchors, [tuple(brightness.shape[2:])], image.device)
        offsets = torch.zeros(len(image), len(anchors), 2 * self.dimensions)
        return Output((), detection=BoxMaps(logits, offsets, anchors, (logits.shape[1],)))


def found_in(shape, patch, *blocks):
    """Return the corners of what is found in an image with blocks at these rasters."""
    image = torch.zeros(1, *shape)
    for block in blocks:
        where = tuple(
            slice(4 * at, 4 * at + 4) if size > 1 else slice(0, 1) for at, size in zip(block, shape, strict=True)
        )
        image[(slice(None), *where)] = 1
    dimensions = 2 if patch[0] == 1 else 3
    found = exhaust(find_boxes(SeesBright(dimensions), image, patch, nullcontext))
    assert (found.classes_N == 0).all()
    assert (np.diff(found.scores_N) <= 0).all()
    return sorted(map(tuple, found.corners_N6.tolist()))


def test_a_box_in_a_picture_of_one_window():
    assert found_in((1, 32, 32), (1, 32, 32), (0, 2, 5)) == [(0, 6, 18, 1, 14, 26)]


def test_each_block_of_a_large_picture_is_found_once_wherever_windows_end():
    blocks = [(0, row, column) for row in range(1, 23, 3) for column in range(1, 15, 3)]

    found = found_in((1, 96, 64), (1, 32, 32), *blocks)

    assert found == sorted((0.0, 4 * y - 2.0, 4 * x - 2.0, 1.0, 4 * y + 6.0, 4 * x + 6.0) for _, y, x in blocks)


class SeesFromItsMiddle(SeesBright):
    """Finds boxes that are higher, the farther they are from the middle of what it is shown."""

    def forward(self, image):
        found = super().forward(image).detection
        middle_N = (found.anchors_ND[:, 0] + found.anchors_ND[:, 2]) / 2
        offsets = found.offsets_BND.clone()
        offsets[..., 2] = (middle_N - image.shape[2] / 2).abs() / 4
        return Output((), detection=found._replace(offsets_BND=offsets))


def test_where_the_last_window_is_moved_to_the_images_end_a_box_counts_in_the_nearer_window_alone():
    image = torch.zeros(1, 1, 80, 32)  # of rows 0 to 63 and 16 to 79
    image[0, 0, 40:44, 8:12] = 1

    found = exhaust(find_boxes(SeesFromItsMiddle(2), image, (1, 64, 32), nullcontext))

    (height,) = found.corners_N6[:, 4] - found.corners_N6[:, 1]
    assert height == pytest.approx(8 * np.exp((16 + 32 - 42) / 4))


def test_each_block_of_a_large_volume_is_found_once():
    blocks = [(1, 2, 3), (4, 5, 6), (8, 9, 1), (10, 1, 10)]

    found = found_in((48, 48, 48), (16, 32, 32), *blocks)

    corners = [tuple(4.0 * at - 2 for at in block) + tuple(4.0 * at + 6 for at in block) for block in blocks]
    assert found == sorted(corners)


def test_boxes_are_cut_at_the_images_border_and_a_small_image_is_continued_by_it():
    assert found_in((1, 16, 16), (1, 32, 32), (0, 0, 2)) != []
    ((z0, y0, x0, z1, y1, x1),) = found_in((1, 32, 32), (1, 32, 32), (0, 0, 2))

    assert (z0, y0, x0, z1, y1, x1) == (0, 0, 6, 1, 6, 14)


def test_no_more_boxes_are_found_than_are_kept_and_they_are_the_first_of_all():
    generator = torch.Generator().manual_seed(0)
    image = functional.interpolate(torch.rand(1, 1, 24, 24, generator=generator), scale_factor=4)[0][:, None]

    found = exhaust(find_boxes(SeesBright(2), image, (1, 96, 96), nullcontext))

    maps = SeesBright(2)(image[:, 0][None]).detection
    corners, scores = maps.anchors_ND, maps.logits_BNK[0, :, 0].sigmoid()
    every = batched_nms(corners, scores, torch.zeros(len(corners)), SAME_IN_PLANES, max_proposals=-1)
    assert len(every) > len(found.scores_N) == MOST_BOXES
    np.testing.assert_allclose(found.scores_N, scores[every[:MOST_BOXES]].double().numpy())
    np.testing.assert_array_equal(found.corners_N6[:, [1, 2, 4, 5]], corners[every[:MOST_BOXES]].clamp(0, 96).numpy())


class SeesBrightAndDark(SeesBright):
    """Finds boxes of a second class around dark blocks, which it is less sure of."""

    def forward(self, image):
        bright = super().forward(image).detection
        dark = -bright.logits_BNK - 2
        return Output((), detection=bright._replace(logits_BNK=torch.cat([bright.logits_BNK, dark], dim=2)))


def test_of_each_class_as_many_boxes_are_kept_the_surest_of_all_first():
    generator = torch.Generator().manual_seed(0)
    image = functional.interpolate(torch.rand(1, 1, 32, 32, generator=generator), scale_factor=4)[0][:, None]

    found = exhaust(find_boxes(SeesBrightAndDark(2), image, (1, 96, 96), nullcontext))

    assert np.bincount(found.classes_N).tolist() == [MOST_BOXES, MOST_BOXES]
    assert (np.diff(found.scores_N) <= 0).all()


def test_nothing_bright_is_nothing_found():
    assert found_in((1, 32, 32), (1, 32, 32)) == []
