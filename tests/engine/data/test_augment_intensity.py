from dataclasses import replace

import pytest
import torch

from napari_medkd.engine.data.augment_intensity import drawn_appearance, repainted
from napari_medkd.engine.data.augmentation import STRONG, Augmentation

pytestmark = pytest.mark.engine

SURE = {"chance": 1.0}


def picture(shape=(2, 2, 6, 16, 16)):
    return torch.rand(shape, generator=torch.Generator().manual_seed(7))


def repaint(images, augmentation, spacing=None, seed=0):
    generators = [torch.Generator().manual_seed(seed + index) for index in range(len(images))]
    dimensions = images.dim() - 2
    appearance = drawn_appearance(augmentation, generators, images.shape[1], dimensions)
    return repainted(images, appearance, spacing or (1.0,) * dimensions, [seed + index for index in range(len(images))])


def order(values):
    return values.flatten(2).argsort(2)


@pytest.mark.parametrize("shape", [(2, 2, 16, 18), (2, 2, 6, 16, 18)])
def test_without_strength_the_values_stay(shape):
    torch.testing.assert_close(repaint(picture(shape), Augmentation(chance=1.0)), picture(shape))


def test_with_no_chance_the_values_stay():
    torch.testing.assert_close(repaint(picture(), replace(STRONG, chance=0.0)), picture())


@pytest.mark.parametrize("shape", [(2, 2, 16, 18), (2, 2, 6, 16, 18)])
def test_the_strong_chain_changes_every_channel_of_every_sample_differently(shape):
    same = picture((1, 1, *shape[2:])).expand(shape)

    found = repaint(same, replace(STRONG, chance=1.0)).flatten(0, 1)

    assert found.isfinite().all()
    assert not any(torch.allclose(found[one], found[other]) for one in range(4) for other in range(one))


def test_the_chain_follows_the_range_of_the_values():
    hounsfield = repaint(picture() * 400 - 100, replace(STRONG, chance=1.0))

    torch.testing.assert_close(
        hounsfield, repaint(picture(), replace(STRONG, chance=1.0)) * 400 - 100, rtol=1e-3, atol=0.1
    )


def test_gamma_keeps_the_order_and_the_range_and_moves_the_middle():
    found = repaint(picture(), Augmentation(gamma=(2.0, 2.0), **SURE))

    assert torch.equal(order(found), order(picture()))
    torch.testing.assert_close(found.amax((2, 3, 4)), picture().amax((2, 3, 4)), rtol=1e-4, atol=1e-4)
    assert (found.mean((2, 3, 4)) < 0.4).all()


def test_inversion_turns_the_order_round_within_the_range():
    found = repaint(picture(), Augmentation(inversion_chance=1.0))

    torch.testing.assert_close(
        found + picture(), (picture().amax((2, 3, 4), True) + picture().amin((2, 3, 4), True)).expand_as(found)
    )


def test_contrast_scales_about_the_mean_and_brightness_shifts_it():
    flatter = repaint(picture(), Augmentation(contrast=(0.5, 0.5), **SURE))
    brighter = repaint(picture(), Augmentation(brightness=0.3, **SURE))

    torch.testing.assert_close(flatter.mean((2, 3, 4)), picture().mean((2, 3, 4)), atol=1e-4, rtol=0)
    torch.testing.assert_close(flatter.std((2, 3, 4)), picture().std((2, 3, 4)) / 2, atol=1e-4, rtol=0)
    shifts = (brighter - picture()).flatten(2)
    assert shifts.std(2).max() < 1e-5
    assert 0.02 < shifts.abs().max() <= 0.3


def test_a_bias_field_is_a_smooth_factor():
    images = picture() + 0.5

    factor = repaint(images, Augmentation(bias_field=0.3, **SURE)) - images.amin((2, 3, 4), True)
    factor = factor / (images - images.amin((2, 3, 4), True)).clamp(min=1e-3)
    field = factor[:, :, :, 4:12, 4:12].clamp(0, 5)

    assert field.flatten(2).median(2).values.std() > 0.01
    assert field.diff(dim=-1).abs().flatten().quantile(0.9) < 0.1


@pytest.mark.parametrize("shape", [(6, 1, 32, 32), (6, 1, 8, 32, 32)])
def test_blur_keeps_the_mean_and_takes_the_detail(shape):
    axes = tuple(range(2, len(shape)))

    found = repaint(picture(shape), Augmentation(blur=2.0, **SURE))

    left = found.std(axes) / picture(shape).std(axes)
    torch.testing.assert_close(found.mean(axes), picture(shape).mean(axes), atol=0.02, rtol=0)
    assert left.max() < 1.001
    assert left.min() < 0.3


def test_blur_is_round_in_millimetres():
    point = torch.zeros(1, 1, 9, 17, 17)
    point[0, 0, 4, 8, 8] = 1

    found = repaint(point, Augmentation(blur=2.0, **SURE), spacing=(2.0, 1.0, 1.0))[0, 0]

    # Two voxels of 1 mm are as far as one of 2 mm.
    assert found[4, 8, 10].item() == pytest.approx(found[5, 8, 8].item(), rel=1e-3)
    assert found[4, 10, 8].item() == pytest.approx(found[4, 8, 10].item(), rel=1e-3)


def test_noise_has_the_strength_asked_for_and_no_preference():
    images = picture((8, 1, 40, 40))

    noise = (repaint(images, Augmentation(noise=0.2, **SURE)) - images).flatten(1)

    assert noise.mean(1).abs().max() < 0.02
    assert noise.std(1).max() <= 0.21
    assert noise.std(1).max() > 0.1


def test_an_empty_image_stays_empty_but_for_its_noise():
    flat = torch.full((1, 1, 8, 8), 3.0)

    found = repaint(flat, replace(STRONG, chance=1.0))

    assert found.isfinite().all()
    torch.testing.assert_close(found, flat, atol=1e-4, rtol=0)
