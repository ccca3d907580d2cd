"""Anchors: their sizes come from the boxes, their places from the maps."""

import numpy as np
import pytest
import torch

from napari_medkd.engine.networks.anchors import AnchorSizes, anchor_sizes, anchors_of

pytestmark = pytest.mark.engine


def test_boxes_of_two_sizes_get_levels_of_their_own():
    small = np.random.default_rng(0).normal(16, 1, (60, 2))
    large = np.random.default_rng(1).normal(64, 4, (40, 2))

    found = anchor_sizes(np.concatenate([small, large]), num_levels=5)

    assert found.levels == (2, 3, 4)  # a side of 16 is four steps of level 2, one of 64 four of level 4
    np.testing.assert_allclose(np.mean(found.sizes[0]), 16, rtol=0.1)
    np.testing.assert_allclose(np.mean(found.sizes[2]), 64, rtol=0.1)


def test_boxes_of_one_size_still_get_as_many_anchors():
    found = anchor_sizes(np.full((9, 3), 8.0), num_levels=3)

    assert found.levels == (1,)
    assert found.per_position == 3
    assert found.sizes[0][1] == (8.0, 8.0, 8.0)


def test_a_box_larger_than_all_levels_is_looked_for_on_the_coarsest():
    assert anchor_sizes(np.full((4, 2), 500.0), num_levels=3).levels == (2,)


def test_without_boxes_there_are_no_anchors():
    with pytest.raises(ValueError, match="no box"):
        anchor_sizes(np.zeros((0, 2)), num_levels=3)


def test_anchors_lie_around_the_middles_of_the_maps_positions():
    sizes = AnchorSizes(levels=(1, 2), sizes=(((2.0, 4.0),), ((8.0, 8.0),)))

    found = anchors_of(sizes, [(2, 2), (1, 1)], torch.device("cpu"))

    expected = [[0, -1, 2, 3], [0, 1, 2, 5], [2, -1, 4, 3], [2, 1, 4, 5], [-2, -2, 6, 6]]  # positions of 2, then of 4
    np.testing.assert_array_equal(found, expected)
