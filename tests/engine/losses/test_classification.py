"""Cross-entropy of a whole image's classes."""

import math

import pytest
import torch

from napari_medkd.engine.losses.classification import class_cross_entropy

pytestmark = pytest.mark.engine


def test_one_class_of_several_by_hand():
    logits = torch.tensor([[0.0, math.log(3.0)]])  # probabilities 1/4 and 3/4

    found = class_cross_entropy(logits, torch.tensor([[1.0, 0.0]]), multilabel=False)

    assert float(found) == pytest.approx(math.log(4))


def test_several_classes_at_once_by_hand():
    logits = torch.tensor([[math.log(3.0), 0.0]])  # probabilities 3/4 and 1/2

    found = class_cross_entropy(logits, torch.tensor([[1.0, 0.0]]), multilabel=True)

    assert float(found) == pytest.approx((math.log(4 / 3) + math.log(2)) / 2)


@pytest.mark.parametrize("multilabel", [False, True])
def test_what_is_not_known_counts_nowhere_and_has_no_gradient(multilabel):
    logits = torch.randn(3, 2, generator=torch.Generator().manual_seed(0), requires_grad=True)
    known = torch.tensor([[1.0, 0.0], [-1.0, -1.0], [0.0, 1.0]])

    class_cross_entropy(logits, known, multilabel=multilabel).backward()
    alone = class_cross_entropy(logits[[0, 2]], known[[0, 2]], multilabel=multilabel)

    torch.testing.assert_close(alone, class_cross_entropy(logits, known, multilabel=multilabel))
    assert (logits.grad[1] == 0).all()
    assert (logits.grad[0] != 0).all()


@pytest.mark.parametrize("multilabel", [False, True])
def test_nothing_known_is_a_loss_of_nothing(multilabel):
    assert float(class_cross_entropy(torch.ones(2, 3), torch.full((2, 3), -1.0), multilabel=multilabel)) == 0


def test_a_weighted_image_counts_so_often_in_the_mean_over_images():
    logits = torch.tensor([[0.0, math.log(3.0)]] * 3)  # probabilities 1/4 and 3/4
    known = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])

    found = class_cross_entropy(logits, known, multilabel=False, weights_K=torch.tensor([0.5, 2.0]))

    assert float(found) == pytest.approx((0.5 * math.log(4) + 2 * math.log(4 / 3)) / 2)


@pytest.mark.parametrize("multilabel", [False, True])
def test_a_class_of_one_image_in_twenty_pulls_as_hard_as_the_others_over_batches_of_four(multilabel):
    logits = torch.zeros(20, 2, requires_grad=True)
    known = torch.tensor([[1.0, 0.0]] * 19 + [[0.0, 1.0]])
    weights_K = torch.tensor([1 / 19, 19.0] if multilabel else [20 / 38, 10.0])

    for first in range(0, 20, 4):
        batch = slice(first, first + 4)
        class_cross_entropy(logits[batch], known[batch], multilabel=multilabel, weights_K=weights_K).backward()

    torch.testing.assert_close(logits.grad.sum(0), torch.zeros(2), atol=1e-6, rtol=0)


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="as many labels"):
        class_cross_entropy(torch.ones(2, 3), torch.ones(2, 2), multilabel=False)
