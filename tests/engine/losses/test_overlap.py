import math

import pytest
import torch

from napari_medkd.engine.losses.overlap import cross_entropy, dice_loss, log_dice_loss

pytestmark = pytest.mark.engine


def certain(labels, num_classes=3):
    """Logits that give the label's class all of the probability."""
    return 100.0 * torch.movedim(torch.nn.functional.one_hot(labels, num_classes), -1, 1).float()


@pytest.fixture(params=[(2, 4, 5), (2, 3, 4, 5)], ids=["planes", "volumes"])
def labels(request):
    return torch.randint(0, 3, request.param, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("loss", [dice_loss, log_dice_loss, cross_entropy])
def test_a_perfect_prediction_costs_nothing(loss, labels):
    assert loss(certain(labels), labels).item() == pytest.approx(0, abs=1e-6)


def test_dice_of_two_voxels_equals_the_value_computed_by_hand():
    logits = torch.log(torch.tensor([[[[0.4, 0.8]], [[0.6, 0.2]]]]))
    labels = torch.tensor([[[1, 0]]])

    # Shared 0.6, predicted 0.6 + 0.2, true 1: Dice (2 * 0.6 + 1) / (0.8 + 1 + 1).
    assert dice_loss(logits, labels).item() == pytest.approx(1 - 2.2 / 2.8)


def test_the_logarithm_of_dice_is_taken_of_every_class_before_the_mean():
    labels = torch.tensor([[[1, 1, 2, 0]], [[1, 0, 0, 0]]])
    answers = torch.tensor([[[1, 1, 1, 0]], [[0, 3, 0, 0]]])

    # The Dice of the classes as below: 5/7 and 1/2; class 3 is in no label.
    found = log_dice_loss(certain(answers, num_classes=4), labels).item()

    assert found == pytest.approx(-(math.log(5 / 7) + math.log(1 / 2)) / 2)


def test_by_the_logarithm_a_structure_that_was_given_up_pulls_as_one_that_is_being_found():
    labels = torch.zeros(1, 32, 32, dtype=torch.long)
    labels[:, :4, :16] = 1
    labels[:, 8:12, :16] = 2
    chances = torch.full((1, 3, 32, 32), 0.001)  # of class 1 half is found, of class 2 a thousandth
    chances[:, 1, :4, :16] = 0.5
    chances[:, 0] = 1 - chances[:, 1:].sum(1)

    pulls = {}
    for loss in (dice_loss, log_dice_loss):
        logits = chances.log().requires_grad_()
        loss(logits, labels).backward()
        pulls[loss] = [-logits.grad[:, k][labels == k].sum().item() for k in (1, 2)]

    assert pulls[dice_loss][0] > 100 * pulls[dice_loss][1] > 0
    assert pulls[log_dice_loss][0] < 5 * pulls[log_dice_loss][1]


def test_cross_entropy_of_two_voxels_equals_the_value_computed_by_hand():
    logits = torch.log(torch.tensor([[[[0.4, 0.8]], [[0.6, 0.2]]]]))

    found = cross_entropy(logits, torch.tensor([[[1, 0]]]))

    assert found.item() == pytest.approx(-(math.log(0.6) + math.log(0.8)) / 2)


def test_dice_sums_over_the_batch_and_averages_the_classes_in_its_labels():
    labels = torch.tensor([[[1, 1, 2, 0]], [[1, 0, 0, 0]]])
    answers = torch.tensor([[[1, 1, 1, 0]], [[0, 3, 0, 0]]])

    # Class 1: 2 shared, 3 predicted, 3 true. Class 2: none shared, none predicted, 1 true. Class 3 is in no label.
    found = dice_loss(certain(answers, num_classes=4), labels).item()

    assert found == pytest.approx(1 - (5 / 7 + 1 / 2) / 2)


def test_dice_of_a_batch_without_foreground_is_nothing_to_learn_from():
    logits = torch.zeros(1, 3, 2, 4, 4, requires_grad=True)

    found = dice_loss(logits, torch.zeros(1, 2, 4, 4, dtype=torch.long))
    found.backward()

    assert found.item() == 0
    assert not logits.grad.any()


def test_an_all_background_sample_pulls_the_foreground_down():
    logits = torch.zeros(1, 3, 2, 4, 4, requires_grad=True)

    cross_entropy(logits, torch.zeros(1, 2, 4, 4, dtype=torch.long)).backward()

    assert (logits.grad[:, 1:] > 0).all()


@pytest.mark.parametrize("loss", [dice_loss, log_dice_loss, cross_entropy])
def test_an_unlabelled_voxel_counts_nowhere(loss):
    labels = torch.tensor([[[1, -1, 2, 0]]])
    logits = torch.randn(1, 3, 1, 4, generator=torch.Generator().manual_seed(0), requires_grad=True)
    kept = [0, 2, 3]

    found = loss(logits, labels)
    found.backward()

    assert found.item() == pytest.approx(loss(logits[..., kept], labels[..., kept]).item())
    assert not logits.grad[..., 1].any()


@pytest.mark.parametrize("loss", [dice_loss, log_dice_loss, cross_entropy])
def test_a_batch_without_any_label_costs_nothing(loss):
    assert loss(torch.randn(1, 3, 2, 2), torch.full((1, 2, 2), -1)).item() == 0


@pytest.mark.parametrize("loss", [dice_loss, log_dice_loss, cross_entropy])
def test_the_gradient_is_right(loss):
    logits = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    labels = torch.randint(-1, 3, (2, 2, 3))

    assert torch.autograd.gradcheck(lambda values: loss(values, labels), (logits,))


@pytest.mark.parametrize("loss", [dice_loss, log_dice_loss, cross_entropy])
def test_labels_of_another_shape_are_refused(loss):
    with pytest.raises(ValueError, match=r"needs labels of shape \(2, 4, 4\), not \(2, 4, 5\)"):
        loss(torch.zeros(2, 3, 4, 4), torch.zeros(2, 4, 5, dtype=torch.long))


@pytest.mark.parametrize("loss", [dice_loss, log_dice_loss, cross_entropy])
def test_half_precision_logits_are_summed_in_full_precision(loss):
    logits = torch.randn(1, 3, 40, 40, 40, generator=torch.Generator().manual_seed(0)).bfloat16()
    labels = torch.randint(0, 3, (1, 40, 40, 40), generator=torch.Generator().manual_seed(1))

    found = loss(logits, labels)

    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(loss(logits.double(), labels).item(), rel=1e-5)
