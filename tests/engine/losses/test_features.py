import math

import pytest
import torch

from napari_medkd.engine.losses.features import cosine_distance, feature_mse, foreground_balanced_mse, standardised_mse

pytestmark = pytest.mark.engine


def balanced(student, teacher):
    labels = torch.arange(student[:, 0].numel()).reshape(student[:, 0].shape) % 3 - 1
    return foreground_balanced_mse(student, teacher, labels)


DISTANCES = pytest.mark.parametrize("distance", [feature_mse, cosine_distance, balanced])


@DISTANCES
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (2, 3, 2, 4, 5)], ids=["planes", "volumes"])
def test_equal_maps_are_at_distance_zero(distance, shape):
    features = torch.randn(shape)

    assert distance(features, features.clone()).item() == pytest.approx(0, abs=1e-6)


@DISTANCES
def test_the_gradient_of_both_sides_is_right(distance):
    student, teacher = (torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))

    assert torch.autograd.gradcheck(distance, (student, teacher))


@DISTANCES
def test_maps_of_different_channels_are_refused_with_a_remedy(distance):
    with pytest.raises(ValueError, match="put an adapter between them"):
        distance(torch.zeros(1, 3, 2, 2), torch.zeros(1, 4, 2, 2))


@DISTANCES
def test_half_precision_maps_are_summed_in_full_precision(distance):
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(1, 8, 32, 32, 32, generator=generator).bfloat16() for _ in range(2))

    found = distance(student, teacher)

    assert found.dtype == torch.float32
    assert found.item() == pytest.approx(distance(student.double(), teacher.double()).item(), rel=1e-4)


def test_the_squared_difference_is_averaged_over_all_entries():
    student = torch.tensor([[[[1.0, 2.0]], [[0.0, 0.0]]]])
    teacher = torch.tensor([[[[0.0, 0.0]], [[0.0, 1.0]]]])

    assert feature_mse(student, teacher).item() == pytest.approx((1 + 4 + 0 + 1) / 4)


def test_the_balanced_difference_gives_every_class_present_the_same_weight():
    student = torch.tensor([[[[1.0, 1.0, 1.0, 3.0, 9.0]]]])
    labels = torch.tensor([[[0, 0, 0, 2, -1]]])

    # Background: mean 1; class 2: mean 9; class 1 is absent; the unlabelled voxel counts nowhere.
    assert foreground_balanced_mse(student, torch.zeros_like(student), labels).item() == pytest.approx((1 + 9) / 2)


def test_with_background_alone_the_balanced_difference_is_the_plain_one():
    student, teacher = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)

    found = foreground_balanced_mse(student, teacher, torch.zeros(2, 4, 4, dtype=torch.long))

    torch.testing.assert_close(found, feature_mse(student, teacher))


def test_the_balanced_difference_without_any_label_is_zero():
    assert (
        foreground_balanced_mse(torch.ones(1, 2, 2, 2), torch.zeros(1, 2, 2, 2), torch.full((1, 2, 2), -1)).item() == 0
    )


@pytest.mark.parametrize("label", [-1, 0], ids=["nothing labelled", "equal maps"])
def test_where_the_balanced_difference_is_zero_its_gradient_is_zero_too(label):
    student = torch.ones(1, 2, 2, 2, requires_grad=True)
    teacher = torch.zeros(1, 2, 2, 2) if label == -1 else torch.ones(1, 2, 2, 2)

    foreground_balanced_mse(student, teacher, torch.full((1, 2, 2), label)).backward()

    assert torch.equal(student.grad, torch.zeros_like(student))


def test_the_balanced_difference_refuses_labels_of_another_resolution():
    with pytest.raises(ValueError, match="needs labels of shape"):
        foreground_balanced_mse(torch.ones(1, 2, 2, 2), torch.zeros(1, 2, 2, 2), torch.zeros(1, 4, 4))


def test_the_cosine_is_taken_per_sample():
    student = torch.tensor([[1.0, 0.0], [1.0, 1.0]]).reshape(2, 2, 1, 1)
    teacher = torch.tensor([[0.0, 5.0], [3.0, 0.0]]).reshape(2, 2, 1, 1)

    assert cosine_distance(student, teacher).item() == pytest.approx(1 - (0 + math.sqrt(0.5)) / 2)


def test_the_cosine_ignores_a_positive_factor_and_is_two_for_opposite_maps():
    features = torch.randn(2, 3, 4, 4)

    assert cosine_distance(features, 7 * features).item() == pytest.approx(0, abs=1e-6)
    assert cosine_distance(features, -features).item() == pytest.approx(2, abs=1e-6)


def test_a_map_of_zeros_is_at_distance_one():
    assert cosine_distance(torch.zeros(1, 2, 2, 2), torch.ones(1, 2, 2, 2)).item() == 1


def test_standardised_maps_that_differ_by_scale_and_shift_of_each_channel_are_equal():
    teacher = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    student = teacher * torch.tensor([2.0, 0.5, 7.0])[:, None, None] + torch.tensor([1.0, -3.0, 0.0])[:, None, None]

    assert standardised_mse(student, teacher).item() == pytest.approx(0, abs=1e-5)


def test_standardised_maps_of_opposite_sign_are_four_apart():
    teacher = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))

    assert standardised_mse(-teacher, teacher).item() == pytest.approx(4, abs=1e-3)


def test_a_place_of_weight_nothing_does_not_count():
    teacher = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    weights = torch.full((1, 4, 4), 2.0)
    weights[:, :, 2:] = 0
    student = teacher.clone()
    student[..., 2:] = student[..., 2:].flip(-1)  # the channels keep their means and variances

    assert standardised_mse(student, teacher).item() > 0.1
    assert standardised_mse(student, teacher, weights).item() == pytest.approx(0, abs=1e-6)
