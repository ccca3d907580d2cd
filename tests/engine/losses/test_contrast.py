import math

import pytest
import torch

from napari_medkd.engine.losses.contrast import nt_xent

pytestmark = pytest.mark.engine


def test_a_batch_of_one_is_refused():
    with pytest.raises(ValueError, match="batch size of 2 or more"):
        nt_xent(torch.ones(1, 4), torch.ones(1, 4))


def test_the_value_for_two_orthogonal_pairs():
    rows = torch.eye(2)

    # Each row: its partner at cosine 1, two others at 0, temperature 0.5.
    assert nt_xent(rows, rows, 0.5).item() == pytest.approx(-math.log(math.exp(2) / (math.exp(2) + 2)), abs=1e-5)


def test_embeddings_that_cannot_be_told_apart_cost_the_logarithm_of_the_choices():
    assert nt_xent(torch.ones(3, 4), torch.ones(3, 4)).item() == pytest.approx(math.log(5), abs=1e-5)


def test_the_length_of_an_embedding_does_not_count():
    first, second = torch.randn(3, 5), torch.randn(3, 5)

    assert nt_xent(4 * first, second).item() == pytest.approx(nt_xent(first, second).item(), rel=1e-5)


def test_the_gradient_of_both_sides_is_right():
    first, second = (torch.randn(2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))

    assert torch.autograd.gradcheck(nt_xent, (first, second))
