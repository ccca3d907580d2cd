from itertools import product

import pytest
import torch

from napari_medkd.engine.losses.similarity import local_correlation

pytestmark = pytest.mark.engine

SHAPES = pytest.mark.parametrize("shape", [(2, 1, 16, 18), (2, 1, 12, 14, 16)], ids=["planes", "volumes"])


def textured(shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


@SHAPES
@pytest.mark.parametrize("contrast", [2.0, 0.5, -1.0])
def test_another_brightness_and_contrast_is_alike(shape, contrast):
    image = textured(shape)

    assert local_correlation(image, contrast * image + 0.3).item() == pytest.approx(1, abs=0.01)


@SHAPES
def test_unrelated_noise_is_not_alike(shape):
    first, second = textured(shape), torch.rand(shape, generator=torch.Generator().manual_seed(1))

    assert local_correlation(first, second).item() < 0.1


def test_a_flat_image_is_like_nothing():
    assert local_correlation(torch.full((1, 1, 12, 12), 0.5), textured((1, 1, 12, 12))).item() == pytest.approx(0)


def test_the_value_of_one_neighbourhood_is_the_squared_correlation():
    first, second = textured((1, 1, 3, 3)).double(), torch.arange(9.0, dtype=torch.float64).reshape(1, 1, 3, 3)
    expected = torch.corrcoef(torch.stack((first.flatten(), second.flatten())))[0, 1].square()

    # A window of five around any of the 3 x 3 voxels holds all of them only at the centre; of nine, everywhere.
    assert local_correlation(first, second, window=9).item() == pytest.approx(expected.item(), rel=1e-3)


@pytest.mark.parametrize("side", [1, 3, 6])
@pytest.mark.parametrize("axis", [2, 3, 4])
def test_a_volume_of_few_slices_is_measured_by_those_it_has(side, axis):
    shape = [1, 1, 10, 11, 12]
    shape[axis] = side
    first, second = textured(shape).double(), textured(shape).double().flip(2, 3, 4) ** 2

    found = []
    for middle in product(*map(range, shape[2:])):
        around = (0, 0, *(slice(max(0, at - 4), at + 5) for at in middle))
        one, other = first[around], second[around]
        shared = (one * other).mean() - one.mean() * other.mean()
        found.append(shared**2 / (one.var(correction=0) * other.var(correction=0) + 1e-5))
    assert local_correlation(first, second).item() == pytest.approx(torch.stack(found).mean().item(), rel=1e-6)


def test_the_gradient_is_right():
    first, second = (torch.rand(1, 1, 4, 5, dtype=torch.float64, requires_grad=True) for _ in range(2))

    assert torch.autograd.gradcheck(lambda a, b: local_correlation(a, b, window=3), (first, second))


def test_images_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="must be equal"):
        local_correlation(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 5))
