"""Weights of places in and around boxes."""

import pytest
import torch

from napari_medkd.engine.data.batch import BoxTarget
from napari_medkd.engine.losses.box_weights import box_weights

pytestmark = pytest.mark.engine


def boxes(*corners):
    found = torch.tensor(corners, dtype=torch.float32).reshape(-1, 4)
    return BoxTarget(found, torch.zeros(len(found), dtype=torch.int64))


def weights(*targets):
    return box_weights(targets, (4, 4), (16, 16), torch.device("cpu"))


def test_a_box_weighs_as_much_as_all_that_is_around_it():
    (found,) = weights(boxes((4, 4, 12, 8)))  # two of sixteen places

    assert found[1:3, 1].tolist() == pytest.approx([4.0, 4.0])  # 16 places x 1/2 / 2
    assert found[0, 0].item() == pytest.approx(16 / 2 / 14)
    assert found.mean().item() == pytest.approx(1)


def test_a_small_box_weighs_as_much_as_a_large_one():
    (found,) = weights(boxes((0, 0, 4, 4), (8, 8, 16, 16)))

    assert found[0, 0].item() == pytest.approx(found[2:, 2:].sum().item())


def test_a_box_smaller_than_a_place_still_has_one():
    (found,) = weights(boxes((5, 5, 6, 6)))

    assert found[1, 1].item() == pytest.approx(8)


def test_without_boxes_or_where_they_are_not_known_all_places_weigh_the_same():
    assert (weights(boxes(), None) == 1).all()


def test_a_box_over_the_whole_image_leaves_nothing_around():
    (found,) = weights(boxes((0, 0, 16, 16)))

    assert (found == 1).all()
