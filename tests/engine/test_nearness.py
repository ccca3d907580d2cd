import math

import pytest
import torch

from napari_medkd.engine.nearness import nearness

pytestmark = pytest.mark.engine


def line(*classes):
    """A plane of one row, as (B, Y, X)."""
    return torch.tensor([[classes]])


def test_it_falls_with_every_step_away():
    near = nearness(line(1, 0, 0, 0, 0, 0, 0), 2)

    expected = [math.exp(-steps) for steps in (0, 1, 2, 3, 4, 4, 4)]
    assert near[0, 1, 0].tolist() == pytest.approx(expected)
    assert near[0, 0, 0].tolist() == pytest.approx([math.exp(-1), 1, 1, 1, 1, 1, 1])


def test_a_diagonal_step_is_one_step_and_volumes_have_them_too():
    expected = torch.zeros(1, 5, 5, 5, dtype=torch.long)
    expected[0, 2, 2, 2] = 1

    near = nearness(expected, 2)

    assert near.shape == (1, 2, 5, 5, 5)
    assert near[0, 1, 1, 1, 1].item() == pytest.approx(math.exp(-1))
    assert near[0, 1, 0, 2, 4].item() == pytest.approx(math.exp(-2))


def test_what_is_not_expected_anywhere_is_equally_far_everywhere():
    near = nearness(line(0, 0, 0), 3)

    assert near[0, 2, 0].tolist() == pytest.approx([math.exp(-4)] * 3)


def test_nothing_is_said_where_nothing_is_expected():
    near = nearness(line(-1, 1, 0), 2)

    assert near[0, :, 0, 0].tolist() == [1, 1]
    assert near[0, 1, 0, 2].item() == pytest.approx(math.exp(-1))
