import pytest
import torch
from torch.nn import functional

from napari_medkd.engine.networks.heads import HeadsShape
from napari_medkd.engine.networks.unet import UNet

pytestmark = pytest.mark.engine


def network(dimensions=3, skips=True, widths=(4, 6, 8)):
    torch.manual_seed(0)
    return UNet(dimensions=dimensions, in_channels=2, answers=HeadsShape(num_classes=3), widths=widths, skips=skips)


def image(dimensions=3, side=8):
    return torch.randn(2, 2, *(side, 2 * side, side)[:dimensions], generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("skips", [True, False])
def test_logits_have_the_image_s_resolution_and_a_channel_per_class(dimensions, skips):
    found = network(dimensions, skips)(image(dimensions))

    assert found.logits.shape == (2, 3, *image(dimensions).shape[2:])


@pytest.mark.parametrize("dimensions", [2, 3])
@pytest.mark.parametrize("skips", [True, False])
def test_taps_are_as_declared_and_run_from_coarse_to_fine(dimensions, skips):
    made = network(dimensions, skips)

    features = made(image(dimensions)).features

    assert tuple(feature.shape[1] for feature in features) == made.pyramid_channels[1:] == (6, 4)
    assert [feature.shape[2] for feature in features] == [4, 8]


@pytest.mark.parametrize("dimensions", [2, 3])
def test_the_last_tap_feeds_the_head(dimensions):
    made = network(dimensions)

    found = made(image(dimensions))

    assert found.features[-1].shape[1] == made.pyramid_channels[-1] == made.heads.segmentation.in_channels
    torch.testing.assert_close(made.heads.segmentation(found.features[-1]), found.logits)


def test_with_and_without_skips_the_taps_have_equal_shapes():
    with_skips, without = network(skips=True)(image()), network(skips=False)(image())

    assert [tap.shape for tap in with_skips.features] == [tap.shape for tap in without.features]


def test_without_skips_the_encoder_s_first_map_reaches_the_answer_only_through_the_bottleneck():
    made = network(skips=False)
    with torch.no_grad():
        made.encoder[-1][0].weight.zero_()

    answers = made(image()).logits

    torch.testing.assert_close(answers[0], answers[1])
    assert not torch.equal(network(skips=True)(image()).logits[0], network(skips=True)(image()).logits[1])


def test_every_parameter_receives_a_gradient():
    made = network()

    functional.cross_entropy(made(image()).logits, torch.zeros(2, 8, 16, 8, dtype=torch.long)).backward()

    assert [name for name, weight in made.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def test_the_default_network_has_about_a_million_parameters():
    made = UNet(dimensions=3, in_channels=1, answers=HeadsShape(num_classes=3))

    assert 1.0e6 < sum(weight.numel() for weight in made.parameters()) < 1.5e6


def test_a_side_that_cannot_be_halved_is_refused_with_the_multiple_and_a_remedy():
    with pytest.raises(ValueError, match=r"multiple of 4\. Pad it to \(12, 16, 8\)"):
        network()(torch.zeros(1, 2, 9, 16, 8))


def test_an_image_of_one_coarsest_voxel_is_refused():
    with pytest.raises(ValueError, match="single voxel at the coarsest level"):
        network()(torch.zeros(1, 2, 4, 4, 4))


def test_a_plane_is_refused_by_a_network_of_volumes():
    with pytest.raises(ValueError, match="2 spatial axes; this network sees 3"):
        network()(torch.zeros(1, 2, 8, 8))


def test_a_single_level_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        network(widths=(4,))


def test_autocast_to_bf16_stays_near_full_precision():
    made = network()

    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rough = made(image()).logits

    torch.testing.assert_close(rough.float(), made(image()).logits.detach(), rtol=0.1, atol=0.1)


def test_it_learns_to_tell_bright_from_dark():
    made = network(2)
    picture = image(2, side=16)
    labels = (picture[:, 0] > 0).long()
    optimizer = torch.optim.Adam(made.parameters(), 1e-2)

    losses = []
    for _ in range(30):
        loss = functional.cross_entropy(made(picture).logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert losses[-1] < 0.3 * losses[0]
